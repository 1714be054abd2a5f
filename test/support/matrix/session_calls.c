#include "support/matrix/matrix.h"

/* The functions of a session. A call returns what the function returned; -1: what it gave is
   wrong in this state. */

#include <string.h>

#include "support/world_tls.h"
#include "testkit/check.h"

static int text(play *p, subject *s) {
  (void) p;
  return user_text(&s->user, "text");
}

static int binary(play *p, subject *s) {
  (void) p;
  return user_binary(&s->user, "binary", 6);
}

static int ping(play *p, subject *s) {
  (void) p;
  return user_ping(&s->user, "ping");
}

static int pong(play *p, subject *s) {
  (void) p;
  return user_pong(&s->user, "pong");
}

static int frame(play *p, subject *s) {
  (void) p;
  return user_frame(&s->user, 'x', WSUV_FRAME_TEXT, true, "frame", 5);
}

static int bufs(play *p, subject *s) {
  char text[] = "two pieces";
  const uv_buf_t two[] = {{text, 4}, {text + 4, 6}};
  (void) p;
  return user_bufs(&s->user, 'z', WSUV_FRAME_TEXT, two, 2);
}

/* Once begun, it goes on; else none of them is allowed. */
static int pieces(play *p, subject *s) {
  (void) p;
  int begun = wsuv_send_begin(s->user.session, WSUV_FRAME_TEXT);
  int went_on = wsuv_send_piece(s->user.session, "piece", 5, NULL, NULL);
  int ended = wsuv_send_end(s->user.session, NULL, NULL);
  return went_on == begun && ended == begun ? begun : -1;
}

static int value(play *p, subject *s) {
  (void) p;
  return user_value(&s->user, 'v', "value", NULL);
}

static int read_value(play *p, subject *s) {
  const wsuv_message_t m = {.type = WSUV_FRAME_TEXT, .data = "value", .len = 5};
  size_t len = 0;
  (void) p;
  int err = wsuv_message_deserialize(s->user.session, &m, NULL, &len);
  return err == 0 && len == 5 ? 0 : -1;
}

static int message(play *p, subject *s) {
  (void) p;
  return wsuv_send_message(s->user.session, WSUV_FRAME_TEXT, "message", 7);
}

static int flush(play *p, subject *s) {
  (void) p;
  return user_flush(&s->user, 'y');
}

static int close_it(play *p, subject *s) {
  (void) p;
  return user_close(&s->user, 1000, "from a callback");
}

static int terminate(play *p, subject *s) {
  (void) p;
  user_terminate(&s->user);
  return 0;
}

static int pause_it(play *p, subject *s) {
  (void) p;
  return user_pause(&s->user);
}

static int resume(play *p, subject *s) {
  (void) p;
  return user_resume(&s->user);
}

static int set_ping(play *p, subject *s) {
  (void) p;
  return wsuv_session_set_ping(s->user.session, 1, 1);
}

static int set_idle(play *p, subject *s) {
  (void) p;
  return wsuv_session_set_idle_timeout(s->user.session, 1);
}

static int set_frame_size(play *p, subject *s) {
  (void) p;
  return wsuv_session_set_max_frame_size(s->user.session, 1);
}

static int set_message_size(play *p, subject *s) {
  (void) p;
  return wsuv_session_set_max_message_size(s->user.session, 1);
}

static int set_masking(play *p, subject *s) {
  (void) p;
  return wsuv_session_set_masking(s->user.session, false);
}

static int unref(play *p, subject *s) {
  (void) p;
  wsuv_session_unref(s->user.session);
  wsuv_session_ref(s->user.session);
  return 0;
}

static int buffered(play *p, subject *s) {
  (void) p;
  return wsuv_buffered_amount(s->user.session) > 100 ? -1 : 0;
}

static int client_of(play *p, subject *s) {
  return wsuv_session_client(s->user.session) == p->client ? 0 : -1;
}

/* What a client has asked for is known to servers only. */
static int request_of_a_client(play *p, subject *s) {
  wsuv_session_t *session = s->user.session;
  size_t count = 1;
  (void) p;
  bool none = wsuv_session_server(session) == NULL && wsuv_session_target(session) == NULL &&
              wsuv_session_param(session, "name") == NULL &&
              wsuv_session_query(session, "key") == NULL &&
              wsuv_session_request_header(session, "Host") == NULL &&
              wsuv_session_request_headers(session, &count) == NULL;
  return none && count == 0 ? 0 : -1;
}

