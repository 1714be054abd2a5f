/* The floor for clients: bare libuv, framing by hand, no checks. It does the loads of wsuv_bench
   with the same options, and prints the same line. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "floor_ws.h"

typedef struct bench {
  bench_run run;
  uv_loop_t *loop;
  const floor_tls_library *library;
  char path[128];
} bench;

static void finish(bench *b) {
  bench_end(&b->run);
  bench_print(&b->run, "floor", "");
  exit(0);
}

static void send_one(bench *b) {
  bench_run *r = &b->run;
  static const uint8_t go[] = {'g', 'o'};
  if (r->load == LOAD_STREAM) {
    floor_ws_send(FLOOR_FIN | FLOOR_BINARY, go, sizeof go);
  } else {
    floor_ws_send(FLOOR_FIN | FLOOR_BINARY, r->payload, r->size);
  }
  r->sent++;
}

static void open_session(bench *b);

static void on_open(floor_ws *ws) {
  bench *b = ws->data;
  bench_run *r = &b->run;
  if (r->load != LOAD_CONNS) {
    bench_begin(r);
    while (r->sent < r->window && r->sent < r->n) send_one(b);
    return;
  }
  if (++r->received == r->n) finish(b);
  if (r->sent < r->n) open_session(b);
}

static void on_messages(floor_ws *ws, long count, size_t bytes) {
  bench *b = ws->data;
  bench_run *r = &b->run;
  r->bytes += bytes;
  for (long i = 0; i < count; i++) {
    bench_note_latency(r);
    if (++r->received == r->n) finish(b);
    if (r->load != LOAD_STREAM && r->sent < r->n) send_one(b);
  }
}

static void open_session(bench *b) {
  floor_ws *ws = malloc(sizeof *ws);
  if (ws == NULL) exit(1);
  ws->data = b;
  ws->path = b->path;
  ws->on_open = on_open;
  ws->on_messages = on_messages;
  if (b->run.load == LOAD_CONNS) b->run.sent++;
  floor_ws_connect(ws, b->loop, b->run.port, b->library);
}

/* false: the load, or the TLS library, is none of this program's. It resumes no sessions. */
static bool choose(bench *b) {
  const bench_run *r = &b->run;
  if (r->resumes) return false;
  if (r->load == LOAD_BESIDE || r->load == LOAD_TIMERS || r->load == LOAD_DEFLATE) return false;
  if (!r->tls) return true;
#ifdef FLOOR_OPENSSL
  if (r->openssl) b->library = &floor_tls_openssl;
#endif
#ifdef FLOOR_MBEDTLS
  if (!r->openssl) b->library = &floor_tls_mbedtls;
#endif
  if (b->library != NULL && r->ca_file != NULL) b->library->verify(r->ca_file);
  return b->library != NULL;
}

int main(int argc, char **argv) {
  static bench b;
  signal(SIGPIPE, SIG_IGN);
  if (!bench_init(&b.run, argc, argv)) return 2;
  if (!choose(&b)) {
    fprintf(stderr, "floor_client: this load, or this TLS library, is not there\n");
    return 2;
  }
  b.loop = uv_default_loop();
  bench_path(&b.run, b.path, sizeof b.path);
  if (b.run.load == LOAD_CONNS) {
    bench_begin(&b.run);
    while (b.run.sent < b.run.window && b.run.sent < b.run.n) open_session(&b);
  } else {
    open_session(&b);
  }
  uv_run(b.loop, UV_RUN_DEFAULT);
  return 1;
}
