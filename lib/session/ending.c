#include "session/ending.h"

#include <string.h>

#include "base/error.h"
#include "base/sized.h"
#include "session/log.h"
#include "session/session.h"

/* Closes the sessions of an endpoint, at once or at random times. One timer is enough for all of
   them: only one session is the next. */

enum { TIMEOUT_MS = 30 * 1000, US = 1000 };

/* More than a thousand years, so that sums of times are numbers. */
static const uint64_t time_max_ms = UINT64_C(1) << 45;

SIZED_TYPE(end_type, wsuv_end_t, timeout_ms, sizeof(wsuv_end_t));

void ending_init(ending *n, endpoint *e) {
  n->endpoint = e;
  n->spread_end_ms = n->deadline_ms = UINT64_MAX;
  ws_list_init(&n->closers);
}

static uint64_t ending_now_ms(const ending *n) {
  return n->endpoint->env->ops->now_ms(n->endpoint->env);
}

/* Callbacks */

int ending_remember(ending *n, ending_function cb) {
  if (cb == NULL) return 0;
  bool first = ws_list_empty(&n->closers);
  ending_closer *c = first ? &n->first : ws_malloc(&n->endpoint->alloc, sizeof *c);
  if (c == NULL) return WS_ENOMEM;
  c->cb = cb;
  ws_list_append(&n->closers, &c->node);
  return 0;
}

ending_function ending_next_callback(ending *n) {
  ws_list *node = ws_list_pop(&n->closers);
  if (node == NULL) return NULL;
  ending_closer *c = ws_list_entry(node, ending_closer, node);
  ending_function cb = c->cb;
  if (c != &n->first) ws_free(&n->endpoint->alloc, c);
  return cb;
}

/* Sessions */

static wsuv_session_t *session_at(ws_list *node) {
  return ws_list_entry(node, wsuv_session_t, node);
}

/* Those that are not open have no closing handshake. */
static void cancel_unopened(endpoint *e) {
  for (ws_list *node = e->sessions.next; node != &e->sessions; node = node->next) {
    wsuv_session_t *s = session_at(node);
    if (s->state < SESSION_OPEN) wsuv_session_terminate(s);
  }
}

static void terminate_all(ending *n) {
  endpoint *e = n->endpoint;
  e->end_next = NULL;
  for (ws_list *node = e->sessions.next; node != &e->sessions; node = node->next) {
    wsuv_session_terminate(session_at(node));
  }
  if (n->terminate_others != NULL) n->terminate_others(e);
}

static void go_on(ending *n) {
  n->endpoint->end_next = n->endpoint->end_next->next;
  n->left--;
}

/* A raw session that has got a close frame is closing, but owes the answer. */
static bool is_closable(const wsuv_session_t *s) {
  return s->state == SESSION_OPEN || (s->state == SESSION_CLOSING && closing_answer_due(&s->conn));
}

/* The next session to be closed. Others before it are closing already. NULL: there is none. */
static wsuv_session_t *next_closable(ending *n) {
  endpoint *e = n->endpoint;
  if (e->end_next == NULL) return NULL;
  while (e->end_next != &e->sessions) {
    wsuv_session_t *s = session_at(e->end_next);
    if (is_closable(s)) return s;
    go_on(n);
  }
  e->end_next = NULL;
  return NULL;
}

/* The next session is closed after a time between 0 and twice its share of the time that is left.
   Without random bytes it is just the share. */
static void plan_next(ending *n) {
  endpoint *e = n->endpoint;
  const uint64_t end_us = n->spread_end_ms * US;
  const size_t left = n->left < e->session_count ? n->left : e->session_count;
  if (left == 0 || n->next_us >= end_us) return;
  const uint64_t share_us = (end_us - n->next_us) / left;
  uint64_t random;
  int err = random_pool_take(&e->shared.random, &random, sizeof random);
  n->next_us += err == 0 ? random % (2 * share_us + 1) : share_us;
}

/* If no close frame can be made, the session is terminated. */
static void close_due(ending *n, uint64_t now_ms) {
  wsuv_session_t *s;
  while ((s = next_closable(n)) != NULL) {
    if (now_ms < n->spread_end_ms && now_ms * US < n->next_us) return;
    go_on(n);
    if (wsuv_session_close(s, n->code, n->reason) < 0) wsuv_session_terminate(s);
    plan_next(n);
  }
}

/* The timer */

static void arm(ending *n, uint64_t now_ms) {
  const endpoint *e = n->endpoint;
  uint64_t at_ms = n->deadline_ms;
  if (next_closable(n) != NULL) {
    const uint64_t next_ms = (n->next_us + US - 1) / US;
    const uint64_t close_ms = next_ms < n->spread_end_ms ? next_ms : n->spread_end_ms;
    if (close_ms < at_ms) at_ms = close_ms;
  }
  if (at_ms == UINT64_MAX) {
    e->env->ops->timer_stop(e->end_timer);
  } else {
    e->env->ops->timer_start(e->end_timer, at_ms > now_ms ? at_ms - now_ms : 1);
  }
}

