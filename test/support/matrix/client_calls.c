#include "support/matrix/matrix.h"

/* All functions that are not a session's. A call returns what the function returned; -1: what it
   gave is wrong. */

#include "support/world_tls.h"
#include "testkit/check.h"

static int close_client(play *p, subject *s) {
  (void) s;
  p->client_ends = true;
  return wsuv_client_close(p->client, play_client_gone);
}

/* Sessions are closed in a row, the last one after a millisecond. */
static int close_client_with(play *p, subject *s) {
  wsuv_end_t how;
  (void) s;
  p->client_ends = true;
  wsuv_end_init(&how);
  how.code = 4001;
  how.spread_ms = 1;
  return wsuv_client_close_with(p->client, &how, play_client_gone);
}

static int terminate_client(play *p, subject *s) {
  (void) s;
  p->client_ends = true;
  return wsuv_client_terminate(p->client, play_client_gone);
}

/* A session more, which ends together with the others. */
static session_user *add_session(play *p) {
  CHECK(p->extra_count < EXTRA_MAX);
  return play_init_user(p, &p->extra[p->extra_count++]);
}

static int connect_another(play *p, subject *s) {
  (void) s;
  return user_try_connect(add_session(p), &p->cast->peers[PEER_SILENT]);
}

static int connect_url(play *p, subject *s) {
  session_user *u = add_session(p);
  const char *url = raw_peer_url(p->cast->peers[PEER_SILENT].raw, "/other");
  (void) s;
  return wsuv_connect_url(p->client, url, user_callbacks(), u, &u->session);
}

/* Adoption itself is test_connect_stream.c's. */
static int connect_stream(play *p, subject *s) {
  wsuv_request_t r;
  (void) s;
  wsuv_request_init(&r, "ws://localhost/");
  int err = wsuv_connect_stream(p->client, &r, NULL, user_callbacks(), NULL);
  return err == UV_EINVAL ? 0 : -1;
}

static int write_nowhere(void *data, const wsuv_piece_t *pieces, size_t count) {
  (void) data;
  (void) pieces;
  (void) count;
  return 0;
}

static void read_nothing(void *data, bool on) {
  (void) data;
  (void) on;
}

static void close_transport(void *data) {
  wsuv_transport_t **transport = data;
  CHECK(wsuv_transport_closed(*transport) == 0);
}

/* Nobody is at the other end. */
static int connect_transport(play *p, subject *s) {
  wsuv_request_t r;
  wsuv_transport_ops_t ops;
  (void) s;
  wsuv_request_init(&r, "ws://localhost/");
  wsuv_transport_ops_init(&ops);
  ops.write = write_nowhere;
  ops.read = read_nothing;
  ops.close = close_transport;
  session_user *u = add_session(p);
  wsuv_transport_t **made = &p->transports[p->extra_count - 1];
  int err = user_request_transport(u, &r, &ops, made, made);
  if (err < 0) return err;
  wsuv_transport_t *t = *made;
  bool right = wsuv_transport_received(t, "HTTP", 4) == 0 && wsuv_transport_ended(t, 0) == 0 &&
               wsuv_transport_written(t, 0) == WSUV_ESTATE &&
               wsuv_transport_closed(t) == WSUV_ESTATE;
  return right ? 0 : -1;
}

static int new_client(play *p, subject *s) {
  wsuv_client_t *client;
  (void) s;
  int err = world_client(p->w, &client, NULL);
  return err < 0 ? err : wsuv_client_terminate(client, NULL);
}

static void on_post(wsuv_client_t *client, void *arg) {
  (void) client;
  ((play *) arg)->posted++;
}

static int post(play *p, subject *s) {
  (void) s;
  p->posts++;
  return wsuv_client_post(p->client, on_post, p);
}

static int copy_config(play *p, subject *s) {
  wsuv_config_t config;
  (void) s;
  wsuv_client_get_config(p->client, &config);
  return config.size == sizeof config && config.high_water == 1 ? 0 : -1;
}

static int defaults(play *p, subject *s) {
  wsuv_config_t config;
  (void) p;
  (void) s;
  wsuv_client_config_init(&config);
  if (!config.masking) return -1;
  wsuv_server_config_init(&config);
  return config.masking ? -1 : 0;
}

static int loop(play *p, subject *s) {
  (void) s;
  return wsuv_client_loop(p->client) == world_uv_loop(p->w) ? 0 : -1;
}

static int session_count(play *p, subject *s) {
  (void) s;
  return wsuv_client_session_count(p->client) > 0 ? 0 : -1;
}

static void count_session(wsuv_session_t *session, void *arg) {
  (void) wsuv_session_stage(session);
  ++*(size_t *) arg;
}

static int walk(play *p, subject *s) {
  size_t count = 0;
  (void) s;
  wsuv_client_each(p->client, count_session, &count);
  return count == wsuv_client_session_count(p->client) ? 0 : -1;
}

