/* F40: every public function, called from every callback, upon a session in every state: upon
   another session than the callback's, and upon its own, plain and over TLS. A generated matrix;
   that the two tables of calls have every function of the headers, test/doc/features_test.py sees
   to. */

#include <stdio.h>
#include <string.h>

#include "support/check.h"
#include "support/session_user.h"
#include "support/world_test.h"
#include "support/world_tls.h"

typedef enum state {
  STATE_NEW,       /* made a moment ago, in the same callback */
  STATE_RESOLVE,   /* only where a lookup can be made to hang */
  STATE_CONNECT,   /* and a connection */
  STATE_TLS,       /* the peer says nothing; only where it should speak TLS */
  STATE_HANDSHAKE, /* the peer says nothing, by TLS perhaps */
  STATE_OPEN,
  STATE_PAUSED,
  STATE_CLOSING, /* our close frame is not answered */
  STATE_LINGER,  /* both have gone, and the peer does not end TCP */
  STATE_FAILED,  /* the peer broke the protocol, and does not end TCP */
  STATE_ENDED,   /* terminated a moment ago: on_close is still to come */
  STATES,
  STATE_OWN = STATES, /* whatever the callback leaves its own session in; it was open */
  STATE_OWN_PAUSED,
  STATE_OWN_CLOSING, /* our close frame is not answered */
  ALL_STATES
} state;

typedef enum place {
  OUTSIDE,
  AT_OPEN,
  AT_MESSAGE,
  AT_PIECE,
  AT_FRAME, /* of a raw session */
  AT_PING,
  AT_PONG,
  AT_DRAIN,
  AT_POST,
  AT_CLIENT_GONE, /* of another client */
  AT_SENT,
  AT_FLUSHED,
  AT_CANCELLED, /* from here on the session of the callback has ended */
  AT_CLOSE,
  PLACES
} place;

/* What a call upon a session may say. */
typedef enum rule {
  ALWAYS_0,
  OPEN_ONLY,      /* else WSUV_ESTATE */
  OPEN_OR_CLOSING /* the same */
} rule;

typedef struct play play;

typedef struct call {
  const char *name;
  rule rule;
  int (*run)(play *p, session_user *u);
} call;

enum { CALLS_MAX = 40, STEP_MS = 2 };

/* Peers for all plays of a test. */
typedef struct cast {
  frame_peer own; /* of the session whose callback it is */
  frame_peer silent, closing, failing;
  raw_peer *mute, *deaf; /* deaf: even to TLS */
  char deaf_url[64];
  wsuv_client_t *client; /* with TLS that of all plays, so that its sessions resume each other */
} cast;

struct play {
  world *w;
  cast *cast;
  wsuv_client_t *client, *other;
  session_user actor, targets[CALLS_MAX];
  const call *calls; /* the n-th is made upon the n-th target */
  size_t count;
  state state;
  place place;
  bool acted;
  size_t gone, connected, disconnected, posted;
  wsuv_session_t *third; /* made by a call, until its on_close */
};

/* --- the calls --- */

static bool is_own(const play *p) {
  return p->state >= STATE_OWN;
}

static int text(play *p, session_user *u) {
  (void) p;
  return user_text(u, "text");
}

static int binary(play *p, session_user *u) {
  (void) p;
  return user_binary(u, "binary", 6);
}

static int ping(play *p, session_user *u) {
  (void) p;
  return user_ping(u, "ping");
}

static int pong(play *p, session_user *u) {
  (void) p;
  return user_pong(u, "pong");
}

static int frame(play *p, session_user *u) {
  (void) p;
  return user_frame(u, 'x', WSUV_FRAME_TEXT, true, "frame", 5);
}

static int bufs(play *p, session_user *u) {
  char text[] = "two pieces";
  const uv_buf_t two[] = {{text, 4}, {text + 4, 6}};
  (void) p;
  return user_bufs(u, 'z', WSUV_FRAME_TEXT, two, 2);
}

/* Once begun, it goes on; else none of them is allowed. */
static int pieces(play *p, session_user *u) {
  (void) p;
  int begun = wsuv_send_begin(u->session, WSUV_FRAME_TEXT);
  int went_on = wsuv_send_piece(u->session, "piece", 5, NULL, NULL);
  int ended = wsuv_send_end(u->session, NULL, NULL);
  return went_on == begun && ended == begun ? begun : -1;
}

static int to_text(void *arg, const void *value, const void *type, wsuv_frame_t *made) {
  (void) arg;
  (void) type;
  made->data = value;
  made->len = strlen(value);
  return 0;
}

static int from_text(void *arg, const wsuv_frame_t *came, const void *type, void *value) {
  (void) arg;
  (void) type;
  *(size_t *) value = came->len;
  return 0;
}

