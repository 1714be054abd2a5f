/* Public structures of newer callers (F52): taken as long as what is not known is zero. What is no
   size is refused everywhere. How older callers are read is in unit/test_sized.c. */

#include <stdlib.h>
#include <string.h>

#include <wsuv.h>

#include "support/scenario.h"
#include "support/world_client.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { TAIL = 24 }; /* bytes that a newer header has added */

/* The same structure as a newer caller has it, in a block of just that size. */
static void *newer(const void *structure, size_t size) {
  size_t claimed = size + TAIL;
  unsigned char *p = check_alloc(claimed);
  memset(p, 0, claimed);
  memcpy(p, structure, size);
  memcpy(p, &claimed, sizeof claimed);
  return p;
}

static void set_unknown_field(void *structure, size_t size) {
  ((unsigned char *) structure)[size + TAIL - 1] = 1;
}

static void set_size(void *structure, size_t size) {
  memcpy(structure, &size, sizeof size);
}

/* What is asked with each structure, and says 0 when it is taken. */
typedef struct stage {
  world *w;
  frame_peer p;
  session_user u; /* open */
  wsuv_client_t *client;
  char said[128]; /* the last line of the log */
} stage;

typedef int (*ask_fn)(stage *s, void *structure);

static void on_line(wsuv_log_level_t level, const wsuv_session_t *session, const char *text,
                    void *arg) {
  stage *s = arg;
  (void) session;
  CHECK(level == WSUV_LOG_ERROR);
  (void) snprintf(s->said, sizeof s->said, "%s", text);
}

static void begin(stage *s, world *w) {
  wsuv_config_t config;
  memset(s, 0, sizeof *s);
  s->w = w;
  wsuv_client_config_init(&config);
  config.log = on_line;
  config.log_arg = s;
  config.log_level = WSUV_LOG_ERROR;
  scenario_start(w, &s->p, &s->u, &config);
  s->client = s->u.client;
}

static void end(stage *s) {
  scenario_terminate(&s->u);
}

/* The log names the structure that is refused; NULL: there is no log where it is read. */
static void check_said(stage *s, const char *name) {
  char words[128];
  (void) snprintf(words, sizeof words, "structure of no known size: %s", name != NULL ? name : "");
  assert_that(name == NULL || strncmp(s->said, words, strlen(words)) == 0, "%s: %s", name, s->said);
  s->said[0] = '\0';
}

static void check_structure(stage *s, const void *structure, size_t size, ask_fn ask,
                            const char *name) {
  void *copy = newer(structure, size);
  assert_int_equal(ask(s, copy), 0);
  set_unknown_field(copy, size);
  s->said[0] = '\0';
  assert_int_equal(ask(s, copy), WSUV_ESIZE);
  check_said(s, name);
  set_size(copy, 0);
  assert_int_equal(ask(s, copy), WSUV_ESIZE);
  set_size(copy, SIZE_MAX);
  assert_int_equal(ask(s, copy), WSUV_ESIZE);
  set_size(copy, size - 1); /* less than a field */
  assert_int_equal(ask(s, copy), WSUV_ESIZE);
  free(copy);
}

/* Structures that are filled in: all of the caller's, and nothing beyond. */
static void check_filled(stage *s, const void *structure, size_t size, ask_fn ask,
                         const char *name) {
  unsigned char *copy = newer(structure, size);
  memset(copy + size, 0xff, TAIL);
  assert_int_equal(ask(s, copy), 0);
  for (size_t i = 0; i < TAIL; i++) assert_int_equal(copy[size + i], 0);
  set_size(copy, 0);
  assert_int_equal(ask(s, copy), WSUV_ESIZE);
  check_said(s, name);
  free(copy);
}

/* --- what is asked --- */

static int try_connect(stage *s, const wsuv_request_t *request, const wsuv_callbacks_t *callbacks) {
  wsuv_session_t *session;
  int err = wsuv_connect(s->client, request, callbacks, &session);
  if (err == 0) wsuv_session_terminate(session);
  world_advance(s->w, 1);
  return err;
}

static wsuv_request_t good_request(void) {
  wsuv_request_t r;
  wsuv_request_init(&r, "ws://127.0.0.1:1/");
  return r;
}

