/* Sessions whose server sends records of TLS that bring no data: few of them do no harm, more end
   the session with a code of their own. */

#include "net/tls/tls_library.h"
#include "support/raw_tls.h"
#include "support/scenario.h"
#include "support/secure_user.h"
#include "testkit/check.h"

enum { MANY = 20000, USER_CANCELED = 90 };

/* --- a server of mbedTLS alone --- */

/* What is written to it becomes a record. */
typedef struct record_wire {
  wire head;
  raw_tls tls;
  void (*send)(raw_conn *c); /* called behind the upgrade, to write to it */
} record_wire;

static void write_record(wire *w, const void *data, size_t len) {
  record_wire *r = (record_wire *) (void *) w;
  CHECK(mbedtls_ssl_write(&r->tls.ssl, data, len) == (int) len);
}

/* mbedtls_ssl_read does the handshake, too. */
static void decrypt(raw_conn *c, raw_tls *tls) {
  uint8_t room[4096];
  int n;
  fifo_append(&tls->in, fifo_data(&c->in), c->in.len);
  fifo_consume(&c->in, c->in.len);
  while ((n = mbedtls_ssl_read(&tls->ssl, room, sizeof room)) > 0) {
    fifo_append(&c->in, room, (size_t) n);
  }
}

/* The request comes in one record, and nothing that comes behind it is read. */
static void answer(raw_conn *c) {
  record_wire *r = c->peer->data;
  wire *lower = c->wire;
  if (c->request != NULL) return;
  decrypt(c, &r->tls);
  if (raw_conn_take_request(c)) {
    c->wire = &r->head;
    raw_conn_upgrade(c, "");
    r->send(c);
    c->wire = lower;
  }
  raw_conn_write(c, fifo_data(&r->tls.out), r->tls.out.len);
  fifo_consume(&r->tls.out, r->tls.out.len);
}

/* --- scenarios --- */

/* Connects to a server without a TLS of the world's, and runs to the end of the session. */
static void run(secure_user *s, session_user *u, const raw_peer_callbacks *callbacks, void *data) {
  raw_peer *peer = raw_peer_new(u->w);
  const char *url = raw_peer_url(peer, "/");
  peer->tls = NULL;
  peer->data = data;
  raw_peer_set_callbacks(peer, callbacks);
  *s = (secure_user){.tls_error = 0};
  assert_int_equal(secure_request(s, user_client(u), u->w, url, NULL), 0);
  user_run_to_close(&s->u);
}

/* Behind the upgrade the server sends all this, which ends the open session. */
static void run_open(secure_user *s, session_user *u, void (*send)(raw_conn *c),
                     const char *detail) {
  static const wire_ops ops = {.write = write_record};
  static const raw_peer_callbacks callbacks = {.on_bytes = answer};
  record_wire r = {.head = {.ops = &ops}, .send = send};
  raw_tls_init(&r.tls, u->w->tls);
  run(s, u, &callbacks, &r);
  raw_tls_close(&r.tls);
  assert_true(user_ended_by(&s->u, WSUV_ETLSRECORD, WSUV_STAGE_OPEN));
  assert_int_equal(s->u.end.code, WSUV_CLOSE_ABNORMAL);
  assert_string_equal(s->u.end.detail, detail);
}

static void send_empty_records(raw_conn *c) {
  size_t most = test_limit_of_empty_records(WS_CLIENT).most;
  for (size_t i = 0; i < most; i++) raw_conn_write(c, "", 0);
  raw_conn_write_frame(c, 1, "behind them", 11);
  for (size_t i = 0; i <= most; i++) raw_conn_write(c, "", 0);
}

SCENARIO_ONLY_TLS_TEST(test_empty_records_in_a_row_end_the_session, w, p, u) {
  secure_user s;
  run_open(&s, u, send_empty_records, test_limit_of_empty_records(WS_CLIENT).text);
  assert_true(user_got(&s.u, "TEXT \"behind them\""));
  if (test_is_mbedtls(WS_CLIENT)) assert_int_equal(s.tls_error, MBEDTLS_ERR_SSL_INVALID_MAC);
  assert_true(s.tls_error != 0);
  assert_int_equal(s.tls_library, tls_library_for(test_library(WS_CLIENT))->id);
  secure_user_free(&s);
}

static void send_alerts(raw_conn *c) {
  record_wire *r = c->peer->data;
  raw_conn_write_frame(c, 1, "before", 6);
  for (int i = 0; i < MANY; i++) raw_tls_warn(&r->tls, USER_CANCELED);
}

SCENARIO_ONLY_TLS_TEST(test_flood_of_alerts_ends_the_session, w, p, u) {
  secure_user s;
  const test_limit limit = test_limit_of_alerts(WS_CLIENT);
  run_open(&s, u, send_alerts, limit.text);
  assert_true(user_got(&s.u, "TEXT \"before\""));
  assert_true((s.tls_error != 0) == limit.own);
  assert_true((s.tls_library != WSUV_TLS_LIBRARY_NONE) == limit.own);
  secure_user_free(&s);
}

static void send_plain_alerts(raw_conn *c) {
  static const char alert[] = {21, 3, 3, 0, 2, 1, USER_CANCELED};
  for (int i = 0; i < MANY; i++) raw_conn_write(c, alert, sizeof alert);
}

SCENARIO_ONLY_TLS_TEST(test_flood_of_alerts_ends_the_handshake, w, p, u) {
  static const raw_peer_callbacks callbacks = {.on_connection = send_plain_alerts};
  secure_user s;
  run(&s, u, &callbacks, NULL);
  assert_true(secure_failed(&s, WSUV_ETLSRECORD));
  assert_string_equal(s.u.end.detail, test_limit_of_alerts(WS_CLIENT).text);
  secure_user_free(&s);
}