static int stage(play *p, subject *s) {
  wsuv_stage_t now = wsuv_session_stage(s->user.session);
  (void) p;
  return now == s->state->stage && *wsuv_stage_name(now) != '\0' ? 0 : -1;
}

static int set_data(play *p, subject *s) {
  (void) p;
  wsuv_session_set_data(s->user.session, NULL);
  int r = wsuv_session_data(s->user.session) == NULL ? 0 : -1;
  wsuv_session_set_data(s->user.session, &s->user);
  return r;
}

static int data(play *p, subject *s) {
  (void) p;
  return wsuv_session_data(s->user.session) == &s->user ? 0 : -1;
}

static int note_answer(play *p, const subject *s, int err) {
  if (err == 0 && s->state->shares) p->answered = true;
  return err;
}

static int authorize(play *p, subject *s) {
  static const wsuv_header_t field = {"Authorization", "Bearer x"};
  call_begins();
  int err = wsuv_session_authorize(s->user.session, &field, 1);
  call_ends();
  return note_answer(p, s, err);
}

static int deny(play *p, subject *s) {
  call_begins();
  int err = wsuv_session_authorize_failed(s->user.session, UV_EACCES);
  call_ends();
  return note_answer(p, s, err);
}

/* Of a session that is open, it is gone with the handshake. */
static int proxy(play *p, subject *s) {
  const char *url = wsuv_session_proxy(s->user.session);
  const bool through = s->state->stage == WSUV_STAGE_PROXY && !p->own;
  return through == (url != NULL) && (!through || strncmp(url, "http://127", 10) == 0) ? 0 : -1;
}

static int subprotocol(play *p, subject *s) {
  (void) p;
  return strcmp(wsuv_session_subprotocol(s->user.session), "");
}

static bool has_ended(const play *p, const subject *s) {
  return s->state->ended || (p->own && p->place->after_end);
}

/* From the connection to the end; a proxy that makes the tunnel is none. */
static bool has_connection(const play *p, const subject *s) {
  return s->state->stage > WSUV_STAGE_PROXY && !s->state->refused && !has_ended(p, s);
}

static int addresses(play *p, subject *s) {
  struct sockaddr_storage addr;
  bool there = has_connection(p, s);
  int peer = wsuv_session_peer_address(s->user.session, &addr);
  int local = wsuv_session_local_address(s->user.session, &addr);
  /* A session that ends without having been open says where it was. */
  const bool was_there = s->state->refused && s->state->ended;
  return peer == (there || was_there ? 0 : WSUV_ESTATE) && local == (there ? 0 : WSUV_ESTATE) ? 0
                                                                                              : -1;
}

/* They are those of Unix sockets only. */
static int credentials(play *p, subject *s) {
  wsuv_credentials_t c;
  wsuv_credentials_init(&c);
  bool there = has_connection(p, s);
  int err = wsuv_session_peer_credentials(s->user.session, &c);
  return err == (there ? UV_ENOTSUP : WSUV_ESTATE) ? 0 : -1;
}

/* The answer is there in on_open, the request from the call of wsuv_connect() on. */
static bool has_answer(const play *p) {
  return p->own && p->place->connects && p->place->own == OWN_OPEN;
}

static int request_head(play *p, subject *s) {
  size_t len = 1;
  bool wanted = s->state->stage < WSUV_STAGE_OPEN || has_answer(p);
  bool there = wsuv_session_request_head(s->user.session, &len) != NULL;
  return there == wanted && there == (len > 0) ? 0 : -1;
}

static int status(play *p, subject *s) {
  return wsuv_session_status(s->user.session) == (has_answer(p) ? 101 : 0) ? 0 : -1;
}

static int headers(play *p, subject *s) {
  size_t count = 1;
  bool there = wsuv_session_response_headers(s->user.session, &count) != NULL;
  return there == has_answer(p) && there == (count > 0) ? 0 : -1;
}

static int header(play *p, subject *s) {
  bool there = wsuv_session_response_header(s->user.session, "upgrade") != NULL;
  return there == has_answer(p) ? 0 : -1;
}

/* From the end of its handshake until on_close has returned. */
static int tls(play *p, subject *s) {
  wsuv_tls_info_t info;
  bool there = world_tls(p->w) != NULL && s->state->stage > WSUV_STAGE_TLS && !s->state->refused;
  wsuv_tls_info_init(&info);
  int err = wsuv_session_tls(s->user.session, &info);
  return err == (there ? 0 : WSUV_ESTATE) && (info.version != NULL) == there ? 0 : -1;
}

