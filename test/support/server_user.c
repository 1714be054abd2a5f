#include "support/server_user.h"

/* A user of one server: notes, checks, and the hooks of the test. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "support/world_tls.h"
#include "testkit/check.h"

/* What every callback checks. */
static server_user *called(wsuv_server_t *server) {
  CHECK(server != NULL);
  server_user *s = wsuv_server_data(server);
  CHECK(s->server == server);
  CHECK(no_call_is_running());
  CHECK(s->ends == 0);
  return s;
}

/* --- sessions --- */

static session_user *make_session(server_user *s) {
  session_user *u = check_alloc(sizeof *u);
  const session_user *each = &s->each;
  *u = (session_user){.w = s->w,
                      .raw = each->raw,
                      .forgets = each->forgets,
                      .at_open = each->at_open,
                      .at_message = each->at_message,
                      .at_ping = each->at_ping,
                      .at_pong = each->at_pong,
                      .at_frame = each->at_frame,
                      .at_drain = each->at_drain,
                      .at_done = each->at_done,
                      .at_close = each->at_close,
                      .data = each->data != NULL ? each->data : s};
  s->sessions = realloc(s->sessions, (s->session_count + 1) * sizeof *s->sessions);
  CHECK(s->sessions != NULL);
  s->sessions[s->session_count++] = u;
  return u;
}

/* A session that was accepted without the program has the server's user as its data at first. */
static server_user *meet(wsuv_session_t *session) {
  server_user *s = called(wsuv_session_server(session));
  if (wsuv_session_data(session) == s) {
    session_user *u = make_session(s);
    u->session = session;
    wsuv_session_set_data(session, u);
  }
  return s;
}

static void on_open(wsuv_session_t *session) {
  meet(session)->open_count++;
  user_callbacks()->on_open(session);
}

static void on_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  meet(session)->close_count++;
  user_callbacks()->on_close(session, info);
}

static wsuv_callbacks_t session_callbacks(void) {
  wsuv_callbacks_t callbacks = *user_callbacks();
  callbacks.on_open = on_open;
  callbacks.on_close = on_close;
  return callbacks;
}

void server_user_echo(session_user *u, const wsuv_message_t *m) {
  int err = wsuv_send_message(u->session, m->type, m->data, m->len);
  CHECK(err == (wsuv_session_stage(u->session) == WSUV_STAGE_OPEN ? 0 : WSUV_ESTATE));
}

void server_user_ignore(session_user *u, const wsuv_message_t *m) {
  (void) u;
  (void) m;
}

session_user *server_user_session(const server_user *s, size_t number) {
  CHECK(number < s->session_count);
  return s->sessions[number];
}

void server_user_run_to_sessions(server_user *s, size_t opened) {
  world_run_until_count(s->w, &s->open_count, opened);
}

void server_user_run_to_closes(server_user *s, size_t closed) {
  world_run_until_count(s->w, &s->close_count, closed);
}

/* --- the server's callbacks --- */

void server_user_on_upgrade(wsuv_upgrade_t *u) {
  server_user *s = called(wsuv_upgrade_server(u));
  s->upgrades++;
  s->upgrade = u;
  s->at_upgrade(s, u);
}

static void on_request(wsuv_exchange_t *x) {
  server_user *s = called(wsuv_exchange_server(x));
  s->requests++;
  s->exchange = x;
  s->at_request(s, x);
}

static void note_address(server_user *s, const struct sockaddr *addr) {
  *s->refused_address = '\0';
  if (addr->sa_family == AF_UNIX) return;
  CHECK(uv_ip_name(addr, s->refused_address, sizeof s->refused_address) == 0);
}

static void on_refused(wsuv_server_t *server, const wsuv_refusal_t *r) {
  server_user *s = called(server);
  CHECK(r->size == sizeof *r);
  CHECK(r->code < 0);
  CHECK(r->address != NULL);
  CHECK(r->detail != NULL);
  s->refused++;
  s->refused_code = r->code;
  s->refused_stage = r->stage;
  note_address(s, r->address);
  bytes_print(&s->refusals, "%s %d\n", wsuv_refused_name(r->cause), r->status);
  if (s->at_refused != NULL) s->at_refused(s, r);
}

