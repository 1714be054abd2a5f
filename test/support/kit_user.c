#include "support/kit_user.h"

/* A world of the testkit with a server that echoes. */

#include <stdio.h>
#include <string.h>

static void echo(wsuv_session_t *s, const wsuv_message_t *m) {
  if (wsuv_send_message(s, m->type, m->data, m->len) < 0) wsuv_session_terminate(s);
}

const wsuv_callbacks_t kit_echoes = {WSUV_CALLBACKS_INIT, .on_message = echo};

void kit_user_begin(kit_user *u, uint64_t seed, const wsuv_config_t *config) {
  assert_ok(wsuv_testkit_new(&u->kit, seed));
  assert_ok(wsuv_testkit_server(u->kit, &u->server, config));
  kit_user_route(u, "/echo", &kit_echoes);
}

void kit_user_route(kit_user *u, const char *path, const wsuv_callbacks_t *callbacks) {
  assert_ok(wsuv_server_route(u->server, path, callbacks, u->kit));
}

wsuv_conversation_t *kit_user_ask(kit_user *u, const char *target, const wsuv_request_t *request) {
  wsuv_conversation_t *talk;
  assert_ok(wsuv_conversation_open(u->kit, u->server, target, request, &talk));
  return talk;
}

wsuv_conversation_t *kit_user_talk(kit_user *u, const char *target) {
  return kit_user_ask(u, target, NULL);
}

wsuv_conversation_t *kit_user_talk_raw(kit_user *u, const char *target) {
  wsuv_request_t request;
  wsuv_request_init(&request, NULL);
  request.raw = true;
  return kit_user_ask(u, target, &request);
}

wsuv_conversation_t *kit_user_extended(kit_user *u, const wsuv_extension_t *extension) {
  const wsuv_extension_t *const list[] = {extension};
  wsuv_request_t request;
  wsuv_config_t ours, theirs;
  wsuv_client_config_init(&ours);
  wsuv_server_config_init(&theirs);
  ours.extensions = theirs.extensions = list;
  ours.extension_count = theirs.extension_count = 1;
  kit_user_begin(u, 0, &theirs);
  wsuv_request_init(&request, NULL);
  request.config = &ours;
  return kit_user_ask(u, "/echo", &request);
}

static void ignore_failure(void *arg, const char *text) {
  (void) arg;
  (void) text; /* wsuv_testkit_failure has it */
}

void kit_user_expect_failures(kit_user *u) {
  wsuv_testkit_on_failure(u->kit, ignore_failure, NULL);
}

bool kit_user_failed_with(const kit_user *u, const char *words) {
  const char *text = wsuv_testkit_failure(u->kit);
  if (strstr(text, words) != NULL) return true;
  print_message("failure: %s\n", text);
  return false;
}

void kit_user_end(kit_user *u) {
  if (u->server != NULL) assert_ok(wsuv_server_close(u->server, NULL, NULL));
  assert_ok(wsuv_testkit_free(u->kit));
}
