#include "support/session_user.h"

/* A user of one session: notes, checks, and the hooks of the test. */

#include <stdio.h>
#include <string.h>

#include "session/client.h"
#include "testkit/check.h"

/* Of all users: a call on one session runs no callback of another one, either. */
static size_t calls_running;

bool no_call_is_running(void) {
  return calls_running == 0;
}

void call_begins(void) {
  calls_running++;
}

void call_ends(void) {
  CHECK(calls_running > 0);
  calls_running--;
}

static session_user *called(wsuv_session_t *s) {
  session_user *u = wsuv_session_data(s);
  CHECK(u->session == s);
  CHECK(no_call_is_running());
  CHECK(u->closes == 0);
  return u;
}

static session_user *called_open(wsuv_session_t *s) {
  session_user *u = called(s);
  CHECK(u->opens == 1);
  return u;
}

static void on_open(wsuv_session_t *s) {
  session_user *u = called(s);
  CHECK(u->opens == 0);
  CHECK(wsuv_session_stage(s) == WSUV_STAGE_OPEN);
  u->opens++;
  u->opened_ms = world_now_ms(u->w);
  if (u->at_open != NULL) u->at_open(u);
}

static void write_down(session_user *u, uint8_t opcode, const void *data, size_t len) {
  if (!u->forgets) frames_render(&u->got, opcode, true, 0, data, len);
}

static void on_message(wsuv_session_t *s, const wsuv_message_t *m) {
  session_user *u = called_open(s);
  CHECK(!u->raw);
  u->messages++;
  write_down(u, (uint8_t) m->type, m->data, m->len);
  if (u->at_message != NULL) u->at_message(u, m);
}

enum { PIECE_MAX = 256 * 1024 }; /* bytes, says the header */

static void check_piece(const session_user *u, const wsuv_message_piece_t *m) {
  CHECK(m->data != NULL);
  CHECK(m->len > 0 || m->last);
  CHECK(m->len <= PIECE_MAX);
  CHECK(m->offset == u->passed);
  CHECK(m->type == WSUV_FRAME_TEXT || m->type == WSUV_FRAME_BINARY);
  CHECK(!u->in_message || m->type == u->type);
}

static void end_message(session_user *u) {
  u->messages++;
  write_down(u, (uint8_t) u->type, u->gathered.base, u->gathered.len);
  u->gathered.len = 0;
  u->passed = 0;
}

static void on_message_piece(wsuv_session_t *s, const wsuv_message_piece_t *m) {
  session_user *u = called_open(s);
  check_piece(u, m);
  u->pieces++;
  u->type = m->type;
  u->passed += m->len;
  u->in_message = !m->last;
  if (!u->forgets) bytes_add(&u->gathered, m->data, m->len);
  if (m->last) end_message(u);
  if (u->at_piece != NULL) u->at_piece(u, m);
}

static void on_whole_message(wsuv_session_t *s, const wsuv_message_t *m) {
  (void) s;
  (void) m;
  CHECK_FAIL("a message comes whole that was to come in pieces");
}

static void on_ping(wsuv_session_t *s, const void *data, size_t len) {
  session_user *u = called_open(s);
  CHECK(!u->raw);
  u->pings++;
  write_down(u, WSUV_FRAME_PING, data, len);
  if (u->at_ping != NULL) u->at_ping(u);
}

static void on_pong(wsuv_session_t *s, const void *data, size_t len) {
  session_user *u = called_open(s);
  CHECK(!u->raw);
  u->pongs++;
  write_down(u, WSUV_FRAME_PONG, data, len);
  if (u->at_pong != NULL) u->at_pong(u);
}

uint8_t user_rsv(const wsuv_frame_t *f) {
  return (uint8_t) ((f->rsv1 ? 4 : 0) | (f->rsv2 ? 2 : 0) | (f->rsv3 ? 1 : 0));
}

static void on_frame(wsuv_session_t *s, const wsuv_frame_t *f) {
  session_user *u = called_open(s);
  CHECK(u->raw);
  CHECK(f->size == sizeof *f);
  CHECK(f->type < WSUV_FRAME_CLOSE || (f->fin && !f->continuation && user_rsv(f) == 0));
  u->frames++;
  uint8_t opcode = f->continuation ? 0 : (uint8_t) f->type;
  if (!u->forgets) frames_render(&u->got, opcode, f->fin, user_rsv(f), f->data, f->len);
  if (u->at_frame != NULL) u->at_frame(u, f);
}

static void on_drain(wsuv_session_t *s) {
  session_user *u = called_open(s);
  u->drains++;
  if (u->at_drain != NULL) u->at_drain(u);
}