static int rtt(play *p, subject *s) {
  wsuv_rtt_t times;
  (void) p;
  wsuv_rtt_init(&times);
  return wsuv_session_rtt(s->user.session, &times) == UV_EAGAIN ? 0 : -1;
}

static int stats(play *p, subject *s) {
  wsuv_stats_t figures;
  (void) p;
  wsuv_stats_init(&figures);
  return wsuv_session_get_stats(s->user.session, &figures);
}

static int extensions(play *p, subject *s) {
  (void) p;
  return strcmp(wsuv_session_extensions(s->user.session), "");
}

static int prepared(play *p, subject *s) {
  wsuv_prepared_t *m;
  CHECK(wsuv_prepared_new(&m, WSUV_FRAME_TEXT, "news", 4, &p->w->alloc->handle) == 0);
  int r = wsuv_send_prepared(s->user.session, m, NULL, NULL);
  wsuv_prepared_free(m);
  return r;
}

/* Those that look stand last: they share one session. */
static const call calls[] = {
    {"wsuv_send_text", OPEN_ONLY, text},
    {"wsuv_send_binary", OPEN_ONLY, binary},
    {"wsuv_send_ping", OPEN_ONLY, ping},
    {"wsuv_send_pong", OPEN_ONLY, pong},
    {"wsuv_send", OPEN_ONLY, frame},
    {"wsuv_send_bufs", OPEN_ONLY, bufs},
    {"wsuv_send_message", OPEN_ONLY, message},
    {"wsuv_send_prepared wsuv_prepared_new wsuv_prepared_free", OPEN_ONLY, prepared},
    {"wsuv_send_begin wsuv_send_piece wsuv_send_end", OPEN_ONLY, pieces},
    {"wsuv_send_serialized", OPEN_ONLY, value},
    {"wsuv_flush", OPEN_OR_CLOSING, flush},
    {"wsuv_session_close", ALWAYS_0, close_it},
    {"wsuv_session_terminate", ALWAYS_0, terminate},
    {"wsuv_session_pause", OPEN_ONLY, pause_it},
    {"wsuv_session_resume", OPEN_ONLY, resume},
    {"wsuv_session_set_ping", OPEN_ONLY, set_ping},
    {"wsuv_session_set_idle_timeout", OPEN_ONLY, set_idle},
    {"wsuv_session_set_max_frame_size", OPEN_ONLY, set_frame_size},
    {"wsuv_session_set_max_message_size", OPEN_ONLY, set_message_size},
    {"wsuv_session_set_masking", OPEN_ONLY, set_masking},
    {"wsuv_session_authorize", ANSWERS, authorize},
    {"wsuv_session_authorize_failed", ANSWERS, deny},
    {"wsuv_message_deserialize", LOOKS, read_value},
    {"wsuv_session_unref wsuv_session_ref", LOOKS, unref},
    {"wsuv_buffered_amount", LOOKS, buffered},
    {"wsuv_session_client", LOOKS, client_of},
    {"wsuv_session_server wsuv_session_target wsuv_session_param", LOOKS, request_of_a_client},
    {"wsuv_session_query wsuv_session_request_header wsuv_session_request_headers", LOOKS,
     request_of_a_client},
    {"wsuv_session_stage", LOOKS, stage},
    {"wsuv_session_set_data", LOOKS, set_data},
    {"wsuv_session_data", LOOKS, data},
    {"wsuv_session_subprotocol", LOOKS, subprotocol},
    {"wsuv_session_proxy", LOOKS, proxy},
    {"wsuv_session_extensions", LOOKS, extensions},
    {"wsuv_session_peer_address wsuv_session_local_address", LOOKS, addresses},
    {"wsuv_session_peer_credentials", LOOKS, credentials},
    {"wsuv_session_request_head", LOOKS, request_head},
    {"wsuv_session_status", LOOKS, status},
    {"wsuv_session_response_headers", LOOKS, headers},
    {"wsuv_session_response_header", LOOKS, header},
    {"wsuv_session_tls", LOOKS, tls},
    {"wsuv_session_rtt", LOOKS, rtt},
    {"wsuv_session_get_stats", LOOKS, stats},
};

call_list session_calls(void) {
  return (call_list){calls, sizeof calls / sizeof *calls};
}