static int value(play *p, session_user *u) {
  (void) p;
  return user_value(u, 'v', "value", NULL);
}

static int read_value(play *p, session_user *u) {
  const wsuv_message_t m = {.type = WSUV_FRAME_TEXT, .data = "value", .len = 5};
  size_t len = 0;
  (void) p;
  int err = wsuv_message_deserialize(u->session, &m, NULL, &len);
  return err == 0 && len == 5 ? 0 : -1;
}

static int flush(play *p, session_user *u) {
  (void) p;
  return user_flush(u, 'y');
}

static int close_it(play *p, session_user *u) {
  (void) p;
  return user_close(u, 1000, "from a callback");
}

static int terminate(play *p, session_user *u) {
  (void) p;
  user_terminate(u);
  return 0;
}

static int pause_it(play *p, session_user *u) {
  (void) p;
  return user_pause(u);
}

static int resume(play *p, session_user *u) {
  (void) p;
  return user_resume(u);
}

static int set_ping(play *p, session_user *u) {
  (void) p;
  return wsuv_session_set_ping(u->session, 1, 1);
}

static int set_idle(play *p, session_user *u) {
  (void) p;
  return wsuv_session_set_idle_timeout(u->session, 1);
}

static int set_frame_size(play *p, session_user *u) {
  (void) p;
  return wsuv_session_set_max_frame_size(u->session, 1);
}

static int set_message_size(play *p, session_user *u) {
  (void) p;
  return wsuv_session_set_max_message_size(u->session, 1);
}

static int set_masking(play *p, session_user *u) {
  (void) p;
  return wsuv_session_set_masking(u->session, false);
}

static int unref(play *p, session_user *u) {
  (void) p;
  wsuv_session_unref(u->session);
  wsuv_session_ref(u->session);
  return 0;
}

static int buffered(play *p, session_user *u) {
  (void) p;
  return wsuv_buffered_amount(u->session) > 100 ? -1 : 0;
}

static int client_of(play *p, session_user *u) {
  return wsuv_session_client(u->session) == p->client ? 0 : -1;
}

static int stage(play *p, session_user *u) {
  static const wsuv_stage_t stages[] = {
      [STATE_NEW] = WSUV_STAGE_RESOLVE,         [STATE_RESOLVE] = WSUV_STAGE_RESOLVE,
      [STATE_CONNECT] = WSUV_STAGE_CONNECT,     [STATE_TLS] = WSUV_STAGE_TLS,
      [STATE_HANDSHAKE] = WSUV_STAGE_HANDSHAKE, [STATE_OPEN] = WSUV_STAGE_OPEN,
      [STATE_PAUSED] = WSUV_STAGE_OPEN,         [STATE_CLOSING] = WSUV_STAGE_CLOSING,
      [STATE_LINGER] = WSUV_STAGE_CLOSING,      [STATE_FAILED] = WSUV_STAGE_CLOSING,
      [STATE_ENDED] = WSUV_STAGE_OPEN,          [STATE_OWN] = WSUV_STAGE_OPEN,
      [STATE_OWN_PAUSED] = WSUV_STAGE_OPEN,     [STATE_OWN_CLOSING] = WSUV_STAGE_CLOSING,
  };
  wsuv_stage_t now = wsuv_session_stage(u->session);
  return now == stages[p->state] && *wsuv_stage_name(now) != '\0' ? 0 : -1;
}

static int set_data(play *p, session_user *u) {
  (void) p;
  wsuv_session_set_data(u->session, NULL);
  int r = wsuv_session_data(u->session) == NULL ? 0 : -1;
  wsuv_session_set_data(u->session, u);
  return r;
}

static int data(play *p, session_user *u) {
  (void) p;
  return wsuv_session_data(u->session) == u ? 0 : -1;
}

static int subprotocol(play *p, session_user *u) {
  (void) p;
  return strcmp(wsuv_session_subprotocol(u->session), "");
}

/* From the connection to the end. */
static int addresses(play *p, session_user *u) {
  struct sockaddr_storage addr;
  bool ended = p->state == STATE_ENDED || (is_own(p) && p->place >= AT_CANCELLED);
  bool there = p->state > STATE_CONNECT && !ended;
  int peer = wsuv_session_peer_address(u->session, &addr);
  int local = wsuv_session_local_address(u->session, &addr);
  return peer == local && peer == (there ? 0 : WSUV_ESTATE) ? 0 : -1;
}

/* The handshake is there from the call until on_open returns, and for those that never open. */
static bool has_request(const play *p) {
  return p->state < STATE_OPEN || (p->state == STATE_OWN && p->place == AT_OPEN);
}