static void copy_words(char to[USER_WORDS], const char *from, size_t len) {
  CHECK(len < USER_WORDS);
  CHECK(strlen(from) == len);
  memcpy(to, from, len + 1);
}

static void copy_refusal(user_end *e, const wsuv_close_info_t *info) {
  e->header_count = info->header_count;
  for (size_t i = 0; i < info->header_count; i++) {
    bytes_print(&e->headers, "%s: %s\n", info->headers[i].name, info->headers[i].value);
  }
  e->has_body = info->body != NULL;
  if (info->body_len > 0) bytes_add(&e->body, info->body, info->body_len);
}

static void on_close(wsuv_session_t *s, const wsuv_close_info_t *info) {
  session_user *u = called(s);
  CHECK(info->size == sizeof *info);
  CHECK(info->status <= 0);
  CHECK(u->owed == 0);
  u->closes++;
  u->closed_ms = world_now_ms(u->w);
  u->end = (user_end){.status = info->status,
                      .stage = info->stage,
                      .clean = info->clean,
                      .by_peer = info->by_peer,
                      .http_status = info->http_status,
                      .retry_after_ms = info->retry_after_ms,
                      .code = info->code,
                      .sent_code = info->sent_code};
  copy_words(u->end.detail, info->detail, strlen(info->detail));
  if (info->proxy != NULL) copy_words(u->end.proxy, info->proxy, strlen(info->proxy));
  copy_words(u->end.reason, info->reason, info->reason_len);
  copy_words(u->end.sent_reason, info->sent_reason, info->sent_reason_len);
  copy_refusal(&u->end, info);
  if (u->at_close != NULL) u->at_close(u);
  if (u->session == s) u->session = NULL; /* the hook may have begun another one */
}

static const wsuv_callbacks_t callbacks = {
    WSUV_CALLBACKS_INIT, .on_open = on_open,   .on_message = on_message, .on_ping = on_ping,
    .on_pong = on_pong,  .on_frame = on_frame, .on_drain = on_drain,     .on_close = on_close};

static const wsuv_callbacks_t streamed_callbacks = {WSUV_CALLBACKS_INIT,
                                                    .on_open = on_open,
                                                    .on_message = on_whole_message,
                                                    .on_message_piece = on_message_piece,
                                                    .on_ping = on_ping,
                                                    .on_pong = on_pong,
                                                    .on_drain = on_drain,
                                                    .on_close = on_close};

/* --- the life of one --- */

void user_init(session_user *u, world *w, const wsuv_config_t *config) {
  *u = (session_user){.w = w};
  CHECK(world_client(w, &u->client, config) == 0);
}

void user_init_on(session_user *u, const session_user *other) {
  *u = (session_user){.w = other->w, .peer = other->peer, .client = other->client};
}

wsuv_client_t *user_client(session_user *u) {
  if (u->client == NULL) CHECK(world_client(u->w, &u->client, &u->config) == 0);
  return u->client;
}

static const wsuv_callbacks_t *callbacks_of(const session_user *u) {
  return u->streamed ? &streamed_callbacks : &callbacks;
}

int user_request(session_user *u, const wsuv_request_t *request) {
  wsuv_request_t own = *request;
  wsuv_client_t *client = user_client(u);
  own.data = u;
  calls_running++;
  int err = wsuv_connect(client, &own, callbacks_of(u), &u->session);
  calls_running--;
  return err;
}

int user_request_stream(session_user *u, const wsuv_request_t *request, uv_stream_t *stream) {
  wsuv_request_t own = *request;
  wsuv_client_t *client = user_client(u);
  own.data = u;
  calls_running++;
  int err = wsuv_connect_stream(client, &own, stream, callbacks_of(u), &u->session);
  calls_running--;
  return err;
}

int user_request_transport(session_user *u, const wsuv_request_t *request,
                           const wsuv_transport_ops_t *ops, void *data,
                           wsuv_transport_t **transport) {
  wsuv_request_t own = *request;
  wsuv_client_t *client = user_client(u);
  own.data = u;
  calls_running++;
  int err =
      wsuv_connect_transport(client, &own, ops, data, callbacks_of(u), transport, &u->session);
  calls_running--;
  return err;
}

static int request_raw(session_user *u, const char *url) {
  wsuv_request_t request;
  wsuv_request_init(&request, url);
  request.raw = true;
  return user_request(u, &request);
}

