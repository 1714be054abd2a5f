#include "testkit/kit.h"

/* A client of the test, with one session, written straight down. What comes in is kept until the
   test asks for it.

     wsuv_conversation_receive --> take_item --> kit_run_until --> the world's loop
                                       ^                                 |
                                     items <------ on_message, on_frame -+ */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/sized.h"
#include "net/address.h"
#include "session/testkit_entry.h"
#include "testkit/check.h"
#include "testkit/sim_internal.h"
#include "testkit/sim_net.h"

SIZED_TYPE(config_type, wsuv_config_t, max_attempts, sizeof(wsuv_config_t));
SIZED_TYPE(request_type, wsuv_request_t, cookies, sizeof(wsuv_request_t));

enum { TIMEOUT_MS = 60 * 1000, REAL_TIMEOUT_MS = 5 * 1000, SHOWN_MAX = 60 };

/* A message or frame that has come. */
typedef struct item {
  ws_list node;
  wsuv_frame_t frame;
  char data[];
} item;

struct wsuv_conversation {
  ws_list node; /* This links it into wsuv_testkit.conversations. */
  wsuv_testkit_t *kit;
  wsuv_server_t *server;
  wsuv_client_t *client;   /* NULL: it is closed. */
  ws_env *env;             /* The client's. */
  wsuv_session_t *session; /* NULL: it has ended. */
  bool raw, open, client_gone;
  ws_list items;
  item *given; /* This one is the caller's until the next call. */
  uint64_t timeout_ms;
  struct sockaddr_storage address; /* Ours, once it is open. */
  char *subprotocol;
  int status;
  wsuv_header_t *headers; /* Of the response. */
  size_t header_count;
  wsuv_close_info_t info; /* Once it has ended; its strings are copies. */
  char *body;
};

/* Copies */

static char *copy_bytes(const void *data, size_t len) {
  char *copy = check_alloc(len + 1);
  if (len > 0) memcpy(copy, data, len);
  return copy;
}

static char *copy_text(const char *text) {
  return text == NULL ? NULL : copy_bytes(text, strlen(text));
}

static void keep_headers(wsuv_conversation_t *talk, const wsuv_header_t *headers, size_t count) {
  talk->headers = check_alloc((count + 1) * sizeof *talk->headers);
  talk->header_count = count;
  for (size_t i = 0; i < count; i++) {
    talk->headers[i].name = copy_text(headers[i].name);
    talk->headers[i].value = copy_text(headers[i].value);
  }
}

static void keep_info(wsuv_conversation_t *talk, const wsuv_close_info_t *info) {
  talk->info = *info;
  talk->info.detail = copy_text(info->detail);
  talk->info.reason = copy_bytes(info->reason, info->reason_len);
  talk->info.sent_reason = copy_bytes(info->sent_reason, info->sent_reason_len);
  if (info->http_status != 0) talk->status = info->http_status;
  if (talk->headers == NULL) keep_headers(talk, info->headers, info->header_count);
  talk->body = copy_bytes(info->body, info->body_len);
  talk->info.headers = info->headers != NULL ? talk->headers : NULL;
  talk->info.body = info->body != NULL ? talk->body : NULL;
}

static void free_text(const char *text) {
  check_free((void *) (uintptr_t) text);
}

static void free_copies(wsuv_conversation_t *talk) {
  for (size_t i = 0; i < talk->header_count; i++) {
    free_text(talk->headers[i].name);
    free_text(talk->headers[i].value);
  }
  check_free(talk->headers);
  check_free(talk->subprotocol);
  check_free(talk->body);
  free_text(talk->info.detail);
  free_text(talk->info.reason);
  free_text(talk->info.sent_reason);
}

/* Callbacks of the session */

static void keep_frame(wsuv_session_t *s, const wsuv_frame_t *frame) {
  wsuv_conversation_t *talk = wsuv_session_data(s);
  item *kept = check_alloc(sizeof *kept + frame->len + 1);
  kept->frame = *frame;
  if (frame->len > 0) memcpy(kept->data, frame->data, frame->len);
  kept->frame.data = kept->data;
  ws_list_append(&talk->items, &kept->node);
}