static int request_head(play *p, session_user *u) {
  size_t len = 1;
  bool there = wsuv_session_request_head(u->session, &len) != NULL;
  return there == has_request(p) && there == (len > 0) ? 0 : -1;
}

static bool has_answer(const play *p) {
  return p->state == STATE_OWN && p->place == AT_OPEN;
}

static int status(play *p, session_user *u) {
  return wsuv_session_status(u->session) == (has_answer(p) ? 101 : 0) ? 0 : -1;
}

static int headers(play *p, session_user *u) {
  size_t count = 1;
  bool there = wsuv_session_response_headers(u->session, &count) != NULL;
  return there == has_answer(p) && there == (count > 0) ? 0 : -1;
}

static int header(play *p, session_user *u) {
  bool there = wsuv_session_response_header(u->session, "upgrade") != NULL;
  return there == has_answer(p) ? 0 : -1;
}

/* From the end of its handshake until on_close has returned. */
static int tls(play *p, session_user *u) {
  wsuv_tls_info_t info;
  bool there = world_tls(p->w) != NULL && p->state > STATE_TLS;
  wsuv_tls_info_init(&info);
  int err = wsuv_session_tls(u->session, &info);
  return err == (there ? 0 : WSUV_ESTATE) && (info.version != NULL) == there ? 0 : -1;
}

static int rtt(play *p, session_user *u) {
  wsuv_rtt_t times;
  (void) p;
  wsuv_rtt_init(&times);
  return wsuv_session_rtt(u->session, &times) == UV_EAGAIN ? 0 : -1;
}

static int stats(play *p, session_user *u) {
  wsuv_stats_t figures;
  (void) p;
  wsuv_stats_init(&figures);
  return wsuv_session_get_stats(u->session, &figures);
}

static int extensions(play *p, session_user *u) {
  (void) p;
  return strcmp(wsuv_session_extensions(u->session), "");
}

static int prepared(play *p, session_user *u) {
  wsuv_prepared_t *m;
  CHECK(wsuv_prepared_new(&m, WSUV_FRAME_TEXT, "news", 4, &p->w->alloc->handle) == 0);
  int r = wsuv_send_prepared(u->session, m, NULL, NULL);
  wsuv_prepared_free(m);
  return r;
}

static const call session_calls[] = {
    {"wsuv_send_text", OPEN_ONLY, text},
    {"wsuv_send_binary", OPEN_ONLY, binary},
    {"wsuv_send_ping", OPEN_ONLY, ping},
    {"wsuv_send_pong", OPEN_ONLY, pong},
    {"wsuv_send", OPEN_ONLY, frame},
    {"wsuv_send_bufs", OPEN_ONLY, bufs},
    {"wsuv_send_prepared wsuv_prepared_new wsuv_prepared_free", OPEN_ONLY, prepared},
    {"wsuv_send_begin wsuv_send_piece wsuv_send_end", OPEN_ONLY, pieces},
    {"wsuv_send_serialized", OPEN_ONLY, value},
    {"wsuv_message_deserialize", ALWAYS_0, read_value},
    {"wsuv_flush", OPEN_OR_CLOSING, flush},
    {"wsuv_session_close", ALWAYS_0, close_it},
    {"wsuv_session_terminate", ALWAYS_0, terminate},
    {"wsuv_session_pause", OPEN_ONLY, pause_it},
    {"wsuv_session_resume", OPEN_ONLY, resume},
    {"wsuv_session_unref wsuv_session_ref", ALWAYS_0, unref},
    {"wsuv_session_set_ping", OPEN_ONLY, set_ping},
    {"wsuv_session_set_idle_timeout", OPEN_ONLY, set_idle},
    {"wsuv_session_set_max_frame_size", OPEN_ONLY, set_frame_size},
    {"wsuv_session_set_max_message_size", OPEN_ONLY, set_message_size},
    {"wsuv_session_set_masking", OPEN_ONLY, set_masking},
    {"wsuv_buffered_amount", ALWAYS_0, buffered},
    {"wsuv_session_client", ALWAYS_0, client_of},
    {"wsuv_session_stage", ALWAYS_0, stage},
    {"wsuv_session_set_data", ALWAYS_0, set_data},
    {"wsuv_session_data", ALWAYS_0, data},
    {"wsuv_session_subprotocol", ALWAYS_0, subprotocol},
    {"wsuv_session_extensions", ALWAYS_0, extensions},
    {"wsuv_session_peer_address wsuv_session_local_address", ALWAYS_0, addresses},
    {"wsuv_session_request_head", ALWAYS_0, request_head},
    {"wsuv_session_status", ALWAYS_0, status},
    {"wsuv_session_response_headers", ALWAYS_0, headers},
    {"wsuv_session_response_header", ALWAYS_0, header},
    {"wsuv_session_tls", ALWAYS_0, tls},
    {"wsuv_session_rtt", ALWAYS_0, rtt},
    {"wsuv_session_get_stats", ALWAYS_0, stats},
};
enum { SESSION_CALLS = sizeof session_calls / sizeof *session_calls };

