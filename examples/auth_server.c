/* A server that asks Redis who it is before it accepts an upgrade. Redis is asked on the same loop,
   by hiredis and its adapter for libuv, and the answer may take its time: the upgrade is kept
   meanwhile.

     auth_server REDIS_SOCKET [PORT]

   The token is in the query (/live?token=TOKEN), or in a cookie (session=TOKEN); Redis has the
   user's name under "session:TOKEN". Who has no such token is refused: a program gets the status
   401, and a page, which could not see that, the close code 4401. If Redis does not answer, it is
   the status 503. Who is accepted gets "welcome NAME", and all messages back. */

#include <arpa/inet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include <wsuv.h>

#include <hiredis/adapters/libuv.h> /* It has a function on_close. */

enum { REDIS_TIMEOUT_MS = 2000, PING_INTERVAL_MS = 25 * 1000 };

static struct program {
  wsuv_server_t *server;
  const char *redis_path;
  redisAsyncContext *redis; /* NULL: not connected. */
  size_t asked;             /* Upgrades that wait for an answer of Redis. */
  uv_timer_t timeout;       /* Runs while some wait, from the last answer on. */
  uv_signal_t signals[2];
} prog;

/* --- answers to upgrades --- */

/* After an error other than WSUV_ESTATE an answer is still owed: a plainer one. */
static void settle(wsuv_upgrade_t *upgrade, int err) {
  if (err < 0 && err != WSUV_ESTATE) wsuv_upgrade_refuse(upgrade, 500, NULL, 0, NULL, 0);
}

/* Browsers send Origin, and show pages nothing of a refusal. */
static void refuse(wsuv_upgrade_t *upgrade) {
  static const wsuv_header_t fields[] = {{"WWW-Authenticate", "Bearer realm=\"live\""},
                                         {"Content-Type", "text/plain"}};
  static const char body[] = "A valid token is needed, in the query or in a cookie.\n";
  if (wsuv_upgrade_header(upgrade, "Origin") != NULL)
    settle(upgrade, wsuv_upgrade_refuse_open(upgrade, 4401, "sign in first"));
  else
    settle(upgrade, wsuv_upgrade_refuse(upgrade, 401, fields, 2, body, strlen(body)));
}

static void refuse_unavailable(wsuv_upgrade_t *upgrade) {
  static const wsuv_header_t fields[] = {{"Retry-After", "5"}};
  settle(upgrade, wsuv_upgrade_refuse(upgrade, 503, fields, 1, NULL, 0));
}

/* The name belongs to the session from here on, and is freed in on_session_close. */
static void accept_user(wsuv_upgrade_t *upgrade, const redisReply *reply) {
  wsuv_accept_t accept;
  char *name = strndup(reply->str, (size_t) reply->len);
  if (name == NULL) {
    refuse_unavailable(upgrade);
    return;
  }
  wsuv_accept_init(&accept, upgrade);
  accept.data = name;
  int err = wsuv_upgrade_accept(upgrade, &accept, NULL);
  if (err < 0) free(name);
  settle(upgrade, err);
}

/* --- Redis --- */

static void start_or_stop_timeout(void);

/* Called once for each command, with NULL if the connection has ended. If the peer has gone, or the
   server has closed, the answer to the upgrade returns WSUV_ESTATE: nothing else has to be done. */
static void on_reply(redisAsyncContext *redis, void *reply, void *upgrade) {
  const redisReply *r = reply;
  (void) redis;
  prog.asked--;
  start_or_stop_timeout();
  if (r != NULL && r->type == REDIS_REPLY_STRING)
    accept_user(upgrade, r);
  else if (r != NULL && r->type == REDIS_REPLY_NIL)
    refuse(upgrade);
  else
    refuse_unavailable(upgrade);
}

static void on_disconnect(const redisAsyncContext *redis, int status) {
  if (status != REDIS_OK) fprintf(stderr, "auth_server: Redis: %s\n", redis->errstr);
  if (prog.redis == redis) prog.redis = NULL;
}

/* Calls on_reply for all that was asked. */
static void drop_redis(void) {
  redisAsyncContext *redis = prog.redis;
  prog.redis = NULL;
  if (redis != NULL) redisAsyncFree(redis);
}

/* The adapter leaves out errors of the socket. So Redis that does not answer, and Redis that is
   gone, are both noticed here. */
static void on_timeout(uv_timer_t *timer) {
  (void) timer;
  fprintf(stderr, "auth_server: Redis does not answer\n");
  drop_redis();
}

static void start_or_stop_timeout(void) {
  if (prog.asked > 0)
    uv_timer_start(&prog.timeout, on_timeout, REDIS_TIMEOUT_MS, 0);
  else
    uv_timer_stop(&prog.timeout);
}

/* A Unix socket is connected, or refused, at once. */
static bool connect_redis(void) {
  if (prog.redis != NULL) return true;
  redisAsyncContext *redis = redisAsyncConnectUnix(prog.redis_path);
  if (redis == NULL) return false;
  if (redis->err != 0 || redisLibuvAttach(redis, uv_default_loop()) != REDIS_OK) {
    fprintf(stderr, "auth_server: Redis: %s\n", redis->errstr);
    redisAsyncFree(redis);
    return false;
  }
  redisAsyncSetDisconnectCallback(redis, on_disconnect);
  prog.redis = redis;
  return true;
}