static int ask_request(stage *s, void *structure) {
  return try_connect(s, structure, NULL);
}

static int ask_callbacks(stage *s, void *structure) {
  const wsuv_request_t r = good_request();
  return try_connect(s, &r, structure);
}

static int ask_config(stage *s, void *structure) {
  wsuv_request_t r = good_request();
  r.config = structure;
  return try_connect(s, &r, NULL);
}

static wsuv_config_t own_config(const stage *s) {
  wsuv_config_t config;
  wsuv_client_get_config(s->client, &config);
  return config;
}

static int ask_tls(stage *s, void *structure) {
  wsuv_config_t config = own_config(s);
  config.tls = structure;
  return ask_config(s, &config);
}

static int ask_proxy_tls(stage *s, void *structure) {
  wsuv_config_t config = own_config(s);
  config.proxy_tls = structure;
  return ask_config(s, &config);
}

static int ask_converter(stage *s, void *structure) {
  wsuv_config_t config = own_config(s);
  config.converter = structure;
  return ask_config(s, &config);
}

static int ask_extension(stage *s, void *structure) {
  const wsuv_extension_t *const list[] = {structure};
  wsuv_config_t config = own_config(s);
  config.extensions = list;
  config.extension_count = 1;
  return ask_config(s, &config);
}

static int ask_deflate_options(stage *s, void *structure) {
  wsuv_extension_t deflate;
  int err = wsuv_permessage_deflate(&deflate, structure);
  return err < 0 ? err : ask_extension(s, &deflate);
}

/* Of a client of its own, which is closed in any case. */
static int ask_end(stage *s, void *structure) {
  wsuv_client_t *other;
  wsuv_config_t config = own_config(s);
  config.tls = NULL;
  CHECK(world_client(s->w, &other, &config) == 0);
  int err = wsuv_client_close_with(other, structure, NULL);
  if (err < 0) CHECK(wsuv_client_close(other, NULL) == 0);
  world_advance(s->w, 1);
  return err;
}

static int ask_frame(stage *s, void *structure) {
  return wsuv_send(s->u.session, structure, NULL, NULL);
}

static int ask_stats(stage *s, void *structure) {
  return wsuv_session_get_stats(s->u.session, structure);
}

static int ask_rtt(stage *s, void *structure) {
  int err = wsuv_session_rtt(s->u.session, structure);
  return err == UV_EAGAIN ? 0 : err;
}

static int ask_tls_info(stage *s, void *structure) {
  return wsuv_session_tls(s->u.session, structure);
}

/* --- the claims --- */

WORLD_TEST(test_structures_of_newer_callers, w) {
  stage s;
  begin(&s, w);
  wsuv_request_t request = good_request();
  check_structure(&s, &request, sizeof request, ask_request, "wsuv_request_t");
  wsuv_callbacks_t callbacks;
  wsuv_callbacks_init(&callbacks);
  check_structure(&s, &callbacks, sizeof callbacks, ask_callbacks, "wsuv_callbacks_t");
  wsuv_config_t config = own_config(&s);
  check_structure(&s, &config, sizeof config, ask_config, "wsuv_config_t");
  wsuv_tls_config_t tls;
  wsuv_tls_config_init(&tls);
  check_structure(&s, &tls, sizeof tls, ask_tls, "wsuv_tls_config_t");
  check_structure(&s, &tls, sizeof tls, ask_proxy_tls, "wsuv_tls_config_t");
  wsuv_converter_t converter;
  wsuv_converter_init(&converter);
  check_structure(&s, &converter, sizeof converter, ask_converter, "wsuv_converter_t");
  wsuv_extension_t deflate;
  assert_int_equal(wsuv_permessage_deflate(&deflate, NULL), 0);
  check_structure(&s, &deflate, sizeof deflate, ask_extension, "wsuv_extension_t");
  wsuv_deflate_options_t options;
  wsuv_deflate_options_init(&options);
  check_structure(&s, &options, sizeof options, ask_deflate_options, NULL);
  wsuv_end_t how;
  wsuv_end_init(&how);
  check_structure(&s, &how, sizeof how, ask_end, "wsuv_end_t");
  wsuv_frame_t frame;
  wsuv_frame_init(&frame, WSUV_FRAME_TEXT, "hello", 5);
  check_structure(&s, &frame, sizeof frame, ask_frame, "wsuv_frame_t");
  end(&s);
}