static void on_log(wsuv_log_level_t level, const wsuv_session_t *session, const char *text,
                   void *arg) {
  server_user *s = arg;
  (void) session;
  bool told = strncmp(text, "accepted ", 9) == 0 || strncmp(text, "TLS: ", 5) == 0;
  if (level == WSUV_LOG_INFO && told) bytes_print(&s->accepted, "%s\n", text);
  if (level > WSUV_LOG_INFO || strncmp(text, "refused ", 8) != 0) return;
  s->lines++;
  bytes_add(&s->log, text, strlen(text));
  bytes_add(&s->log, "\n", 1);
}

bool server_user_refused(const server_user *s, const char *lines) {
  bool same = strcmp(bytes_text(&s->refusals), lines) == 0 && s->lines == s->refused;
  if (!same) {
    fprintf(stderr, "wanted:\n%srefused:\n%slog:\n%s", lines, bytes_text(&s->refusals),
            bytes_text(&s->log));
  }
  return same;
}

void server_user_run_to_refusals(server_user *s, size_t refused) {
  world_run_until_count(s->w, &s->refused, refused);
}

void server_user_run_to_upgrades(server_user *s, size_t upgrades) {
  world_run_until_count(s->w, &s->upgrades, upgrades);
}

void server_user_run_to_requests(server_user *s, size_t requests) {
  world_run_until_count(s->w, &s->requests, requests);
}

/* --- beginning --- */

void server_user_begin(server_user *s, world *w) {
  *s = (server_user){.w = w};
  wsuv_server_config_init(&s->config);
  s->config.log = on_log;
  s->config.log_arg = s;
  s->config.log_level = WSUV_LOG_INFO;
}

int server_user_make(server_user *s) {
  int err = s->loop != NULL ? world_server_on(s->w, s->loop, &s->server, &s->config)
                            : world_server(s->w, &s->server, &s->config);
  if (err < 0) return err;
  wsuv_server_set_data(s->server, s);
  wsuv_server_on_refused(s->server, on_refused);
  return 0;
}

wsuv_server_t *server_user_server(server_user *s) {
  if (s->server == NULL) CHECK(server_user_make(s) == 0);
  return s->server;
}

int server_user_add_route(server_user *s, wsuv_route_t *route) {
  const wsuv_callbacks_t callbacks = session_callbacks();
  route->callbacks = &callbacks;
  route->data = s;
  wsuv_server_t *server = server_user_server(s);
  call_begins();
  int err = wsuv_server_add_route(server, route);
  call_ends();
  return err;
}

void server_user_route(server_user *s, const char *path) {
  wsuv_route_t route;
  wsuv_route_init(&route, path);
  CHECK(server_user_add_route(s, &route) == 0);
}

void server_user_decide(server_user *s, void (*at_upgrade)(server_user *s, wsuv_upgrade_t *u)) {
  s->at_upgrade = at_upgrade;
  wsuv_server_on_upgrade(server_user_server(s), at_upgrade != NULL ? server_user_on_upgrade : NULL);
}

void server_user_keep(server_user *s, wsuv_upgrade_t *u) {
  (void) s;
  (void) u;
}

void server_user_serve(server_user *s, void (*at_request)(server_user *s, wsuv_exchange_t *x)) {
  s->at_request = at_request;
  wsuv_server_on_request(server_user_server(s), at_request != NULL ? on_request : NULL);
}

void server_user_listen(server_user *s) {
  wsuv_server_t *server = server_user_server(s);
  CHECK(wsuv_server_listen(server, "127.0.0.1", 0, &s->listener) == 0);
  CHECK(wsuv_listener_address(s->listener, &s->address) == 0);
}

void server_user_route_echo(server_user *s) {
  if (s->each.at_message == NULL) s->each.at_message = server_user_echo;
  server_user_route(s, "/");
}

void server_user_start(server_user *s) {
  server_user_route_echo(s);
  server_user_listen(s);
}

/* --- clients --- */

const char *server_user_url(server_user *s, const char *path) {
  const struct sockaddr_in *in = (const struct sockaddr_in *) (const void *) &s->address;
  int n = snprintf(s->url, sizeof s->url, "%s://127.0.0.1:%u%s",
                   world_tls(s->w) != NULL ? "wss" : "ws", (unsigned) ntohs(in->sin_port), path);
  CHECK(n > 0 && (size_t) n < sizeof s->url);
  return s->url;
}

raw_client *server_user_client(server_user *s) {
  return raw_client_new(s->w, &s->address);
}