static int client_data(play *p, subject *s) {
  (void) s;
  wsuv_client_set_data(p->client, p);
  return wsuv_client_data(p->client) == p ? 0 : -1;
}

static int names(play *p, subject *s) {
  (void) p;
  (void) s;
  return *wsuv_err_name(0) != '\0' && *wsuv_strerror(0) != '\0' && *wsuv_version() != '\0' &&
                 *wsuv_close_code_name(1000) != '\0' && *wsuv_stage_name(WSUV_STAGE_OPEN) != '\0' &&
                 *wsuv_refused_name(WSUV_REFUSED_NONE) != '\0' &&
                 *wsuv_refused_text(WSUV_REFUSED_NONE) != '\0'
             ? 0
             : -1;
}

static int copy_frame(play *p, subject *s) {
  const wsuv_allocator_t *alloc = &p->w->alloc->handle;
  char text_of_it[8];
  wsuv_frame_t f;
  (void) s;
  wsuv_frame_init(&f, WSUV_FRAME_TEXT, "text", 4);
  wsuv_frame_t *copy = wsuv_frame_copy(&f, alloc);
  int err = copy != NULL ? wsuv_frame_read_text(copy, text_of_it, sizeof text_of_it) : UV_ENOMEM;
  wsuv_frame_free(copy, alloc);
  return err;
}

static int read_close(play *p, subject *s) {
  uint16_t code = 0;
  wsuv_frame_t f;
  (void) p;
  (void) s;
  wsuv_frame_init(&f, WSUV_FRAME_CLOSE, "\x03\xe9", 2);
  int err = wsuv_frame_read_close(&f, &code, NULL, NULL);
  return err == 0 && code == 1001 ? 0 : -1;
}

static int fill_in_deflate(play *p, subject *s) {
  wsuv_deflate_options_t options;
  wsuv_extension_t extension;
  (void) p;
  (void) s;
  wsuv_deflate_options_init(&options);
  return wsuv_permessage_deflate(&extension, &options);
}

static int disable_verification(play *p, subject *s) {
  wsuv_tls_config_t config;
  (void) p;
  (void) s;
  wsuv_tls_config_init(&config);
  wsuv_tls_config_disable_verification(&config);
  return config.verification_disabled ? 0 : -1;
}

/* That of the world again, or one that needs no store. */
static int set_tls(play *p, subject *s) {
  wsuv_tls_config_t config;
  (void) s;
  wsuv_tls_config_init(&config);
  wsuv_tls_config_disable_verification(&config);
  return wsuv_client_set_tls(p->client, world_tls(p->w) != NULL ? world_tls(p->w) : &config);
}

static const call calls[] = {
    {"wsuv_connect", ALWAYS_0, connect_another},
    {"wsuv_connect_url", ALWAYS_0, connect_url},
    {"wsuv_connect_stream", ALWAYS_0, connect_stream},
    {"wsuv_connect_transport wsuv_transport_received", ALWAYS_0, connect_transport},
    {"wsuv_transport_ended wsuv_transport_written wsuv_transport_closed", ALWAYS_0,
     connect_transport},
    {"wsuv_client_new", ALWAYS_0, new_client},
    {"wsuv_client_post", ALWAYS_0, post},
    {"wsuv_client_set_tls", ALWAYS_0, set_tls},
    {"wsuv_client_copy_config", ALWAYS_0, copy_config},
    {"wsuv_client_config_defaults wsuv_server_config_defaults", ALWAYS_0, defaults},
    {"wsuv_client_loop", ALWAYS_0, loop},
    {"wsuv_client_session_count", ALWAYS_0, session_count},
    {"wsuv_client_each", ALWAYS_0, walk},
    {"wsuv_client_set_data wsuv_client_data", ALWAYS_0, client_data},
    {"wsuv_err_name wsuv_strerror wsuv_version wsuv_close_code_name wsuv_stage_name", ALWAYS_0,
     names},
    {"wsuv_refused_name wsuv_refused_text", ALWAYS_0, names},
    {"wsuv_frame_copy wsuv_frame_free wsuv_frame_read_text", ALWAYS_0, copy_frame},
    {"wsuv_frame_read_close", ALWAYS_0, read_close},
    {"wsuv_deflate_options_defaults wsuv_permessage_deflate_fill", ALWAYS_0, fill_in_deflate},
    {"wsuv_tls_config_disable_verification", ALWAYS_0, disable_verification},
};

/* Each is made alone: it ends the client. */
static const call end_calls[] = {
    {"wsuv_client_close", ALWAYS_0, close_client},
    {"wsuv_client_close_with", ALWAYS_0, close_client_with},
    {"wsuv_client_terminate", ALWAYS_0, terminate_client},
};

call_list client_calls(void) {
  return (call_list){calls, sizeof calls / sizeof *calls};
}

call_list client_end_calls(void) {
  return (call_list){end_calls, sizeof end_calls / sizeof *end_calls};
}
