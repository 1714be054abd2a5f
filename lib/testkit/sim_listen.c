#include "testkit/sim_internal.h"

/* The environment's listener over a simulated one. */

#include <string.h>
#include <sys/un.h>

#include <uv.h> /* the codes */

#include "base/error.h"
#include "net/acceptor.h"
#include "testkit/check.h"
#include "testkit/sim_net.h"

typedef struct sim_env_listener {
  ws_listener head;
  sim_listener *socket;
  sim_event ready; /* at the poll */
  sim_event freed;
} sim_env_listener;

static sim_env_listener *self(ws_listener *l) {
  return (sim_env_listener *) (void *) l;
}

static sim_env *env_of(const sim_env_listener *l) {
  return (sim_env *) (void *) l->head.env;
}

/* Level-triggered, as a socket is. */
static void arm(sim_env_listener *l) {
  if (!l->head.polling || !sim_listener_has_waiting(l->socket) || l->ready.slot != 0) return;
  sim_event_soon(env_of(l)->s, &l->ready);
}

static void on_waiting(void *up) {
  arm(up);
}

static void on_ready(void *data) {
  sim_env_listener *l = data;
  if (!sim_listener_has_waiting(l->socket) || ws_env_lost(l->head.env)) return;
  arm(l);
  acceptor_ready(&l->head, 0);
}

static int accept_next(ws_listener *head, struct ws_filter **out, struct sockaddr_storage *peer) {
  sim_env *env = (sim_env *) (void *) head->env;
  CHECK(!env->closing);
  if (env->s->accepts_to_fail > 0) {
    env->s->accepts_to_fail--;
    return env->s->accept_error;
  }
  return sim_filter_accept(env, self(head)->socket, out, peer);
}

static void set_polling(ws_listener *head, bool on) {
  sim_env_listener *l = self(head);
  sim_event_cancel(&env_of(l)->s->net, &l->ready);
  if (on) arm(l);
}

static const acceptor_ops ops = {accept_next, set_polling};

void sim_accepts_fail(sim *s, size_t count, int code) {
  s->accepts_to_fail = code < 0 ? count : 0;
  s->accept_error = code;
}

static bool is_address(const struct sockaddr_storage *addr) {
  static const char empty[2];
  const struct sockaddr_un *un = (const struct sockaddr_un *) addr;
  if (addr->ss_family == AF_UNIX) return memcmp(un->sun_path, empty, sizeof empty) != 0;
  return addr->ss_family == AF_INET || addr->ss_family == AF_INET6;
}

static int open_socket(sim_env_listener *l, const ws_listen_options *options) {
  const sim_listen_spec spec = {.addr = options->address,
                                .backlog = (size_t) options->backlog,
                                .reuse_port = options->reuse_port,
                                .dual_stack = options->dual_stack};
  if (options->fd >= 0) return WS_ENOTSUP; /* there are no descriptors */
  if (!is_address(&options->address)) return WS_EINVAL;
  return sim_listen(env_of(l)->s, &spec, on_waiting, l, &l->socket);
}

int sim_listen_start(ws_env *env, const ws_listen_options *options,
                     const ws_listener_events *events, void *up, ws_listener **out) {
  sim_env *owner = (sim_env *) (void *) env;
  CHECK(!owner->closing && events->on_accept != NULL && events->on_pause != NULL);
  sim_env_listener *l = ws_calloc(env->alloc, sizeof *l);
  if (l == NULL) return WS_ENOMEM;
  int err = acceptor_init(&l->head, env, &ops, events, up);
  if (err < 0) goto no_acceptor;
  sim_event_init(&l->ready, on_ready, l);
  err = open_socket(l, options);
  if (err < 0) goto no_socket;
  owner->listeners++;
  acceptor_start(&l->head);
  *out = &l->head;
  return 0;

no_socket:
  acceptor_free(&l->head);
no_acceptor:
  ws_free(env->alloc, l);
  return err;
}

int sim_listen_address(const ws_listener *l, struct sockaddr_storage *addr) {
  const sim_env_listener *s = (const sim_env_listener *) (const void *) l;
  CHECK(!l->freed);
  *addr = *sim_listener_address(s->socket);
  return 0;
}

int sim_listen_fd(const ws_listener *l) {
  CHECK(!l->freed);
  return -1;
}

static void on_freed(void *data) {
  sim_env_listener *l = data;
  sim_env *env = env_of(l);
  env->listeners--;
  env->closing_listeners--;
  ws_free(env->head.alloc, l);
  sim_env_settle(env);
}

void sim_listen_free(ws_listener *l) {
  if (l == NULL) return;
  sim_env_listener *own = self(l);
  CHECK(!l->freed);
  acceptor_free(l);
  sim_listener_free(own->socket);
  env_of(own)->closing_listeners++;
  sim_event_init(&own->freed, on_freed, own);
  sim_event_soon(env_of(own)->s, &own->freed);
}
