/* A client that sends many binary messages and compares what an echo server sends back with them.

       bulk_client URL MESSAGES SIZE

   MESSAGES of SIZE bytes, WINDOW of them on their way. Ends with 0 if all came back as they were
   sent, and the session was closed with 1000. The authorities of TLS are those in SSL_CERT_FILE. */

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include <wsuv.h>

enum {
  WINDOW = 4,  /* messages: both ways are busy */
  PERIOD = 251 /* bytes, after which the pattern repeats; a prime */
};

typedef struct bulk {
  uint8_t *pattern;      /* Bytes of a message, and a period. */
  size_t size;           /* Bytes of a message. */
  unsigned long count;   /* Messages to send. */
  unsigned long sent;    /* Messages. */
  unsigned long arrived; /* Messages. */
  bool closed;           /* Cleanly, when all had arrived. */
} bulk;

static void check(int err, const char *what) {
  if (err == 0) return;
  (void) fprintf(stderr, "bulk_client: %s: %s\n", what, wsuv_strerror(err));
  exit(1);
}

/* Each message begins at another place of the pattern than the one before. */
static const uint8_t *nth(const bulk *b, unsigned long n) {
  return b->pattern + n % PERIOD;
}

static void send_next(bulk *b, wsuv_session_t *s) {
  check(wsuv_send_binary(s, nth(b, b->sent), b->size), "send");
  b->sent++;
}

static void on_open(wsuv_session_t *s) {
  bulk *b = wsuv_session_data(s);
  while (b->sent < WINDOW && b->sent < b->count) send_next(b, s);
}

static void on_message(wsuv_session_t *s, const wsuv_message_t *m) {
  bulk *b = wsuv_session_data(s);
  bool same = m->len == b->size && memcmp(m->data, nth(b, b->arrived), b->size) == 0;
  check(same ? 0 : UV_EPROTO, "a message came back changed");
  b->arrived++;
  if (b->sent < b->count) send_next(b, s);
  if (b->arrived == b->count) check(wsuv_session_close(s, WSUV_CLOSE_NORMAL, NULL), "close");
}

static void on_close(wsuv_session_t *s, const wsuv_close_info_t *info) {
  bulk *b = wsuv_session_data(s);
  check(info->status, wsuv_stage_name(info->stage));
  b->closed = info->code == WSUV_CLOSE_NORMAL && b->arrived == b->count;
  check(wsuv_client_close(wsuv_session_client(s), NULL), "client");
}

static bool make_pattern(bulk *b) {
  b->pattern = malloc(b->size + PERIOD);
  if (b->pattern == NULL) return false;
  for (size_t i = 0; i < b->size + PERIOD; i++) b->pattern[i] = (uint8_t) (i % PERIOD);
  return true;
}

int main(int argc, char **argv) {
  const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_open,
                                      .on_message = on_message, .on_close = on_close};
  uv_loop_t *loop = uv_default_loop();
  bulk b = {0};
  wsuv_client_t *client;
  if (argc != 4) return 1;
  signal(SIGPIPE, SIG_IGN);
  b.count = strtoul(argv[2], NULL, 10);
  b.size = strtoul(argv[3], NULL, 10);
  if (!make_pattern(&b)) return 1;
  check(wsuv_client_new(&client, loop, NULL), "client");
  check(wsuv_connect_url(client, argv[1], &callbacks, &b, NULL), argv[1]);
  check(uv_run(loop, UV_RUN_DEFAULT), "loop");
  free(b.pattern);
  printf("%lu messages\n", b.arrived);
  return uv_loop_close(loop) == 0 && b.closed ? 0 : 1;
}