/* --- calls upon the client, or upon nothing --- */

static void on_gone(wsuv_client_t *client) {
  ((play *) wsuv_client_data(client))->gone++;
}

static int close_client(play *p, session_user *u) {
  (void) u;
  return wsuv_client_close(p->client, on_gone);
}

static int terminate_client(play *p, session_user *u) {
  (void) u;
  return wsuv_client_terminate(p->client, on_gone);
}

static void on_other_close(wsuv_session_t *s, const wsuv_close_info_t *info) {
  play *p = wsuv_session_data(s);
  (void) info;
  p->disconnected++;
  p->third = NULL;
}

static const wsuv_callbacks_t other_callbacks = {WSUV_CALLBACKS_INIT, .on_close = on_other_close};

static int connect_another(play *p, session_user *u) {
  wsuv_request_t r;
  (void) u;
  wsuv_request_init(&r, raw_peer_url(p->cast->silent.raw, "/other"));
  r.data = p;
  p->connected++;
  return wsuv_connect(p->client, &r, &other_callbacks, &p->third);
}

static int connect_url(play *p, session_user *u) {
  (void) u;
  p->connected++;
  return wsuv_connect_url(p->client, raw_peer_url(p->cast->silent.raw, "/other"), &other_callbacks,
                          p, &p->third);
}

/* Adoption itself is test_connect_stream.c's. */
static int connect_stream(play *p, session_user *u) {
  wsuv_request_t r;
  (void) u;
  wsuv_request_init(&r, "ws://localhost/");
  int err = wsuv_connect_stream(p->client, &r, NULL, &other_callbacks, NULL);
  return err == UV_EINVAL ? 0 : -1;
}

static int new_client(play *p, session_user *u) {
  wsuv_client_t *client;
  (void) u;
  int err = world_client(p->w, &client, NULL);
  return err < 0 ? err : wsuv_client_terminate(client, NULL);
}

static void on_post(wsuv_client_t *client, void *arg) {
  (void) client;
  ((play *) arg)->posted++;
}

static int post(play *p, session_user *u) {
  (void) u;
  return wsuv_client_post(p->client, on_post, p);
}

static int copy_config(play *p, session_user *u) {
  wsuv_config_t config;
  (void) u;
  wsuv_client_get_config(p->client, &config);
  return config.size == sizeof config && config.high_water == 1 ? 0 : -1;
}

static int defaults(play *p, session_user *u) {
  wsuv_config_t config;
  (void) p;
  (void) u;
  wsuv_client_config_init(&config);
  return config.masking ? 0 : -1;
}

static int loop(play *p, session_user *u) {
  (void) u;
  return wsuv_client_loop(p->client) == world_uv_loop(p->w) ? 0 : -1;
}

static int session_count(play *p, session_user *u) {
  (void) u;
  return wsuv_client_session_count(p->client) > 0 ? 0 : -1;
}

static int client_data(play *p, session_user *u) {
  (void) u;
  wsuv_client_set_data(p->client, p);
  return wsuv_client_data(p->client) == p ? 0 : -1;
}

static int names(play *p, session_user *u) {
  (void) p;
  (void) u;
  return *wsuv_err_name(0) != '\0' && *wsuv_strerror(0) != '\0' && *wsuv_version() != '\0' &&
                 *wsuv_close_code_name(1000) != '\0' && *wsuv_stage_name(WSUV_STAGE_OPEN) != '\0'
             ? 0
             : -1;
}

static int copy_frame(play *p, session_user *u) {
  const wsuv_allocator_t *alloc = &p->w->alloc->handle;
  char text_of_it[8];
  wsuv_frame_t f;
  (void) u;
  wsuv_frame_init(&f, WSUV_FRAME_TEXT, "text", 4);
  wsuv_frame_t *copy = wsuv_frame_copy(&f, alloc);
  int err = copy != NULL ? wsuv_frame_read_text(copy, text_of_it, sizeof text_of_it) : UV_ENOMEM;
  wsuv_frame_free(copy, alloc);
  return err;
}

static int read_close(play *p, session_user *u) {
  uint16_t code = 0;
  wsuv_frame_t f;
  (void) p;
  (void) u;
  wsuv_frame_init(&f, WSUV_FRAME_CLOSE, "\x03\xe9", 2);
  int err = wsuv_frame_read_close(&f, &code, NULL, NULL);
  return err == 0 && code == 1001 ? 0 : -1;
}

