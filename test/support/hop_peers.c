#include "support/hop_peers.h"

#include <stdio.h>
#include <string.h>

#include "support/answer.h"
#include "testkit/check.h"

static void echo_close(raw_conn *c) {
  seen_frame frame;
  while (raw_conn_take_frame(c, &frame)) {
    if (frame.spec.opcode != 8) continue;
    raw_conn_write_frame(c, 8, frame.payload, (size_t) frame.length);
    raw_conn_end(c);
    return;
  }
}

static void on_bytes(raw_conn *c) {
  hop_peer *p = c->peer->data;
  if (c->request != NULL) {
    echo_close(c);
    return;
  }
  if (!raw_conn_take_request(c)) return;
  const size_t n = p->requests++;
  if (n < 4) (void) snprintf(p->got[n], HOP_TEXT, "%s", c->request);
  if (p->choose != NULL) {
    p->choose(c, p);
  } else if (n < p->answer_count) {
    raw_conn_write_text(c, p->answers[n]);
  } else {
    raw_conn_upgrade(c, "");
  }
}

static void begin(hop_peer *p, raw_peer *raw, char name) {
  static const raw_peer_callbacks callbacks = {.on_bytes = on_bytes};
  memset(p, 0, sizeof *p);
  p->name = name;
  p->raw = raw;
  p->raw->data = p;
  raw_peer_set_callbacks(p->raw, &callbacks);
}

static void begin_both(hop_peers *p, raw_peer *a, session_user *u) {
  *u = (session_user){.w = a->w};
  wsuv_client_config_init(&u->config);
  begin(&p->a, a, 'A');
  begin(&p->b, raw_peer_new(a->w), 'B');
}

void hop_peers_begin(hop_peers *p, world *w, session_user *u) {
  begin_both(p, raw_peer_new(w), u);
}

void hop_peers_begin_unix(hop_peers *p, world *w, session_user *u, const char *path) {
  begin_both(p, raw_peer_new_at(w, path, 0), u);
}

void hop_peers_answer(hop_peers *p, hop_peer *peer, const char *text) {
  char *to = peer->answers[peer->answer_count++];
  size_t n = 0;
  for (; *text != '\0'; text++) {
    if (text[0] == '%' && (text[1] == 'A' || text[1] == 'B')) {
      n += (size_t) snprintf(to + n, 512 - n, "%s",
                             raw_peer_url(text[1] == 'A' ? p->a.raw : p->b.raw, ""));
      text++;
    } else {
      to[n++] = *text;
    }
    CHECK(n < 511);
  }
  to[n] = '\0';
}

int hop_connect(session_user *u, const wsuv_request_t *request,
                bool (*on_redirect)(wsuv_session_t *session, const wsuv_redirect_t *redirect),
                void (*on_unauthorized)(wsuv_session_t *session,
                                        const wsuv_unauthorized_t *refusal)) {
  wsuv_request_t own = *request;
  wsuv_callbacks_t callbacks = *user_callbacks();
  wsuv_client_t *client = user_client(u);
  own.data = u;
  callbacks.on_redirect = on_redirect;
  callbacks.on_unauthorized = on_unauthorized;
  call_begins();
  int err = wsuv_connect(client, &own, &callbacks, &u->session);
  call_ends();
  return err;
}

void hop_close(session_user *u) {
  CHECK(user_close(u, 1000, NULL) == 0);
  user_run_to_close(u);
  user_finish(u);
}