static void keep(wsuv_session_t *s, wsuv_frame_type_t type, const void *data, size_t len) {
  wsuv_frame_t frame;
  wsuv_frame_init(&frame, type, data, len);
  keep_frame(s, &frame);
}

static void on_message(wsuv_session_t *s, const wsuv_message_t *m) {
  keep(s, m->type, m->data, m->len);
}

static void on_ping(wsuv_session_t *s, const void *data, size_t len) {
  keep(s, WSUV_FRAME_PING, data, len);
}

static void on_pong(wsuv_session_t *s, const void *data, size_t len) {
  keep(s, WSUV_FRAME_PONG, data, len);
}

static void on_open(wsuv_session_t *s) {
  wsuv_conversation_t *talk = wsuv_session_data(s);
  size_t count;
  const wsuv_header_t *headers = wsuv_session_response_headers(s, &count);
  talk->open = true;
  talk->status = wsuv_session_status(s);
  if (*wsuv_session_subprotocol(s) != '\0') {
    talk->subprotocol = copy_text(wsuv_session_subprotocol(s));
  }
  keep_headers(talk, headers, count);
  CHECK(wsuv_session_local_address(s, &talk->address) == 0);
}

static void on_close(wsuv_session_t *s, const wsuv_close_info_t *info) {
  wsuv_conversation_t *talk = wsuv_session_data(s);
  talk->session = NULL;
  keep_info(talk, info);
}

static const wsuv_callbacks_t callbacks = {
    WSUV_CALLBACKS_INIT, .on_open = on_open,     .on_message = on_message, .on_ping = on_ping,
    .on_pong = on_pong,  .on_frame = keep_frame, .on_close = on_close};

/* Waiting */

static bool is_decided(void *arg) {
  const wsuv_conversation_t *talk = arg;
  return talk->open || talk->session == NULL;
}

static bool has_ended(void *arg) {
  const wsuv_conversation_t *talk = arg;
  return talk->session == NULL;
}

static bool has_item(void *arg) {
  const wsuv_conversation_t *talk = arg;
  return !ws_list_empty(&talk->items) || talk->session == NULL;
}

static int report_late(wsuv_conversation_t *talk, int err, const char *what) {
  if (err != UV_ETIMEDOUT) return err;
  return kit_note(talk->kit, err, "%s, not within %llu ms", what,
                  (unsigned long long) talk->timeout_ms);
}

static int wait_until(wsuv_conversation_t *talk, bool (*done)(void *arg), const char *what) {
  return report_late(talk, kit_run_until(talk->kit, done, talk, talk->timeout_ms), what);
}

static void drop_given(wsuv_conversation_t *talk) {
  check_free(talk->given);
  talk->given = NULL;
}

/* Opening */

static int find_address(wsuv_testkit_t *kit, wsuv_server_t *server,
                        struct sockaddr_storage *address) {
  kit_endpoint *e = kit_find_server(kit, server);
  if (e == NULL) return UV_EINVAL;
  if (!address_is_set(&e->address)) {
    wsuv_listener_t *listener;
    int err = wsuv_server_listen(server, "127.0.0.1", 0, &listener);
    if (err == 0) err = wsuv_listener_address(listener, &e->address);
    if (err != 0) return err;
  }
  *address = e->address;
  return 0;
}

static bool has_place(const wsuv_request_t *request) {
  return request->url != NULL || request->host != NULL || request->path != NULL ||
         request->port != 0 || request->address != NULL || request->secure;
}

/* Where the server is, and what it has. */
static int set_place(wsuv_request_t *request, wsuv_testkit_t *kit, wsuv_server_t *server,
                     const char *target) {
  struct sockaddr_storage address;
  wsuv_config_t config;
  int err = find_address(kit, server, &address);
  if (err < 0) return err;
  wsuv_server_get_config(server, &config);
  request->host = "localhost";
  request->address = "127.0.0.1";
  request->port = address_port(&address);
  request->path = target;
  request->secure = config.tls != NULL;
  return 0;
}