static int fill_in_deflate(play *p, session_user *u) {
  wsuv_deflate_options_t options;
  wsuv_extension_t extension;
  (void) p;
  (void) u;
  wsuv_deflate_options_init(&options);
  return wsuv_permessage_deflate(&extension, &options);
}

static int disable_verification(play *p, session_user *u) {
  wsuv_tls_config_t config;
  (void) p;
  (void) u;
  wsuv_tls_config_init(&config);
  wsuv_tls_config_disable_verification(&config);
  return config.verification_disabled ? 0 : -1;
}

static const call client_calls[] = {
    {"wsuv_connect", ALWAYS_0, connect_another},
    {"wsuv_connect_url", ALWAYS_0, connect_url},
    {"wsuv_connect_stream", ALWAYS_0, connect_stream},
    {"wsuv_client_new", ALWAYS_0, new_client},
    {"wsuv_client_post", ALWAYS_0, post},
    {"wsuv_client_copy_config", ALWAYS_0, copy_config},
    {"wsuv_client_config_defaults", ALWAYS_0, defaults},
    {"wsuv_client_loop", ALWAYS_0, loop},
    {"wsuv_client_session_count", ALWAYS_0, session_count},
    {"wsuv_client_set_data wsuv_client_data", ALWAYS_0, client_data},
    {"wsuv_err_name wsuv_strerror wsuv_version wsuv_close_code_name wsuv_stage_name", ALWAYS_0,
     names},
    {"wsuv_frame_copy wsuv_frame_free wsuv_frame_read_text", ALWAYS_0, copy_frame},
    {"wsuv_frame_read_close", ALWAYS_0, read_close},
    {"wsuv_deflate_options_defaults wsuv_permessage_deflate_fill", ALWAYS_0, fill_in_deflate},
    {"wsuv_tls_config_disable_verification", ALWAYS_0, disable_verification},
};
enum { CLIENT_CALLS = sizeof client_calls / sizeof *client_calls };

/* --- the act --- */

static bool is_open(const play *p) {
  if (is_own(p)) return p->state != STATE_OWN_CLOSING && p->place < AT_CANCELLED;
  return p->state == STATE_OPEN || p->state == STATE_PAUSED;
}

static bool is_closing(const play *p) {
  return p->state == STATE_CLOSING || (p->state == STATE_OWN_CLOSING && p->place < AT_CANCELLED);
}

static int expected(const play *p, rule r) {
  bool allowed = r == ALWAYS_0 || is_open(p);
  if (r == OPEN_OR_CLOSING && is_closing(p)) allowed = true;
  return allowed ? 0 : WSUV_ESTATE;
}

static session_user *target(play *p, size_t i) {
  return is_own(p) ? &p->actor : &p->targets[i];
}

static void connect_target(play *p, size_t i, frame_peer *peer) {
  p->targets[i] = (session_user){.w = p->w, .client = p->client, .forgets = true};
  user_connect(&p->targets[i], peer);
}

static void act(play *p) {
  if (p->acted) return;
  p->acted = true;
  for (size_t i = 0; i < p->count; i++) {
    if (p->state == STATE_NEW) connect_target(p, i, &p->cast->silent);
    if (p->state == STATE_ENDED) user_terminate(&p->targets[i]);
    int err = p->calls[i].run(p, target(p, i));
    if (err != expected(p, p->calls[i].rule)) {
      CHECK_FAIL("%s: %s, at %d in state %d", p->calls[i].name, wsuv_err_name(err), (int) p->place,
                 (int) p->state);
    }
  }
}

static void act_of(session_user *u) {
  act(u->data);
}

static void act_at_message(session_user *u, const wsuv_message_t *m) {
  (void) m;
  act(u->data);
}

static void act_at_frame(session_user *u, const wsuv_frame_t *f) {
  (void) f;
  act(u->data);
}

static void act_at_piece(wsuv_session_t *s, const wsuv_message_piece_t *m) {
  const session_user *u = wsuv_session_data(s);
  (void) m;
  act(u->data);
}

static void act_at_done(session_user *u, char name, int done) {
  const play *p = u->data;
  if (name == 'a') CHECK((done == 0) == (p->place != AT_CANCELLED));
  if (name == 'a') act(u->data);
}

static void act_at_post(wsuv_client_t *client, void *arg) {
  (void) client;
  act(arg);
}

static void act_at_client_gone(wsuv_client_t *client) {
  play *p = wsuv_client_data(client);
  p->other = NULL;
  act(p);
}