int user_try_connect_url(session_user *u, const char *url) {
  wsuv_client_t *client = user_client(u);
  if (u->raw) return request_raw(u, url);
  calls_running++;
  int err = wsuv_connect_url(client, url, callbacks_of(u), u, &u->session);
  calls_running--;
  return err;
}

int user_try_connect(session_user *u, frame_peer *p) {
  return user_try_connect_url(u, raw_peer_url(p->raw, "/"));
}

int user_try_connect_as(session_user *u, frame_peer *p, const wsuv_config_t *config) {
  wsuv_request_t request;
  wsuv_request_init(&request, raw_peer_url(p->raw, "/"));
  request.config = config;
  request.raw = u->raw;
  return user_request(u, &request);
}

void user_connect(session_user *u, frame_peer *p) {
  CHECK(user_try_connect(u, p) == 0);
}

void user_run_to_open(session_user *u) {
  world_run_until_count(u->w, &u->opens, 1);
}

void user_run_to_close(session_user *u) {
  world_run_until_count(u->w, &u->closes, 1);
}

void user_close_client(session_user *u) {
  world_client_close(u->w, u->client);
  u->client = NULL;
}

void user_random_fails(session_user *u) {
  world_random_fails(u->w, true);
  u->client->endpoint.shared.random.left = 0;
}

void user_free(session_user *u) {
  bytes_free(&u->got);
  bytes_free(&u->gathered);
  bytes_free(&u->done);
  bytes_free(&u->end.headers);
  bytes_free(&u->end.body);
}

void user_reset(session_user *u) {
  const session_user old = *u;
  user_free(u);
  *u = (session_user){.w = old.w,
                      .peer = old.peer,
                      .config = old.config,
                      .client = old.client,
                      .raw = old.raw,
                      .streamed = old.streamed,
                      .forgets = old.forgets,
                      .at_open = old.at_open,
                      .at_message = old.at_message,
                      .at_piece = old.at_piece,
                      .at_ping = old.at_ping,
                      .at_pong = old.at_pong,
                      .at_frame = old.at_frame,
                      .at_drain = old.at_drain,
                      .at_done = old.at_done,
                      .at_close = old.at_close,
                      .data = old.data};
}

void user_finish(session_user *u) {
  if (u->session != NULL) user_run_to_close(u);
  if (u->client != NULL) user_close_client(u);
  user_free(u);
}

/* --- calls --- */

int user_text(session_user *u, const char *text) {
  calls_running++;
  int r = wsuv_send_text(u->session, text, strlen(text));
  calls_running--;
  return r;
}

int user_binary(session_user *u, const void *data, size_t len) {
  calls_running++;
  int r = wsuv_send_binary(u->session, data, len);
  calls_running--;
  return r;
}

int user_ping(session_user *u, const char *payload) {
  calls_running++;
  int r = wsuv_send_ping(u->session, payload, strlen(payload));
  calls_running--;
  return r;
}

int user_pong(session_user *u, const char *payload) {
  calls_running++;
  int r = wsuv_send_pong(u->session, payload, strlen(payload));
  calls_running--;
  return r;
}

int user_close(session_user *u, unsigned code, const char *reason) {
  calls_running++;
  int r = wsuv_session_close(u->session, code, reason);
  calls_running--;
  return r;
}

void user_terminate(session_user *u) {
  calls_running++;
  wsuv_session_terminate(u->session);
  calls_running--;
}

int user_pause(session_user *u) {
  calls_running++;
  int r = wsuv_session_pause(u->session);
  calls_running--;
  return r;
}

int user_resume(session_user *u) {
  calls_running++;
  int r = wsuv_session_resume(u->session);
  calls_running--;
  return r;
}

int call_client_close(wsuv_client_t *client, wsuv_client_close_cb cb) {
  calls_running++;
  int r = wsuv_client_close(client, cb);
  calls_running--;
  return r;
}

int call_client_close_with(wsuv_client_t *client, const wsuv_end_t *how, wsuv_client_close_cb cb) {
  calls_running++;
  int r = wsuv_client_close_with(client, how, cb);
  calls_running--;
  return r;
}

int call_client_terminate(wsuv_client_t *client, wsuv_client_close_cb cb) {
  calls_running++;
  int r = wsuv_client_terminate(client, cb);
  calls_running--;
  return r;
}

int user_end_client(session_user *u, int (*end)(wsuv_client_t *client, wsuv_client_close_cb cb),
                    wsuv_client_close_cb cb) {
  wsuv_client_t *client = u->client;
  u->client = NULL;
  calls_running++;
  int r = end(client, cb);
  calls_running--;
  return r;
}

