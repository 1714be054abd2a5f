#include "interop.h"

/* The client against peers that others wrote: runs all cases against node_server.js or
   py_server.py, one after the other on one loop, and tells of each. */

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum {
  URL_SIZE = 1024,     /* bytes */
  PATIENCE_MS = 20000, /* for one case */
  GROUPS = 8
};

static const interop_group *const groups[GROUPS] = {
    &handshake_cases, &message_cases, &control_cases, &close_cases,
    &load_cases,      &raw_cases,     &stream_cases,  &deflate_cases};

typedef struct runner {
  uv_timer_t patience;
  const char *base;      /* URL */
  size_t group, index;   /* of the case that comes next */
  size_t number, failed; /* of cases that ran */
  interop now;
} runner;

/* --- what cases use --- */

void interop_expect(interop *t, bool holds, const char *file, int line, const char *claim) {
  if (holds || t->failure[0] != '\0') return;
  snprintf(t->failure, sizeof t->failure, "%s:%d: %s", file, line, claim);
}

void interop_expect_ok(interop *t, int err, const char *file, int line, const char *call) {
  char text[200];
  snprintf(text, sizeof text, "%s from %s", wsuv_err_name(err), call);
  interop_expect(t, err == 0, file, line, text);
}

interop *interop_of(const wsuv_session_t *session) {
  return wsuv_session_data(session);
}

void interop_finish(interop *t, wsuv_session_t *session) {
  t->finished++;
  EXPECT_OK(t, wsuv_session_close(session, WSUV_CLOSE_NORMAL, NULL));
}

void interop_check_normal(interop *t, const wsuv_close_info_t *info) {
  EXPECT_OK(t, info->status);
  EXPECT(t, info->clean);
  EXPECT(t, info->stage == WSUV_STAGE_CLOSING);
  EXPECT(t, info->code == WSUV_CLOSE_NORMAL && info->sent_code == WSUV_CLOSE_NORMAL);
  EXPECT(t, t->finished > 0);
}

void interop_send_text(wsuv_session_t *session) {
  interop *t = interop_of(session);
  EXPECT_OK(t, wsuv_send_text(session, t->running->text, strlen(t->running->text)));
}

void interop_take_text(wsuv_session_t *session, const wsuv_message_t *message) {
  interop *t = interop_of(session);
  EXPECT(t, interop_is_text(message, t->running->text));
  interop_finish(t, session);
}

void interop_never_message(wsuv_session_t *session, const wsuv_message_t *message) {
  interop *t = interop_of(session);
  (void) message;
  FAIL(t, "a message is delivered");
}

static uint8_t pattern[INTEROP_BIG + 1];

static void fill_pattern(void) {
  for (size_t i = 0; i < sizeof pattern; i++) pattern[i] = (uint8_t) (i % INTEROP_PERIOD);
}

const uint8_t *interop_pattern(void) {
  return pattern;
}

bool interop_is_text(const wsuv_message_t *message, const char *text) {
  return message->type == WSUV_FRAME_TEXT && message->len == strlen(text) &&
         memcmp(message->data, text, message->len) == 0;
}

bool interop_is_pattern(const wsuv_message_t *message, size_t len) {
  return message->type == WSUV_FRAME_BINARY && message->len == len &&
         memcmp(message->data, pattern, len) == 0;
}

/* --- one case --- */

static void next(runner *r);

static void on_patience_end(uv_timer_t *timer) {
  interop *t = &((runner *) timer->data)->now;
  FAIL(t, "the case takes too long");
  wsuv_client_terminate(t->client, NULL);
}

static void on_client_gone(wsuv_client_t *client) {
  interop *t = wsuv_client_data(client);
  runner *r = t->runner;
  bool passed = t->failure[0] == '\0';
  uv_timer_stop(&r->patience);
  printf("%sok %zu - %s\n", passed ? "" : "not ", ++r->number, t->running->name);
  if (!passed) printf("# %s\n", t->failure);
  fflush(stdout);
  r->failed += !passed;
  next(r);
}

static void on_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  interop *t = interop_of(session);
  if (t->running->check != NULL) {
    t->running->check(t, info);
  } else {
    interop_check_normal(t, info);
  }
  if (--t->unended == 0) EXPECT_OK(t, wsuv_client_close(t->client, on_client_gone));
}

static void connect_all(interop *t, const wsuv_request_t *request) {
  size_t sessions = t->running->sessions > 0 ? t->running->sessions : 1;
  wsuv_callbacks_t callbacks = t->running->on;
  callbacks.size = sizeof callbacks;
  callbacks.on_close = on_close;
  for (size_t i = 0; i < sessions; i++) {
    int err = wsuv_connect(t->client, request, &callbacks, NULL);
    EXPECT_OK(t, err);
    if (err == 0) t->unended++;
  }
  if (t->unended == 0) wsuv_client_close(t->client, on_client_gone);
}

/* 0, or a code: there is no client, and so no case. */
static int begin(runner *r, const interop_case *running) {
  interop *t = &r->now;
  char url[URL_SIZE];
  wsuv_request_t request;
  *t = (interop){.runner = r, .running = running};
  snprintf(url, sizeof url, "%s%s", r->base, running->path);
  wsuv_request_init(&request, url);
  request.data = t;
  wsuv_client_config_init(&t->config);
  if (running->prepare != NULL) running->prepare(t, &request);
  int err = wsuv_client_new(&t->client, r->patience.loop, &t->config);
  if (err < 0) return err;
  wsuv_client_set_data(t->client, t);
  uv_timer_start(&r->patience, on_patience_end, PATIENCE_MS, 0);
  connect_all(t, &request);
  return 0;
}

/* --- all of them --- */

static const interop_case *take(runner *r) {
  while (r->group < GROUPS && r->index == groups[r->group]->count) {
    r->group++;
    r->index = 0;
  }
  return r->group < GROUPS ? &groups[r->group]->cases[r->index++] : NULL;
}

static void next(runner *r) {
  const interop_case *running = take(r);
  int err = running != NULL ? begin(r, running) : 0;
  if (err < 0) {
    printf("Bail out! %s: %s\n", running->name, wsuv_strerror(err));
    r->failed++;
  }
  if (err < 0 || running == NULL) uv_close((uv_handle_t *) &r->patience, NULL);
}

int main(int argc, char **argv) {
  static runner r;
  uv_loop_t *loop = uv_default_loop();
  signal(SIGPIPE, SIG_IGN);
  if (argc != 2) {
    fputs("usage: interop URL\n", stderr);
    return 2;
  }
  fill_pattern();
  r.base = argv[1];
  r.patience.data = &r;
  uv_timer_init(loop, &r.patience);
  next(&r);
  uv_run(loop, UV_RUN_DEFAULT);
  printf("1..%zu\n# %zu failed\n", r.number, r.failed);
  if (uv_loop_close(loop) != 0) {
    puts("# the loop still has handles");
    return 1;
  }
  return r.failed == 0 && r.number > 0 ? 0 : 1;
}
