/* F46: the n-th allocation fails, for every n, once and for ever after, from making a server to its
   end: routes, a listener, requests that are refused, accepted at once, or kept, sessions, and
   plain requests that the program answers. Whatever fails, each upgrade and each exchange has its
   answer, each session its on_close, and nothing is left. */

#include "support/server_user.h"
#include "support/torture.h"
#include "testkit/check.h"

enum { CLIENTS = 4, KEPT_MAX = 16, WAIT_MS = 100, WAITS = 30 };

typedef struct torture_user {
  server_user s;
  wsuv_upgrade_t *kept[KEPT_MAX]; /* upgrades that have no answer yet */
  size_t kept_count;
  bool no_hook;    /* Upgrades are accepted without the program. */
  bool proxied;    /* Connections begin with a header of the PROXY protocol. */
  size_t statuses; /* so many refusals had the status of a response */
} torture_user;

static void allow(int err) {
  CHECK(err == 0 || err == UV_ENOMEM || err == WSUV_ESTATE);
}

static void at_message(session_user *u, const wsuv_message_t *m) {
  allow(wsuv_send_message(u->session, m->type, m->data, m->len));
}

static void look_at(wsuv_upgrade_t *u) {
  size_t count;
  (void) wsuv_upgrade_query(u, "k");
  (void) wsuv_upgrade_headers(u, &count);
  (void) wsuv_upgrade_subprotocol(u, 1);
}

static bool is_answered(int err) {
  allow(err);
  return err == 0 || err == WSUV_ESTATE;
}

/* The answer that cannot be given is owed still. */
static void decide(server_user *s, wsuv_upgrade_t *u) {
  torture_user *t = s->data;
  static const wsuv_header_t field = {"X-Answer", "yes"};
  wsuv_accept_t accept;
  look_at(u);
  wsuv_accept_init(&accept, u);
  accept.subprotocol = "mqtt";
  accept.headers = &field;
  accept.header_count = 1;
  if (s->upgrades % 2 == 1 && is_answered(server_user_accept(s, u, &accept))) return;
  CHECK(t->kept_count < KEPT_MAX);
  t->kept[t->kept_count++] = u;
}

static void answer_kept(torture_user *t) {
  size_t left = 0;
  for (size_t i = 0; i < t->kept_count; i++) {
    wsuv_upgrade_t *u = t->kept[i];
    bool done = i % 2 == 0 ? is_answered(server_user_refuse(u, 403))
                           : is_answered(server_user_refuse_open(u, 4401, "token"));
    if (!done) t->kept[left++] = u;
  }
  t->kept_count = left;
}

static void answer_close(raw_client *c, const seen_frame *f) {
  if (f->spec.opcode == 8) raw_client_send_frames(c, "CLOSE #1001");
}

static void at_refused(server_user *s, const wsuv_refusal_t *r) {
  torture_user *t = s->data;
  t->statuses += r->status > 0;
}

static void connect_clients(server_user *s, raw_client **clients) {
  static const char header[] = "PROXY TCP4 127.0.0.1 127.0.0.1 56324 443\r\n";
  const torture_user *t = s->data;
  static const char *const targets[CLIENTS] = {"/room/1?k=v", "/room/2", "/nowhere", "/room/%zz"};
  for (size_t i = 0; i < CLIENTS; i++) {
    raw_client *c = clients[i] =
        raw_client_new_after(s->w, &s->address, header, t->proxied ? sizeof header - 1 : 0);
    c->on_frame = answer_close;
    raw_client_request(c, &(upgrade_lines){.target = targets[i],
                                           .more = "X-Forwarded-For: 203.0.113.7\r\n"
                                                   "X-Forwarded-Host: app.example\r\n"
                                                   "Sec-WebSocket-Protocol: chat, mqtt\r\n"
                                                   "Sec-WebSocket-Extensions: "
                                                   "permessage-deflate\r\n"});
    raw_client_send_frames(c, "TEXT- \"a\" ; CONT \"b\" ; BIN 61~40000");
  }
}

/* All that happens has happened, or never will. */
static void settle(torture_user *t) {
  world *w = t->s.w;
  for (int i = 0; i < WAITS; i++) {
    world_advance(w, WAIT_MS);
    if (i == WAITS / 2) answer_kept(t);
  }
}

/* A refusal tells of a response exactly if the peer got one. */
static void check_responses(torture_user *t, raw_client **clients) {
  size_t refused = 0;
  for (size_t i = 0; i < CLIENTS; i++) {
    if (clients[i]->received == 0) continue;
    raw_client_run_to_head(clients[i]);
    refused += clients[i]->status != 101;
  }
  CHECK(refused == t->statuses);
}