/* A structure that ends before `size` is none of a release, although it ends with a whole field. */
static void check_shorter(stage *s, const void *structure, size_t size, ask_fn ask,
                          const char *name) {
  unsigned char *copy = check_alloc(size);
  memcpy(copy, structure, size);
  set_size(copy, size);
  s->said[0] = '\0';
  assert_int_equal(ask(s, copy), WSUV_ESIZE);
  check_said(s, name);
  free(copy);
}

/* Callers that were compiled before proxies, redirects and logins were added. No release is without
   them, so what they would get is not known. A release that adds fields accepts the structures of
   the one before it (unit/test_sized.c). */
WORLD_TEST(test_structures_from_before_the_first_release, w) {
  stage s;
  begin(&s, w);
  const wsuv_config_t config = own_config(&s);
  const size_t of_config[] = {offsetof(wsuv_config_t, proxy), offsetof(wsuv_config_t, auth),
                              offsetof(wsuv_config_t, max_redirects),
                              offsetof(wsuv_config_t, max_attempts)};
  for (size_t i = 0; i < sizeof of_config / sizeof *of_config; i++) {
    check_shorter(&s, &config, of_config[i], ask_config, "wsuv_config_t");
  }
  const wsuv_request_t request = good_request();
  const size_t of_request[] = {offsetof(wsuv_request_t, proxy), offsetof(wsuv_request_t, user),
                               offsetof(wsuv_request_t, password),
                               offsetof(wsuv_request_t, cookies)};
  for (size_t i = 0; i < sizeof of_request / sizeof *of_request; i++) {
    check_shorter(&s, &request, of_request[i], ask_request, "wsuv_request_t");
  }
  wsuv_callbacks_t callbacks;
  wsuv_callbacks_init(&callbacks);
  const size_t of_callbacks[] = {offsetof(wsuv_callbacks_t, on_redirect),
                                 offsetof(wsuv_callbacks_t, on_unauthorized)};
  for (size_t i = 0; i < sizeof of_callbacks / sizeof *of_callbacks; i++) {
    check_shorter(&s, &callbacks, of_callbacks[i], ask_callbacks, "wsuv_callbacks_t");
  }
  end(&s);
}

WORLD_TEST(test_structures_that_are_filled_in, w) {
  stage s;
  begin(&s, w);
  wsuv_stats_t stats;
  wsuv_stats_init(&stats);
  check_filled(&s, &stats, sizeof stats, ask_stats, "wsuv_stats_t");
  wsuv_rtt_t rtt;
  wsuv_rtt_init(&rtt);
  check_filled(&s, &rtt, sizeof rtt, ask_rtt, "wsuv_rtt_t");
  end(&s);
}

WORLD_ONLY_TLS_TEST(test_tls_info_that_is_filled_in, w) {
  stage s;
  begin(&s, w);
  wsuv_tls_info_t info;
  wsuv_tls_info_init(&info);
  check_filled(&s, &info, sizeof info, ask_tls_info, "wsuv_tls_info_t");
  end(&s);
}

/* The configuration goes back as far as the caller's goes. */
WORLD_TEST(test_config_of_newer_and_older_callers_is_read, w) {
  stage s;
  begin(&s, w);
  wsuv_config_t config = own_config(&s);
  unsigned char *copy = newer(&config, sizeof config);
  memset(copy, 0xff, sizeof config + TAIL);
  wsuv_client_copy_config(s.client, (wsuv_config_t *) (void *) copy, sizeof config + TAIL);
  assert_memory_equal(copy + sizeof(size_t), (const char *) &config + sizeof(size_t),
                      sizeof config - sizeof(size_t));
  for (size_t i = 0; i < TAIL; i++) assert_int_equal(copy[sizeof config + i], 0);
  memset(copy, 0xff, sizeof config);
  wsuv_client_copy_config(s.client, (wsuv_config_t *) (void *) copy, 64);
  assert_int_equal(copy[64], 0xff);
  free(copy);
  end(&s);
}