raw_client *server_user_connect(server_user *s, const char *target) {
  raw_client *c = server_user_client(s);
  size_t opened = s->open_count + 1;
  raw_client_upgrade(c, &(upgrade_lines){.target = target});
  server_user_run_to_sessions(s, opened);
  return c;
}

/* --- calls --- */

int server_user_accept(server_user *s, wsuv_upgrade_t *u, const wsuv_accept_t *accept) {
  const wsuv_callbacks_t callbacks = session_callbacks();
  wsuv_accept_t own;
  wsuv_session_t *session = NULL;
  if (accept != NULL) own = *accept;
  if (accept == NULL) wsuv_accept_init(&own, u);
  if (own.callbacks == NULL) own.callbacks = &callbacks;
  session_user *user = make_session(s);
  own.data = user;
  call_begins();
  int err = wsuv_upgrade_accept(u, &own, &session);
  call_ends();
  if (err < 0) {
    free(s->sessions[--s->session_count]);
  } else {
    user->session = session;
  }
  return err;
}

int server_user_refuse(wsuv_upgrade_t *u, int status) {
  call_begins();
  int err = wsuv_upgrade_refuse(u, status, NULL, 0, NULL, 0);
  call_ends();
  return err;
}

int server_user_refuse_open(wsuv_upgrade_t *u, unsigned code, const char *reason) {
  call_begins();
  int err = wsuv_upgrade_refuse_open(u, code, reason);
  call_ends();
  return err;
}

int server_user_respond(wsuv_exchange_t *x, int status, const char *body) {
  call_begins();
  int err = wsuv_exchange_respond(x, status, NULL, 0, body, strlen(body));
  call_ends();
  return err;
}

int server_user_decline(wsuv_exchange_t *x) {
  call_begins();
  int err = wsuv_exchange_decline(x);
  call_ends();
  return err;
}

static void on_end(wsuv_server_t *server) {
  server_user *s = wsuv_server_data(server);
  CHECK(s->server == server || s->ends > 0);
  CHECK(no_call_is_running());
  CHECK(s->close_count == s->session_count);
  s->server = NULL;
  s->ends++;
  CHECK(s->ends <= s->end_calls);
  if (s->at_end != NULL) s->at_end(s);
}

int server_user_close(server_user *s) {
  s->end_calls++;
  call_begins();
  int err = wsuv_server_close(s->server, NULL, on_end);
  call_ends();
  return err;
}

int server_user_terminate(server_user *s) {
  s->end_calls++;
  call_begins();
  int err = wsuv_server_terminate(s->server, on_end);
  call_ends();
  return err;
}

int server_user_drain(server_user *s) {
  s->end_calls++;
  call_begins();
  int err = wsuv_server_drain(s->server, on_end);
  call_ends();
  return err;
}

void server_user_run_to_end(server_user *s) {
  world_run_until_count(s->w, &s->ends, s->end_calls);
}

void server_user_end_with_kept(server_user *s, raw_client *c, bool terminates) {
  CHECK((terminates ? server_user_terminate(s) : server_user_close(s)) == 0);
  raw_client_run_to_end(c);
  CHECK(c->status == (terminates ? 0 : 503));
  raw_client_close(c);
  server_user_run_to_end(s);
}

/* --- ending --- */

void server_user_finish(server_user *s) {
  raw_clients_end(s->w);
  if (s->server != NULL) CHECK(server_user_close(s) == 0);
  server_user_run_to_end(s);
  for (size_t i = 0; i < s->session_count; i++) {
    CHECK(s->sessions[i]->closes == 1);
    CHECK(s->sessions[i]->owed == 0);
    user_free(s->sessions[i]);
    free(s->sessions[i]);
  }
  free(s->sessions);
  s->sessions = NULL;
  s->session_count = 0;
  bytes_free(&s->refusals);
  bytes_free(&s->accepted);
  bytes_free(&s->log);
}

void server_user_renew(server_user *s) {
  server_user_finish(s);
  server_user_begin(s, s->w);
}

void server_user_run(world *w, server_fn *play) {
  server_user s;
  server_user_begin(&s, w);
  play(w, &s);
  server_user_finish(&s);
}

size_t server_user_crowd(size_t usual) {
  const char *size = getenv("WSUV_TEST_CROWD");
  return size != NULL ? (size_t) strtoull(size, NULL, 10) : usual;
}