static void connect_actor(play *p) {
  session_user *u = &p->actor;
  wsuv_callbacks_t callbacks = *user_callbacks();
  wsuv_request_t r;
  wsuv_request_init(&r, raw_peer_url(p->cast->own.raw, "/"));
  callbacks.on_message_piece = p->place == AT_PIECE ? act_at_piece : NULL;
  r.data = u;
  r.raw = u->raw;
  CHECK(wsuv_connect(p->client, &r, &callbacks, &u->session) == 0);
}

/* Have the callback come. */
static void trigger(play *p) {
  session_user *u = &p->actor;
  frame_peer *peer = &p->cast->own;
  u->at_open = p->place == AT_OPEN ? act_of : NULL;
  u->at_message = p->place == AT_MESSAGE ? act_at_message : NULL;
  u->at_frame = p->place == AT_FRAME ? act_at_frame : NULL;
  u->at_ping = p->place == AT_PING ? act_of : NULL;
  u->at_pong = p->place == AT_PONG ? act_of : NULL;
  u->at_drain = p->place == AT_DRAIN ? act_of : NULL;
  u->at_close = p->place == AT_CLOSE ? act_of : NULL;
  u->at_done = act_at_done;
  switch (p->place) {
  case AT_OPEN: connect_actor(p); break;
  case AT_MESSAGE:
  case AT_PIECE:
  case AT_FRAME: frame_peer_send(peer, "TEXT \"a\""); break;
  case AT_PING: frame_peer_send(peer, "PING 01"); break;
  case AT_PONG: frame_peer_send(peer, "PONG 01"); break;
  case AT_DRAIN: CHECK(user_text(u, "high") == 0); break;
  case AT_POST: CHECK(wsuv_client_post(p->client, act_at_post, p) == 0); break;
  case AT_CLIENT_GONE: CHECK(wsuv_client_close(p->other, act_at_client_gone) == 0); break;
  case AT_SENT: CHECK(user_frame(u, 'a', WSUV_FRAME_TEXT, true, "a", 1) == 0); break;
  case AT_FLUSHED: CHECK(user_flush(u, 'a') == 0); break;
  case AT_CANCELLED:
    CHECK(user_ping(u, "first") == (p->state == STATE_OWN_CLOSING ? WSUV_ESTATE : 0));
    CHECK(user_flush(u, 'a') == 0);
    user_terminate(u);
    break;
  case AT_CLOSE: user_terminate(u); break;
  default: act(p); break;
  }
  world_run_until_true(p->w, &p->acted);
}

/* --- the targets, before the act --- */

static frame_peer *peer_of(const play *p) {
  if (p->state == STATE_LINGER) return &p->cast->closing;
  return p->state == STATE_FAILED ? &p->cast->failing : &p->cast->silent;
}

static void connect_to(play *p, size_t i, const char *url) {
  p->targets[i] = (session_user){.w = p->w, .client = p->client, .forgets = true};
  CHECK(user_try_connect_url(&p->targets[i], url) == 0);
}

static void connect_to_a_name(play *p, size_t i) {
  static const sim_answer never = {.delay_ms = SIM_NEVER};
  sim_name(world_sim(p->w), "never.invalid", &never);
  connect_to(p, i, "ws://never.invalid/");
}

static void begin_target(play *p, size_t i) {
  if (p->state == STATE_RESOLVE) {
    connect_to_a_name(p, i);
  } else if (p->state == STATE_TLS) {
    connect_to(p, i, p->cast->deaf_url);
  } else if (p->state == STATE_HANDSHAKE) {
    connect_to(p, i, raw_peer_url(p->cast->mute, "/"));
  } else {
    connect_target(p, i, peer_of(p));
  }
}

static bool come_to(void *arg, wsuv_stage_t at) {
  const play *p = arg;
  for (size_t i = 0; i < p->count; i++) {
    if (wsuv_session_stage(p->targets[i].session) != at) return false;
  }
  return true;
}

static bool shake_hands_of_tls(void *arg) {
  return come_to(arg, WSUV_STAGE_TLS);
}

static bool shake_hands(void *arg) {
  return come_to(arg, WSUV_STAGE_HANDSHAKE);
}

static bool are_open(void *arg) {
  return come_to(arg, WSUV_STAGE_OPEN);
}

/* Until each has sent its close frame. */
static void wait_for_close_frames(play *p, size_t before) {
  world_run_until_count(p->w, &peer_of(p)->opcodes[8], before + p->count);
}