/* The conversation's client has memory of its own, and the request's configuration. */
static int make_client(wsuv_conversation_t *talk, const wsuv_config_t *given) {
  wsuv_config_t config;
  wsuv_tls_config_t tls;
  wsuv_client_config_init(&config);
  int err = given != NULL ? sized_in(&config, &config_type, given, NULL) : 0;
  if (err < 0) return err;
  if (config.tls == NULL) {
    wsuv_tls_config_init(&tls);
    wsuv_tls_config_disable_verification(&tls);
    config.tls = &tls;
  }
  err = talk->kit->ops->env_new(talk->kit, &talk->env, &ws_alloc_libc);
  if (err < 0) return err;
  return wsuv_internal_client_new(&talk->client, talk->env, talk->kit->loop, &config);
}

static void on_client_gone(void *data) {
  wsuv_conversation_t *talk = data;
  talk->client_gone = true;
}

static void on_client_closed(wsuv_client_t *client) {
  wsuv_conversation_t *talk = wsuv_client_data(client);
  talk->client_gone = true;
}

static bool is_client_gone(void *arg) {
  const wsuv_conversation_t *talk = arg;
  return talk->client_gone;
}

static void end_client(wsuv_conversation_t *talk) {
  if (talk->client != NULL) {
    wsuv_client_set_data(talk->client, talk);
    CHECK(wsuv_client_terminate(talk->client, on_client_closed) == 0);
  } else if (talk->env != NULL) {
    talk->env->ops->close(talk->env, on_client_gone, talk);
  } else {
    return;
  }
  CHECK(kit_run_until(talk->kit, is_client_gone, talk, UINT64_MAX) == 0);
}

static void conversation_free(wsuv_conversation_t *talk) {
  end_client(talk);
  for (ws_list *node; (node = ws_list_pop(&talk->items)) != NULL;) {
    check_free(ws_list_entry(node, item, node));
  }
  drop_given(talk);
  free_copies(talk);
  ws_list_remove(&talk->node);
  check_free(talk);
}

static int begin(wsuv_conversation_t *talk, wsuv_request_t *request, const char *target) {
  if (has_place(request)) return UV_EINVAL;
  int err = set_place(request, talk->kit, talk->server, target);
  if (err == 0) err = make_client(talk, request->config);
  request->config = NULL; /* it is the client's */
  request->data = talk;
  if (err == 0) err = wsuv_connect(talk->client, request, &callbacks, &talk->session);
  return err;
}

int wsuv_conversation_begin(wsuv_testkit_t *kit, wsuv_server_t *server, const char *target,
                            const wsuv_request_t *from, wsuv_conversation_t **out) {
  wsuv_request_t request;
  wsuv_request_init(&request, NULL);
  *out = NULL;
  if (kit->running) return WSUV_ESTATE;
  int err = from != NULL ? sized_in(&request, &request_type, from, NULL) : 0;
  if (err < 0) return err;
  wsuv_conversation_t *talk = check_alloc(sizeof *talk);
  talk->kit = kit;
  talk->server = server;
  talk->raw = request.raw;
  talk->timeout_ms = kit->ops == &kit_simulated ? TIMEOUT_MS : REAL_TIMEOUT_MS;
  ws_list_init(&talk->items);
  ws_list_append(&kit->conversations, &talk->node);
  err = begin(talk, &request, target);
  if (err == 0) {
    *out = talk;
  } else {
    conversation_free(talk);
  }
  return err;
}

int wsuv_conversation_opened(wsuv_conversation_t *talk) {
  int err = wait_until(talk, is_decided, "the opening has come to its end");
  if (err < 0 || talk->open) return err;
  return kit_note(talk->kit, talk->info.status, "not opened: %s, status %d%s%s",
                  wsuv_err_name(talk->info.status), talk->status,
                  *talk->info.detail != '\0' ? ": " : "", talk->info.detail);
}

int wsuv_conversation_open(wsuv_testkit_t *kit, wsuv_server_t *server, const char *target,
                           const wsuv_request_t *request, wsuv_conversation_t **talk) {
  int err = wsuv_conversation_begin(kit, server, target, request, talk);
  return err != 0 ? err : wsuv_conversation_opened(*talk);
}