static void converse(torture_user *t) {
  raw_client *clients[CLIENTS];
  wsuv_route_t route;
  server_user *s = &t->s;
  wsuv_route_init(&route, "/room/{room}");
  wsuv_listen_options_t options;
  wsuv_listen_options_init(&options);
  options.proxy_protocol = t->proxied;
  int err = server_user_add_route(s, &route);
  if (err == 0) err = wsuv_server_listen_tcp(s->server, "127.0.0.1", 0, &options, &s->listener);
  CHECK(err == 0 || err == UV_ENOMEM);
  if (err < 0) return;
  CHECK(wsuv_listener_address(s->listener, &s->address) == 0);
  const size_t upgrades = t->no_hook ? 0 : 2, opens = t->no_hook ? 2 : 1;
  if (!t->no_hook) server_user_decide(s, decide);
  s->at_refused = at_refused;
  connect_clients(s, clients);
  settle(t);
  if (t->no_hook) check_responses(t, clients);
  CHECK(s->w->alloc->failed > 0 ||
        (s->upgrades == upgrades && s->refused == 2 && s->open_count == opens));
}

static void play_with(world *w, void (*set)(wsuv_config_t *config), bool no_hook) {
  torture_user t = {.no_hook = no_hook};
  server_user_begin(&t.s, w);
  t.s.data = &t;
  t.s.each.at_message = at_message;
  t.s.each.data = &t.s;
  if (set != NULL) set(&t.s.config);
  t.proxied = t.s.config.trusted_proxy_count > 0;
  int err = server_user_make(&t.s);
  CHECK(err == 0 || (err == UV_ENOMEM && w->alloc->failed > 0));
  if (err < 0) return;
  converse(&t);
  server_user_finish(&t.s);
  answer_kept(&t);
  CHECK(t.kept_count == 0);
}

static void play(world *w) {
  play_with(w, NULL, false);
}

static void play_without_a_hook(world *w) {
  play_with(w, NULL, true);
}

static void set_much(wsuv_config_t *config) {
  static const char *const names[] = {"mqtt", "chat"};
  static const wsuv_header_t field = {"Server", "test"};
  config->subprotocols = names;
  config->subprotocol_count = 2;
  config->headers = &field;
  config->header_count = 1;
  config->max_sessions_per_address = 10;
  config->keep_handshake = true;
}

static void play_much(world *w) {
  play_with(w, set_much, false);
}

/* The proxy that the header names sends fields. */
static void set_proxies(wsuv_config_t *config) {
  static const char *const proxies[] = {"127.0.0.1", "unix:"};
  config->trusted_proxies = proxies;
  config->trusted_proxy_count = 2;
  config->forwarded = WSUV_FORWARDED_X;
  config->max_sessions_per_address = 10;
}

static void play_behind_proxies(world *w) {
  play_with(w, set_proxies, false);
}

/* --- plain requests --- */

typedef struct exchanges {
  server_user s;
  wsuv_exchange_t *kept[KEPT_MAX]; /* exchanges that have no answer yet */
  size_t kept_count;
  size_t responses; /* calls that have returned 0 */
} exchanges;

static bool try_to_respond(exchanges *t, wsuv_exchange_t *x) {
  static const wsuv_header_t field = {"X-Answer", "yes"};
  const int err = wsuv_exchange_respond(x, 200, &field, 1, "body", 4);
  allow(err);
  t->responses += err == 0;
  return is_answered(err);
}

/* By its path, it is answered now or later, or declined when it cannot be handed over. */
static void answer_exchange(server_user *s, wsuv_exchange_t *x) {
  exchanges *t = s->data;
  const char *path = wsuv_exchange_path(x);
  const void *received;
  size_t count;
  int fd;
  (void) wsuv_exchange_query(x, "k");
  (void) wsuv_exchange_headers(x, &count);
  if (strcmp(path, "/declined") == 0) {
    const int err = wsuv_exchange_detach(x, &fd, &received, &count);
    CHECK(err == UV_ENOTSUP || err == UV_ENOMEM || err == WSUV_ESTATE);
    if (err == WSUV_ESTATE || is_answered(wsuv_exchange_decline(x))) return;
  } else if (strcmp(path, "/now") == 0 && try_to_respond(t, x)) {
    return;
  }
  CHECK(t->kept_count < KEPT_MAX);
  t->kept[t->kept_count++] = x;
}

static void answer_kept_exchanges(exchanges *t) {
  size_t left = 0;
  for (size_t i = 0; i < t->kept_count; i++) {
    if (!try_to_respond(t, t->kept[i])) t->kept[left++] = t->kept[i];
  }
  t->kept_count = left;
}