static void begin_targets(play *p) {
  sim *s = world_sim(p->w);
  if (p->state == STATE_CONNECT) sim_route(s, "127.0.0.1", SIM_ROUTE_BLACKHOLE, 0);
  for (size_t i = 0; i < p->count; i++) begin_target(p, i);
  if (p->state <= STATE_CONNECT) world_advance(p->w, STEP_MS);
  if (p->state == STATE_CONNECT) sim_route(s, "127.0.0.1", SIM_ROUTE_OPEN, 0);
}

static void prepare_targets(play *p) {
  size_t closes = peer_of(p)->opcodes[8];
  begin_targets(p);
  if (p->state == STATE_TLS) world_run_until(p->w, shake_hands_of_tls, p);
  if (p->state == STATE_HANDSHAKE) world_run_until(p->w, shake_hands, p);
  if (p->state == STATE_LINGER || p->state == STATE_FAILED) {
    wait_for_close_frames(p, closes);
    return;
  }
  if (p->state < STATE_OPEN) return;
  world_run_until(p->w, are_open, p);
  for (size_t i = 0; i < p->count; i++) {
    if (p->state == STATE_PAUSED) CHECK(user_pause(&p->targets[i]) == 0);
    if (p->state == STATE_CLOSING) CHECK(user_close(&p->targets[i], 1000, NULL) == 0);
  }
  if (p->state == STATE_CLOSING) wait_for_close_frames(p, closes);
}

/* --- a play --- */

static wsuv_client_t *new_client_of(world *w) {
  wsuv_config_t config;
  wsuv_converter_t converter;
  wsuv_client_t *client;
  wsuv_converter_init(&converter);
  converter.serialize = to_text;
  converter.deserialize = from_text;
  wsuv_client_config_init(&config);
  config.high_water = 1;
  config.low_water = 0;
  config.converter = &converter;
  CHECK(world_client(w, &client, &config) == 0);
  return client;
}

static void begin_play(play *p) {
  p->client = p->cast->client != NULL ? p->cast->client : new_client_of(p->w);
  if (world_tls(p->w) != NULL) p->cast->client = p->client;
  wsuv_client_set_data(p->client, p);
  if (p->place == AT_CLIENT_GONE) {
    CHECK(world_client(p->w, &p->other, NULL) == 0);
    wsuv_client_set_data(p->other, p);
  }
  if (!is_own(p) && p->state != STATE_NEW) prepare_targets(p);
  p->actor = (session_user){.w = p->w, .client = p->client, .data = p, .forgets = true};
  p->actor.raw = p->place == AT_FRAME;
  if (p->place == AT_OPEN) return;
  connect_actor(p);
  world_run_until_count(p->w, &p->actor.opens, 1);
  if (p->state == STATE_OWN_PAUSED) CHECK(user_pause(&p->actor) == 0);
  if (p->state == STATE_OWN_CLOSING) CHECK(user_close(&p->actor, 1000, NULL) == 0);
}

static void leave(const frame_peer *peer, size_t from) {
  for (size_t n = from; n < peer->raw->accepted; n++) raw_conn_close(raw_peer_conn(peer->raw, n));
}

static void check_end(const session_user *u) {
  CHECK(u->closes == 1);
  CHECK(u->owed == 0);
}

static void end_client(play *p) {
  if (p->gone == 0) CHECK(wsuv_client_terminate(p->client, on_gone) == 0);
  world_run_until_count(p->w, &p->gone, 1);
  p->cast->client = NULL;
}

static bool has_ended(void *arg) {
  const play *p = arg;
  bool ended = p->actor.closes > 0 && p->third == NULL;
  for (size_t i = 0; !is_own(p) && i < p->count; i++) ended = ended && p->targets[i].closes > 0;
  return ended && p->posted == (p->calls->run == post);
}

static void end_user(session_user *u) {
  if (u->session != NULL) user_terminate(u);
}

/* The client remains, with the sessions of TLS that it remembers. */
static void end_sessions(play *p) {
  end_user(&p->actor);
  if (p->third != NULL) wsuv_session_terminate(p->third);
  for (size_t i = 0; !is_own(p) && i < p->count; i++) end_user(&p->targets[i]);
  world_run_until(p->w, has_ended, p);
}

static bool closes_client(const play *p) {
  return p->calls->run == close_client || p->calls->run == terminate_client;
}

/* What comes of it goes on for some turns first. */
static void end_play(play *p) {
  world_advance(p->w, p->w->kind == WORLD_SIM ? STEP_MS : 0);
  if (p->cast->client == NULL || closes_client(p)) {
    end_client(p);
  } else {
    end_sessions(p);
  }
  check_end(&p->actor);
  for (size_t i = 0; !is_own(p) && i < p->count; i++) {
    check_end(&p->targets[i]);
    user_free(&p->targets[i]);
  }
  CHECK(p->connected == p->disconnected);
  CHECK(p->posted == (p->calls->run == post));
  user_free(&p->actor);
}