int wsuv_conversation_http(wsuv_testkit_t *kit, wsuv_server_t *server, const char *text,
                           wsuv_conversation_t **out) {
  int err = wsuv_conversation_begin(kit, server, "/", NULL, out);
  if (err != 0) return err;
  wsuv_conversation_t *talk = *out;
  CHECK(wsuv_internal_session_set_request(talk->session, text, strlen(text)) == 0);
  err = wait_until(talk, is_decided, "a response has come");
  if (err < 0 || talk->info.status == WSUV_ESTATUS) return err;
  return wsuv_conversation_opened(talk);
}

void wsuv_conversation_set_timeout(wsuv_conversation_t *talk, uint64_t ms) {
  talk->timeout_ms = ms;
}

/* Sending */

int wsuv_conversation_send_frame(wsuv_conversation_t *talk, const wsuv_frame_t *frame) {
  drop_given(talk);
  if (talk->session == NULL) return WSUV_ESTATE;
  return wsuv_send(talk->session, frame, NULL, NULL);
}

int wsuv_conversation_send(wsuv_conversation_t *talk, wsuv_frame_type_t type, const void *data,
                           size_t len) {
  wsuv_frame_t frame;
  wsuv_frame_init(&frame, type, data, len);
  return wsuv_conversation_send_frame(talk, &frame);
}

int wsuv_conversation_send_text(wsuv_conversation_t *talk, const char *text) {
  return wsuv_conversation_send(talk, WSUV_FRAME_TEXT, text, strlen(text));
}

typedef struct bytes_to_send {
  const wsuv_conversation_t *talk;
  const void *data;
  size_t len;
  int result;
} bytes_to_send;

static bool are_queued(void *arg) {
  bytes_to_send *b = arg;
  wsuv_session_t *s = b->talk->session;
  b->result = s != NULL ? wsuv_internal_session_send_bytes(s, b->data, b->len) : UV_EOF;
  return b->result <= 0;
}

/* Wait until all that was sent has left, then queue these bytes. */
static int send_bytes(wsuv_conversation_t *talk, const void *data, size_t len) {
  bytes_to_send b = {talk, data, len, 0};
  int err = kit_run_until(talk->kit, are_queued, &b, talk->timeout_ms);
  return err < 0 ? report_late(talk, err, "what was sent has left") : b.result;
}

int wsuv_conversation_send_bytes(wsuv_conversation_t *talk, const void *data, size_t len) {
  drop_given(talk);
  return send_bytes(talk, data, len);
}

/* Receiving */

/* Its caller reports a timeout. */
static int take(wsuv_conversation_t *talk, bool (*is_there)(void *arg)) {
  drop_given(talk);
  int err = kit_run_until(talk->kit, is_there, talk, talk->timeout_ms);
  if (err < 0) return err;
  ws_list *node = ws_list_pop(&talk->items);
  if (node == NULL) return UV_EOF;
  talk->given = ws_list_entry(node, item, node);
  return 0;
}

int wsuv_conversation_receive_frame(wsuv_conversation_t *talk, wsuv_frame_t *frame) {
  int err = take(talk, has_item);
  if (err == 0) *frame = talk->given->frame;
  return report_late(talk, err, "a frame has come");
}

/* Pings and pongs are left out. */
static bool has_message(void *arg) {
  wsuv_conversation_t *talk = arg;
  while (!talk->raw && !ws_list_empty(&talk->items)) {
    item *first = ws_list_entry(talk->items.next, item, node);
    if (first->frame.type < WSUV_FRAME_CLOSE) break;
    ws_list_remove(&first->node);
    check_free(first);
  }
  return has_item(talk);
}

int wsuv_conversation_receive(wsuv_conversation_t *talk, wsuv_message_t *message) {
  if (talk->raw) return WSUV_ESTATE;
  int err = take(talk, has_message);
  if (err < 0) return report_late(talk, err, "a message has come");
  const wsuv_frame_t *f = &talk->given->frame;
  *message = (wsuv_message_t){f->type, f->data, f->len};
  return 0;
}

