/* The client under test of an Autobahn fuzzingserver, on the public API: asks how many cases there
   are, runs one after the other by echoing every message, and has the reports written. Knows
   nothing of verdicts. */

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include <wsuv.h>

enum {
  URL_SIZE = 2048,                /* bytes */
  MESSAGE_MAX = 64 * 1024 * 1024, /* bytes; group 9 goes up to 16 MiB */
  COUNT_MAX = 100000              /* cases */
};

typedef struct run {
  wsuv_client_t *client;
  const char *base;
  bool deflate;
  char agent[URL_SIZE]; /* percent-escaped */
  long count;           /* of cases; 0: not known yet */
  long index;           /* of the case that runs, from 1; count + 1: the reports */
} run;

static void next(run *r);

/* --- the sessions --- */

/* The answer to getCaseCount. */
static void take_count(wsuv_session_t *session, const wsuv_message_t *message) {
  run *r = wsuv_session_data(session);
  char digits[16] = "";
  if (message->len < sizeof digits) memcpy(digits, message->data, message->len);
  long count = strtol(digits, NULL, 10);
  r->count = count > 0 && count <= COUNT_MAX ? count : 0;
}

static void echo(wsuv_session_t *session, const wsuv_message_t *message) {
  wsuv_frame_t frame;
  wsuv_frame_init(&frame, message->type, message->data, message->len);
  int err = wsuv_send(session, &frame, NULL, NULL);
  if (err < 0 && err != WSUV_ESTATE) fprintf(stderr, "echo: %s\n", wsuv_strerror(err));
}

/* Failing is what many cases are about; only what stood in the way of a case is told. */
static void on_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  run *r = wsuv_session_data(session);
  if (info->stage < WSUV_STAGE_OPEN)
    fprintf(stderr, "case %ld: %s: %s\n", r->index, wsuv_stage_name(info->stage),
            wsuv_strerror(info->status));
  next(r);
}

/* --- the order of things --- */

static int connect_to(run *r, const char *target,
                      void (*on_message)(wsuv_session_t *session, const wsuv_message_t *)) {
  const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_message = on_message,
                                      .on_close = on_close};
  char url[2 * URL_SIZE];
  int n = snprintf(url, sizeof url, "%s%s", r->base, target);
  if (n < 0 || (size_t) n >= sizeof url) return WSUV_EURL;
  int err = wsuv_connect_url(r->client, url, &callbacks, r, NULL);
  if (err < 0) fprintf(stderr, "%s: %s\n", url, wsuv_strerror(err));
  return err;
}

/* What comes behind what has just ended: a case, the reports, or the end. */
static void next(run *r) {
  char target[URL_SIZE + 64];
  int err = UV_EOF;
  while (err < 0 && r->count > 0 && r->index <= r->count) {
    r->index++;
    if (r->index <= r->count) {
      snprintf(target, sizeof target, "/runCase?case=%ld&agent=%s", r->index, r->agent);
    } else {
      snprintf(target, sizeof target, "/updateReports?agent=%s", r->agent);
    }
    err = connect_to(r, target, echo);
  }
  if (err < 0) wsuv_client_close(r->client, NULL);
}

static int run_all(run *r) {
  wsuv_config_t config;
  wsuv_extension_t deflate;
  const wsuv_extension_t *const extensions[] = {&deflate};
  wsuv_client_config_init(&config);
  int err = wsuv_permessage_deflate(&deflate, NULL);
  if (err < 0) return err;
  config.extensions = extensions;
  config.extension_count = r->deflate ? 1 : 0;
  config.max_message_size = MESSAGE_MAX;
  config.outgoing_max = MESSAGE_MAX;
  err = wsuv_client_new(&r->client, uv_default_loop(), &config);
  if (err < 0) return err;
  err = connect_to(r, "/getCaseCount", take_count);
  if (err < 0) wsuv_client_close(r->client, NULL);
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  return err;
}

/* --- the command line --- */

/* Percent-escape all but the unreserved characters (RFC 3986 2.3). 0, or -1: too long. */
static int escape(char *dst, size_t size, const char *src) {
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  size_t len = 0;
  for (; *src != '\0'; src++) {
    if (len + 4 > size) return -1;
    const char *format = strchr(plain, *src) != NULL ? "%c" : "%%%02X";
    len += (size_t) snprintf(dst + len, size - len, format, (unsigned char) *src);
  }
  return 0;
}

int main(int argc, char **argv) {
  static run r;
  signal(SIGPIPE, SIG_IGN);
  r.deflate = argc > 1 && strcmp(argv[1], "--deflate") == 0;
  if (r.deflate) argv++, argc--;
  if (argc != 3 || escape(r.agent, sizeof r.agent, argv[2]) < 0) {
    fputs("usage: autobahn_client [--deflate] BASEURL AGENT\n", stderr);
    return 1;
  }
  size_t len = strlen(argv[1]);
  if (len > 0 && argv[1][len - 1] == '/') argv[1][len - 1] = '\0';
  r.base = argv[1];
  int err = run_all(&r);
  if (err == 0 && r.count == 0) fputs("the number of cases could not be had\n", stderr);
  if (uv_loop_close(uv_default_loop()) != 0) return 2;
  printf("%ld cases\n", r.count);
  return r.count > 0 ? 0 : 1;
}