static void run_play(world *w, cast *c, place where, state what, const call *calls, size_t count) {
  play p = {.w = w, .cast = c, .calls = calls, .count = count, .state = what, .place = where};
  size_t closing = c->closing.raw->accepted, failing = c->failing.raw->accepted;
  begin_play(&p);
  trigger(&p);
  end_play(&p);
  leave(&c->closing, closing);
  leave(&c->failing, failing);
}

static void cast_begin(cast *c, world *w) {
  frame_peer *const peers[] = {&c->own, &c->silent, &c->closing, &c->failing};
  for (size_t i = 0; i < 4; i++) {
    frame_peer_start(peers[i], w);
    peers[i]->silent = peers[i]->forgets = true;
  }
  c->closing.greeting = "CLOSE #1000";
  c->failing.greeting = "OP3";
  c->closing.stays = c->failing.stays = true;
  c->mute = raw_peer_new(w);
  c->deaf = raw_peer_new(w);
  (void) snprintf(c->deaf_url, sizeof c->deaf_url, "%s", raw_peer_url(c->deaf, "/"));
  c->deaf->tls = NULL;
}

static void cast_end(world *w, cast *c) {
  if (c->client != NULL) world_client_close(w, c->client);
  frame_peer_free(&c->own);
  frame_peer_free(&c->silent);
  frame_peer_free(&c->closing);
  frame_peer_free(&c->failing);
}

/* Some states cannot be held in the real world, and time is short there. */
static bool can_be(const world *w, state what) {
  if (what == STATE_TLS) return world_tls(w) != NULL;
  return w->kind == WORLD_SIM || (what != STATE_RESOLVE && what != STATE_CONNECT);
}

/* A seed changes only how the network cuts what is sent. */
static bool is_done(const world *w) {
  return w->seed > 0;
}

WORLD_AND_SIM_TLS_TEST(test_every_call_upon_another_session, w) {
  cast c = {.client = NULL};
  if (is_done(w)) return;
  cast_begin(&c, w);
  for (int where = 0; where < PLACES; where++) {
    for (int what = 0; what < STATES; what++) {
      if (!can_be(w, (state) what)) continue;
      run_play(w, &c, (place) where, (state) what, session_calls, SESSION_CALLS);
    }
  }
  cast_end(w, &c);
}

/* Which callbacks come to a session in that state. */
static bool can_come(place where, state own) {
  switch (where) {
  case AT_OPEN: return own == STATE_OWN;
  case AT_MESSAGE:
  case AT_PIECE:
  case AT_FRAME:
  case AT_PING:
  case AT_PONG: return own != STATE_OWN_PAUSED;
  case AT_DRAIN:
  case AT_SENT: return own != STATE_OWN_CLOSING;
  default: return true;
  }
}

static void make_each_call_upon_its_own(world *w, cast *c, place where, state own) {
  for (size_t i = 0; i < SESSION_CALLS; i++) run_play(w, c, where, own, &session_calls[i], 1);
}

WORLD_AND_SIM_TLS_TEST(test_every_call_upon_its_own_session, w) {
  cast c = {.client = NULL};
  if (is_done(w)) return;
  cast_begin(&c, w);
  for (int where = 0; where < PLACES; where++) {
    for (int own = STATE_OWN; own < ALL_STATES; own++) {
      if (can_come((place) where, (state) own)) {
        make_each_call_upon_its_own(w, &c, (place) where, (state) own);
      }
    }
  }
  cast_end(w, &c);
}

static void make_each(world *w, cast *c, const call *calls, size_t count) {
  for (int where = 0; where < PLACES; where++) {
    for (int what = 0; what < STATES; what++) {
      if (!can_be(w, (state) what)) continue;
      for (size_t i = 0; i < count; i++) {
        run_play(w, c, (place) where, (state) what, &calls[i], 1);
      }
    }
  }
}

WORLD_AND_SIM_TLS_TEST(test_every_call_upon_the_client, w) {
  cast c = {.client = NULL};
  if (is_done(w)) return;
  cast_begin(&c, w);
  make_each(w, &c, client_calls, CLIENT_CALLS);
  cast_end(w, &c);
}

WORLD_AND_SIM_TLS_TEST(test_every_end_of_the_client, w) {
  static const call ends[] = {
      {"wsuv_client_close", ALWAYS_0, close_client},
      {"wsuv_client_terminate", ALWAYS_0, terminate_client},
  };
  cast c = {.client = NULL};
  if (is_done(w)) return;
  cast_begin(&c, w);
  make_each(w, &c, ends, sizeof ends / sizeof *ends);
  cast_end(w, &c);
}