/* After a stall of the loop, answers of the peers may be in the sockets, so the deadline counts
   after one more poll (timeouts.h). */
static void on_timer(void *data) {
  ending *n = data;
  const uint64_t now_ms = ending_now_ms(n);
  close_due(n, now_ms);
  if (now_ms >= n->deadline_ms && n->polled) {
    terminate_all(n);
    return;
  }
  n->polled = now_ms >= n->deadline_ms;
  arm(n, now_ms);
}

/* The end */

/* Take over what is earlier than what was asked for before. */
static void take(ending *n, const wsuv_end_t *how, uint64_t now_ms) {
  endpoint *e = n->endpoint;
  const uint64_t spread_end_ms = now_ms + how->spread_ms;
  const bool timed = how->timeout_ms != UINT64_MAX;
  if (timed && now_ms + how->timeout_ms < n->deadline_ms) n->deadline_ms = now_ms + how->timeout_ms;
  if (spread_end_ms >= n->spread_end_ms) return;
  if (n->spread_end_ms == UINT64_MAX) {
    e->end_next = e->sessions.next;
    n->left = e->session_count;
  }
  n->spread_end_ms = spread_end_ms;
  n->code = how->code;
  n->reason[0] = '\0';
  if (how->reason != NULL) memcpy(n->reason, how->reason, strlen(how->reason) + 1);
  n->next_us = now_ms * US;
  (void) next_closable(n);
  plan_next(n);
}

/* Whether the timer has something to wait for; if so, it is made. Without memory for it, sessions
   are closed at once. */
static bool needs_timer(ending *n, uint64_t now_ms) {
  endpoint *e = n->endpoint;
  const bool spread = next_closable(n) != NULL && now_ms < n->spread_end_ms;
  if (!spread && n->deadline_ms == UINT64_MAX) return e->end_timer != NULL;
  if (e->end_timer != NULL) return true;
  int err = e->env->ops->timer_new(e->env, on_timer, n, &e->end_timer);
  if (err == 0) return true;
  log_line(endpoint_log(e), WSUV_LOG_WARN, "no timer for the end: sessions are closed at once: %s",
           wsuv_strerror(err));
  n->spread_end_ms = now_ms;
  n->deadline_ms = UINT64_MAX;
  return false;
}

static void ending_begin(ending *n, const wsuv_end_t *how) {
  const uint64_t now_ms = ending_now_ms(n);
  cancel_unopened(n->endpoint);
  take(n, how, now_ms);
  const bool timed = needs_timer(n, now_ms);
  close_due(n, now_ms);
  if (timed) arm(n, now_ms);
}

/* The defaults of wsuv_client_close have no deadline for the whole. */
static wsuv_end_t in_full(const wsuv_end_t *how) {
  wsuv_end_t full;
  wsuv_end_init(&full);
  if (how != NULL) full = *how;
  if (full.spread_ms > time_max_ms) full.spread_ms = time_max_ms;
  if (full.timeout_ms == 0) full.timeout_ms = full.spread_ms + TIMEOUT_MS;
  if (full.timeout_ms > 2 * time_max_ms) full.timeout_ms = 2 * time_max_ms;
  if (how == NULL) full.timeout_ms = UINT64_MAX;
  return full;
}

int ending_terminate(ending *n, ending_function cb) {
  int err = ending_remember(n, cb), recovered = endpoint_close(n->endpoint);
  n->spread_end_ms = 0;
  terminate_all(n);
  return err < 0 ? err : recovered;
}

/* If the program has closed the handles, there is no connection any more for a closing
   handshake. If nothing is left to end, the environment may be closing already. */
int ending_close(ending *n, const wsuv_end_t *how, ending_function cb) {
  const wsuv_end_t full = in_full(how);
  endpoint *e = n->endpoint;
  if (endpoint_lost(e)) return ending_terminate(n, cb);
  int err = ending_remember(n, cb), closed = endpoint_close(e);
  if (!ws_list_empty(&e->sessions) || e->retained > 0) ending_begin(n, &full);
  return err < 0 ? err : closed;
}

int ending_read(wsuv_end_t *to, const wsuv_end_t *from, ws_why *why) {
  wsuv_end_init(to);
  int err = sized_in(to, &end_type, from, why);
  size_t len;
  if (err == 0) err = close_code_check(to->code, to->reason, &len);
  if (err < 0) return err;
  if (to->timeout_ms == 0 || to->timeout_ms >= to->spread_ms) return 0;
  return ws_why_set(why, WS_EINVAL, "timeout_ms of an end is less than spread_ms");
}