/* Expecting */

static const char *type_name(wsuv_frame_type_t type) {
  switch (type) {
  case WSUV_FRAME_TEXT: return "text";
  case WSUV_FRAME_BINARY: return "binary";
  case WSUV_FRAME_CLOSE: return "close";
  case WSUV_FRAME_PING: return "ping";
  case WSUV_FRAME_PONG: return "pong";
  }
  return "?";
}

typedef struct shown {
  char text[SHOWN_MAX + 64];
} shown;

/* What can be printed is; of the rest, how much it is. */
static shown show(wsuv_frame_type_t type, const void *data, size_t len) {
  shown s;
  char quoted[SHOWN_MAX + 1];
  const char *bytes = data;
  size_t n = 0;
  for (; n < len && n < SHOWN_MAX && bytes[n] >= ' ' && bytes[n] < 127; n++) quoted[n] = bytes[n];
  quoted[n] = '\0';
  snprintf(s.text, sizeof s.text, "%s \"%s%s\" of %zu bytes", type_name(type), quoted,
           n < len ? "..." : "", len);
  return s;
}

/* How the session has ended, for a failure that could not receive. */
static int fail_ended(wsuv_conversation_t *talk, const char *expected) {
  const wsuv_close_info_t *i = &talk->info;
  return kit_fail(talk->kit, WSUV_ETEST, "expected %s, but the session has ended: %s, code %u %s",
                  expected, wsuv_err_name(i->status), i->code, i->detail);
}

/* Nothing has come in time. */
static int fail_late(wsuv_conversation_t *talk, const char *expected) {
  return kit_fail(talk->kit, WSUV_ETEST, "expected %s, but nothing has come within %llu ms",
                  expected, (unsigned long long) talk->timeout_ms);
}

int wsuv_conversation_expect(wsuv_conversation_t *talk, wsuv_frame_type_t type, const void *data,
                             size_t len) {
  const shown wanted = show(type, data, len);
  int err = take(talk, has_message);
  if (err == UV_EOF) return fail_ended(talk, wanted.text);
  if (err == UV_ETIMEDOUT) return fail_late(talk, wanted.text);
  if (err < 0) return err;
  const wsuv_frame_t *f = &talk->given->frame;
  if (f->type == type && f->len == len && (len == 0 || memcmp(f->data, data, len) == 0)) return 0;
  return kit_fail(talk->kit, WSUV_ETEST, "expected %s, got %s", wanted.text,
                  show(f->type, f->data, f->len).text);
}

int wsuv_conversation_expect_text(wsuv_conversation_t *talk, const char *text) {
  return wsuv_conversation_expect(talk, WSUV_FRAME_TEXT, text, strlen(text));
}

int wsuv_conversation_silent(wsuv_conversation_t *talk, uint64_t ms) {
  drop_given(talk);
  int err = kit_run_until(talk->kit, has_item, talk, ms);
  if (err == UV_ETIMEDOUT) return 0;
  if (err < 0) return err;
  if (ws_list_empty(&talk->items)) return fail_ended(talk, "silence");
  const wsuv_frame_t *f = &ws_list_entry(talk->items.next, item, node)->frame;
  return kit_fail(talk->kit, WSUV_ETEST, "expected silence, got %s",
                  show(f->type, f->data, f->len).text);
}

/* Ending */

int wsuv_conversation_closed(wsuv_conversation_t *talk, const wsuv_close_info_t **info) {
  drop_given(talk);
  int err = wait_until(talk, has_ended, "the session has ended");
  if (err == 0 && info != NULL) *info = &talk->info;
  return err;
}

int wsuv_conversation_close(wsuv_conversation_t *talk, unsigned code, const char *reason) {
  if (talk->kit->running) return WSUV_ESTATE;
  int err = talk->session != NULL ? wsuv_session_close(talk->session, code, reason) : 0;
  return err < 0 ? err : wsuv_conversation_closed(talk, NULL);
}