static void ask_redis(wsuv_upgrade_t *upgrade, const char *token, size_t len) {
  if (!connect_redis() ||
      redisAsyncCommand(prog.redis, on_reply, upgrade, "GET session:%b", token, len) != REDIS_OK) {
    refuse_unavailable(upgrade);
    return;
  }
  if (prog.asked++ == 0) start_or_stop_timeout();
}

/* --- upgrades and sessions --- */

/* The value of a cookie (RFC 6265 4.2.1); NULL: there is none of this name. */
static const char *find_cookie(const char *cookies, const char *name, size_t *len) {
  size_t name_len = strlen(name);
  while (cookies != NULL) {
    cookies += strspn(cookies, " ");
    if (strncmp(cookies, name, name_len) == 0 && cookies[name_len] == '=') {
      cookies += name_len + 1;
      *len = strcspn(cookies, ";");
      return cookies;
    }
    cookies = strchr(cookies, ';');
    if (cookies != NULL) cookies++;
  }
  return NULL;
}

/* A cookie is sent with every request to this host, whatever page has made it. That the page is one
   of ours the server has checked before: wsuv_config::origins. */
static void on_upgrade(wsuv_upgrade_t *upgrade) {
  size_t len = 0;
  const char *token = wsuv_upgrade_query(upgrade, "token");
  if (token != NULL)
    len = strlen(token);
  else
    token = find_cookie(wsuv_upgrade_header(upgrade, "Cookie"), "session", &len);
  if (len > 0)
    ask_redis(upgrade, token, len);
  else
    refuse(upgrade);
}

static void on_open(wsuv_session_t *session) {
  const char *name = wsuv_session_data(session);
  const uv_buf_t text[] = {{"welcome ", 8}, {(char *) name, strlen(name)}};
  int err = wsuv_send_bufs(session, WSUV_FRAME_TEXT, text, 2, NULL, NULL);
  if (err < 0) fprintf(stderr, "auth_server: %s\n", wsuv_strerror(err));
}

static void on_message(wsuv_session_t *session, const wsuv_message_t *m) {
  int err = wsuv_send_message(session, m->type, m->data, m->len);
  if (err == WSUV_EQUEUEFULL) wsuv_session_close(session, WSUV_CLOSE_POLICY_VIOLATION, "too slow");
}

static void on_session_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  (void) info;
  free(wsuv_session_data(session));
}

/* --- the program --- */

static void stop(void) {
  wsuv_server_close(prog.server, NULL, NULL);
  drop_redis();
  uv_close((uv_handle_t *) &prog.timeout, NULL);
}

static void on_signal(uv_signal_t *handle, int number) {
  (void) handle;
  (void) number;
  for (int i = 0; i < 2; i++) uv_close((uv_handle_t *) &prog.signals[i], NULL);
  stop();
}

static int add_route(void) {
  const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_open,
                                      .on_message = on_message, .on_close = on_session_close};
  wsuv_server_on_upgrade(prog.server, on_upgrade);
  return wsuv_server_route(prog.server, "/live", &callbacks, NULL);
}

static int start_server(unsigned port) {
  wsuv_config_t config;
  wsuv_listener_t *listener;
  struct sockaddr_storage addr;
  wsuv_server_config_init(&config);
  config.ping_interval_ms = PING_INTERVAL_MS;
  int err = wsuv_server_new(&prog.server, uv_default_loop(), &config);
  if (err < 0) return err;
  err = add_route();
  if (err == 0) err = wsuv_server_listen(prog.server, "localhost", port, &listener);
  if (err == 0) err = wsuv_listener_address(listener, &addr);
  if (err != 0) return err;
  printf("port %u\n", ntohs(((struct sockaddr_in *) &addr)->sin_port));
  fflush(stdout);
  return 0;
}

int main(int argc, char **argv) {
  static const int numbers[] = {SIGINT, SIGTERM};
  if (argc != 2 && argc != 3) {
    fprintf(stderr, "usage: auth_server REDIS_SOCKET [PORT]\n");
    return 1;
  }
  signal(SIGPIPE, SIG_IGN);
  prog.redis_path = argv[1];
  int err = start_server(argc == 3 ? (unsigned) strtoul(argv[2], NULL, 10) : 0);
  if (err == 0) {
    uv_timer_init(uv_default_loop(), &prog.timeout);
    for (int i = 0; i < 2; i++) {
      uv_signal_init(uv_default_loop(), &prog.signals[i]);
      uv_signal_start(&prog.signals[i], on_signal, numbers[i]);
    }
  } else {
    fprintf(stderr, "auth_server: %s\n", wsuv_strerror(err));
    wsuv_server_close(prog.server, NULL, NULL);
  }
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  return err < 0 || uv_loop_close(uv_default_loop()) != 0;
}