size_t user_too_much(const world *w) {
  const size_t kib = 1024;
  return w->kind == WORLD_UV ? 5 * 1024 * kib : 640 * kib;
}

static void on_done(wsuv_session_t *s, int status, void *arg) {
  const user_send *send = arg;
  session_user *u = called_open(s);
  CHECK(u == send->user);
  CHECK(u->owed > 0);
  u->owed--;
  u->dones++;
  bytes_print(&u->done, "%c=%s ", send->name, wsuv_err_name(status));
  if (u->at_done != NULL) u->at_done(u, send->name, status);
}

static user_send *next_send(session_user *u, char name) {
  CHECK(u->send_count < USER_SENDS);
  user_send *send = &u->sends[u->send_count++];
  *send = (user_send){u, name};
  return send;
}

int user_send_frame(session_user *u, char name, const wsuv_frame_t *frame) {
  calls_running++;
  int r = wsuv_send(u->session, frame, on_done, next_send(u, name));
  calls_running--;
  if (r == 0) u->owed++;
  return r;
}

int user_frame(session_user *u, char name, wsuv_frame_type_t type, bool fin, const void *data,
               size_t len) {
  wsuv_frame_t frame;
  wsuv_frame_init(&frame, type, data, len);
  frame.fin = fin;
  return user_send_frame(u, name, &frame);
}

int user_bufs(session_user *u, char name, wsuv_frame_type_t type, const uv_buf_t bufs[],
              unsigned nbufs) {
  calls_running++;
  int r = wsuv_send_bufs(u->session, type, bufs, nbufs, on_done, next_send(u, name));
  calls_running--;
  if (r == 0) u->owed++;
  return r;
}

int user_flush(session_user *u, char name) {
  calls_running++;
  int r = wsuv_flush(u->session, on_done, next_send(u, name));
  calls_running--;
  if (r == 0) u->owed++;
  return r;
}

int user_value(session_user *u, char name, const void *value, const void *type) {
  calls_running++;
  int r = wsuv_send_serialized(u->session, value, type, on_done, next_send(u, name));
  calls_running--;
  if (r == 0) u->owed++;
  return r;
}

int user_deserialize(session_user *u, const wsuv_message_t *m, const void *type, void *value) {
  calls_running++;
  int r = wsuv_message_deserialize(u->session, m, type, value);
  calls_running--;
  return r;
}

int user_begin_message(session_user *u, wsuv_frame_type_t type) {
  calls_running++;
  int r = wsuv_send_begin(u->session, type);
  calls_running--;
  return r;
}

int user_piece(session_user *u, char name, const void *data, size_t len) {
  bool named = name != '\0';
  calls_running++;
  int r = wsuv_send_piece(u->session, data, len, named ? on_done : NULL,
                          named ? next_send(u, name) : NULL);
  calls_running--;
  if (r == 0 && named) u->owed++;
  return r;
}

int user_end_message(session_user *u, char name) {
  bool named = name != '\0';
  calls_running++;
  int r = wsuv_send_end(u->session, named ? on_done : NULL, named ? next_send(u, name) : NULL);
  calls_running--;
  if (r == 0 && named) u->owed++;
  return r;
}

const wsuv_callbacks_t *user_callbacks(void) {
  return &callbacks;
}

/* --- what it has seen --- */

bool user_got(const session_user *u, const char *script) {
  return frames_match(&u->got, script);
}

static bool told(const session_user *u, bool right) {
  const user_end *e = &u->end;
  if (!right) {
    fprintf(stderr, "%s (%s) at %s, %s, received %u '%s', sent %u '%s'\n", wsuv_err_name(e->status),
            e->detail, wsuv_stage_name(e->stage), e->clean ? "clean" : "not clean", e->code,
            e->reason, e->sent_code, e->sent_reason);
  }
  return right;
}

bool user_ended_cleanly(const session_user *u, unsigned code, unsigned sent_code) {
  const user_end *e = &u->end;
  return told(u, u->closes == 1 && e->status == 0 && e->stage == WSUV_STAGE_CLOSING && e->clean &&
                     e->code == code && e->sent_code == sent_code && e->detail[0] == '\0');
}

bool user_ended_by(const session_user *u, int status, wsuv_stage_t stage) {
  const user_end *e = &u->end;
  return told(u, u->closes == 1 && e->status == status && e->stage == stage);
}

bool user_never_opened(const session_user *u) {
  const user_end *e = &u->end;
  return told(u, u->opens == 0 && u->messages == 0 && u->frames == 0 && !e->clean && e->code == 0 &&
                     e->sent_code == 0);
}