int wsuv_conversation_expect_close(wsuv_conversation_t *talk, unsigned code) {
  drop_given(talk);
  int err = kit_run_until(talk->kit, has_ended, talk, talk->timeout_ms);
  if (err == UV_ETIMEDOUT) {
    return kit_fail(talk->kit, WSUV_ETEST,
                    "expected the server to close with %u, but the session is open after %llu ms",
                    code, (unsigned long long) talk->timeout_ms);
  }
  if (err < 0) return err;
  if (talk->info.by_peer && talk->info.code == code) return 0;
  return kit_fail(talk->kit, WSUV_ETEST,
                  "expected the server to close with %u, got %u by %s, status %s", code,
                  talk->info.code, talk->info.by_peer ? "the server" : "the conversation",
                  wsuv_err_name(talk->info.status));
}

static sim_sock *socket_of(const wsuv_conversation_t *talk) {
  return talk->session != NULL ? sim_env_socket(talk->env) : NULL;
}

int wsuv_conversation_drop(wsuv_conversation_t *talk) {
  drop_given(talk);
  int err = send_bytes(talk, NULL, 0);
  if (err < 0 && err != UV_EOF && err != WSUV_ESTATE) return err;
  if (talk->kit->running) return WSUV_ESTATE;
  if (socket_of(talk) != NULL) sim_sock_shutdown(socket_of(talk));
  return 0;
}

int wsuv_conversation_reset(wsuv_conversation_t *talk) {
  drop_given(talk);
  if (talk->kit->running) return WSUV_ESTATE;
  wsuv_conversation_lose_after(talk, 0);
  return 0;
}

void wsuv_conversation_lose_after(wsuv_conversation_t *talk, uint64_t bytes) {
  if (talk->session != NULL) sim_env_fault(talk->env, SIM_FAULT_RESET, bytes);
}

void wsuv_conversation_stall(wsuv_conversation_t *talk, bool on) {
  if (talk->session != NULL) sim_env_stall(talk->env, on);
}

int wsuv_conversation_pause(wsuv_conversation_t *talk, bool on) {
  if (talk->session == NULL) return UV_EOF;
  return on ? wsuv_session_pause(talk->session) : wsuv_session_resume(talk->session);
}

void wsuv_conversation_free(wsuv_conversation_t *talk) {
  if (talk == NULL) return;
  CHECK(!talk->kit->running);
  conversation_free(talk);
}

void kit_end_conversations(wsuv_testkit_t *kit) {
  while (!ws_list_empty(&kit->conversations)) {
    conversation_free(ws_list_entry(kit->conversations.next, wsuv_conversation_t, node));
  }
}

/* What is known */

int wsuv_conversation_status(const wsuv_conversation_t *talk) {
  return talk->status;
}

const char *wsuv_conversation_header(const wsuv_conversation_t *talk, const char *name) {
  for (size_t i = 0; i < talk->header_count; i++) {
    if (strcasecmp(talk->headers[i].name, name) == 0) return talk->headers[i].value;
  }
  return NULL;
}

const char *wsuv_conversation_body(const wsuv_conversation_t *talk, size_t *len) {
  if (len != NULL) *len = talk->body != NULL ? talk->info.body_len : 0;
  return talk->body != NULL ? talk->body : "";
}

const char *wsuv_conversation_subprotocol(const wsuv_conversation_t *talk) {
  return talk->subprotocol;
}

wsuv_session_t *wsuv_conversation_session(wsuv_conversation_t *talk) {
  return talk->session;
}

typedef struct finding {
  const struct sockaddr_storage *address;
  wsuv_session_t *found;
} finding;

static void compare_peer(wsuv_session_t *s, void *arg) {
  finding *f = arg;
  struct sockaddr_storage peer;
  if (wsuv_session_peer_address(s, &peer) < 0) return;
  if (sim_addr_equal((const struct sockaddr *) &peer, (const struct sockaddr *) f->address, true))
    f->found = s;
}

wsuv_session_t *wsuv_conversation_server_session(wsuv_conversation_t *talk) {
  finding f = {&talk->address, NULL};
  if (talk->open && kit_find_server(talk->kit, talk->server) != NULL) {
    wsuv_server_each(talk->server, compare_peer, &f);
  }
  return f.found;
}