static void send_plain_requests(server_user *s) {
  static const char *const targets[] = {"/now?k=v", "/later", "/now", "/declined"};
  raw_client *c = server_user_client(s), *split = server_user_client(s);
  bytes out = {0};
  for (size_t i = 0; i < COUNT_OF(targets); i++) {
    bytes_print(&out, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n",
                targets[i]);
  }
  raw_client_send(c, out.base, out.len);
  raw_client_send_pieces(split, out.base, out.len, 40, 1);
  bytes_free(&out);
  c = server_user_client(s);
  raw_client_send_text(c, "GET /now HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  raw_client_request(c, &(upgrade_lines){.target = "/"});
}

static void converse_plainly(exchanges *t) {
  server_user *s = &t->s;
  wsuv_route_t route;
  wsuv_route_init(&route, "/");
  int err = server_user_add_route(s, &route);
  if (err == 0) err = wsuv_server_listen(s->server, "127.0.0.1", 0, &s->listener);
  CHECK(err == 0 || err == UV_ENOMEM);
  if (err < 0) return;
  CHECK(wsuv_listener_address(s->listener, &s->address) == 0);
  server_user_serve(s, answer_exchange);
  send_plain_requests(s);
  for (int i = 0; i < WAITS; i++) {
    world_advance(s->w, WAIT_MS);
    answer_kept_exchanges(t);
  }
  CHECK(s->w->alloc->failed > 0 || (t->responses == 7 && s->requests == 9 && s->open_count == 1));
}

static void play_plainly_with(world *w, void (*set)(wsuv_config_t *config)) {
  exchanges t = {.responses = 0};
  server_user_begin(&t.s, w);
  t.s.data = &t;
  if (set != NULL) set(&t.s.config);
  int err = server_user_make(&t.s);
  CHECK(err == 0 || (err == UV_ENOMEM && w->alloc->failed > 0));
  if (err < 0) return;
  converse_plainly(&t);
  server_user_finish(&t.s);
  answer_kept_exchanges(&t);
  CHECK(t.kept_count == 0);
}

static void play_plainly(world *w) {
  play_plainly_with(w, NULL);
}

static void play_plainly_behind_proxies(world *w) {
  play_plainly_with(w, set_proxies);
}

static bool is_first(const world *w) {
  return w->seed == 0;
}

WORLD_SIM_TLS_TEST(test_server_without_memory_once, w) {
  if (is_first(w)) torture(w, play, false, 50);
}

WORLD_SIM_TLS_TEST(test_server_without_memory_for_ever, w) {
  if (is_first(w)) torture(w, play, true, 50);
}

WORLD_SIM_TEST(test_server_with_more_without_memory_once, w) {
  if (is_first(w)) torture(w, play_much, false, 50);
}

WORLD_SIM_TEST(test_server_with_more_without_memory_for_ever, w) {
  if (is_first(w)) torture(w, play_much, true, 50);
}

WORLD_SIM_TEST(test_server_without_a_hook_and_memory_once, w) {
  if (is_first(w)) torture(w, play_without_a_hook, false, 50);
}

WORLD_SIM_TEST(test_server_without_a_hook_and_memory_for_ever, w) {
  if (is_first(w)) torture(w, play_without_a_hook, true, 50);
}

WORLD_SIM_TLS_TEST(test_server_behind_proxies_without_memory_once, w) {
  if (is_first(w)) torture(w, play_behind_proxies, false, 50);
}

WORLD_SIM_TEST(test_server_behind_proxies_without_memory_for_ever, w) {
  if (is_first(w)) torture(w, play_behind_proxies, true, 50);
}

WORLD_SIM_TLS_TEST(test_plain_requests_without_memory_once, w) {
  if (is_first(w)) torture(w, play_plainly, false, 50);
}

WORLD_SIM_TLS_TEST(test_plain_requests_without_memory_for_ever, w) {
  if (is_first(w)) torture(w, play_plainly, true, 50);
}

WORLD_SIM_TEST(test_plain_requests_behind_proxies_without_memory_once, w) {
  if (is_first(w)) torture(w, play_plainly_behind_proxies, false, 50);
}

/* They are needed when it is made. Handshakes and frames of a server need none. */
SERVER_SIM_TEST(test_server_without_random_bytes, w, s) {
  world_random_fails(w, true);
  assert_true(server_user_make(s) < 0);
  world_random_fails(w, false);
  server_user_start(s);
  world_random_fails(w, true);
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "TEXT \"a\" ; PING 01 ; CLOSE #1000");
  server_user_run_to_closes(s, 1);
  assert_true(user_ended_cleanly(server_user_session(s, 0), 1000, 1000));
  assert_int_equal(server_user_close(s), 0);
  server_user_run_to_end(s);
  world_random_fails(w, false);
}
