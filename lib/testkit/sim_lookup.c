#include "testkit/sim_internal.h"

/* Name lookup over a table. A lookup that is cancelled goes on as an orphan, as one in libuv's
   thread pool does; on a loop it ends at once, since nobody is to wait for it in real time. */

#include <string.h>
#include <strings.h>

#include <uv.h> /* the codes */

#include "base/error.h"
#include "testkit/check.h"

enum { NS_PER_MS = 1000 * 1000, ORPHAN_MS = 30 * 1000 };

typedef struct name {
  ws_list node;
  char *text;
  sim_answer answer; /* Its addresses are copies. */
} name;

struct ws_lookup {
  sim_env *env;
  sim_event done;
  ws_lookup_cb cb; /* NULL: cancelled */
  void *data;
  sim_answer answer;
  char literal[64];
  uint16_t port;
};

/* The table. The last entry of a name counts. Earlier ones are kept for lookups that have begun. */

static const name *find(const sim *s, const char *text) {
  for (ws_list *n = s->names.prev; n != &s->names; n = n->prev) {
    const name *entry = ws_list_entry(n, name, node);
    if (strcasecmp(entry->text, text) == 0) return entry;
  }
  return NULL;
}

static char *copy_text(const char *text) {
  char *copy = check_alloc(strlen(text) + 1);
  return memcpy(copy, text, strlen(text) + 1);
}

void sim_name(sim *s, const char *text, const sim_answer *answer) {
  name *entry = check_alloc(sizeof *entry);
  entry->text = copy_text(text);
  entry->answer = *answer;
  for (size_t i = 0; i < SIM_ADDRS_MAX; i++) {
    if (answer->addrs[i] != NULL) entry->answer.addrs[i] = copy_text(answer->addrs[i]);
  }
  ws_list_append(&s->names, &entry->node);
}

void sim_names_init(sim *s) {
  ws_list_init(&s->names);
  sim_name(s, "localhost", &(sim_answer){.addrs = {"127.0.0.1"}});
}

void sim_names_free(sim *s) {
  for (ws_list *node; (node = ws_list_pop(&s->names)) != NULL;) {
    name *entry = ws_list_entry(node, name, node);
    check_free(entry->text);
    for (size_t i = 0; i < SIM_ADDRS_MAX; i++) {
      check_free((void *) (uintptr_t) entry->answer.addrs[i]);
    }
    check_free(entry);
  }
}

/* A lookup */

static size_t count_addrs(const sim_answer *answer) {
  size_t n = 0;
  while (n < SIM_ADDRS_MAX && answer->addrs[n] != NULL) n++;
  return n;
}

/* The memory that holds the answer is the allocator's: there may be none. */
static void deliver(ws_lookup *l) {
  const wsuv_allocator_t *alloc = l->env->head.alloc;
  size_t count = count_addrs(&l->answer);
  if (l->answer.status < 0) {
    l->cb(l->data, l->answer.status, NULL, 0);
    return;
  }
  sim_addr *addrs = ws_malloc(alloc, count * sizeof *addrs);
  if (addrs == NULL) {
    l->cb(l->data, WS_ENOMEM, NULL, 0);
    return;
  }
  for (size_t i = 0; i < count; i++) {
    CHECK(sim_addr_parse(&addrs[i], l->answer.addrs[i], l->port));
  }
  l->cb(l->data, 0, addrs, count);
  ws_free(alloc, addrs);
}

/* In an environment that is lost, the lookup is freed when it is cancelled. */
static void on_done(void *data) {
  ws_lookup *l = data;
  sim_env *env = l->env;
  if (l->cb != NULL && ws_env_lost(&env->head)) return;
  if (l->cb != NULL) deliver(l);
  env->lookups--;
  env->s->lookups--;
  ws_free(env->head.alloc, l);
  sim_env_settle(env);
}

static void set_answer(ws_lookup *l, const char *host) {
  const name *entry = find(l->env->s, host);
  sim_addr addr;
  l->answer = (sim_answer){.status = UV_EAI_NONAME};
  if (entry != NULL) {
    l->answer = entry->answer;
  } else if (strlen(host) < sizeof l->literal && sim_addr_parse(&addr, host, l->port)) {
    memcpy(l->literal, host, strlen(host) + 1);
    l->answer = (sim_answer){.addrs = {l->literal}};
  }
  CHECK(l->answer.status < 0 || l->answer.addrs[0] != NULL || l->answer.delay_ms == SIM_NEVER);
}

int sim_lookup_start(ws_env *head, const char *host, uint16_t port, ws_lookup_cb cb, void *data,
                     ws_lookup **out) {
  sim_env *env = (sim_env *) (void *) head;
  sim *s = env->s;
  CHECK(!env->closing);
  ws_lookup *l = ws_calloc(head->alloc, sizeof *l);
  if (l == NULL) return WS_ENOMEM;
  l->env = env;
  l->cb = cb;
  l->data = data;
  l->port = port;
  set_answer(l, host);
  sim_event_init(&l->done, on_done, l);
  if (l->answer.delay_ms != SIM_NEVER) {
    sim_event_set(s, &s->net, &l->done, sim_now(s) + l->answer.delay_ms * NS_PER_MS);
  }
  env->lookups++;
  s->lookups++;
  sim_note_work(s);
  *out = l;
  return 0;
}

void sim_lookup_cancel(ws_lookup *l) {
  sim *s = l->env->s;
  CHECK(l->cb != NULL);
  l->cb = NULL;
  if (s->host != NULL) {
    sim_event_soon(s, &l->done);
    return;
  }
  /* Nobody waits for it, so it is a timer: nothing of the network is under way. */
  const uint64_t when_ns = l->answer.delay_ms == SIM_NEVER
                               ? s->now_ns + (uint64_t) ORPHAN_MS * NS_PER_MS
                               : l->done.when_ns;
  sim_event_cancel(&s->net, &l->done);
  sim_event_set(s, &s->timers, &l->done, when_ns);
}
