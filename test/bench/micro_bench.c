/* Parts of the library alone, on one core:

       micro_bench

   Prints for each part and size the nanoseconds of a call, the least of several measurements, and
   the bytes that it gets through. For measurements, by hand: it asserts nothing about time. */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "proto/frame/conn.h"
#include "proto/frame/conn_small.h"
#include "proto/frame/mask.h"
#include "proto/frame/utf8.h"
#include "proto/http/http_scan.h"

enum {
  SIZE_MAX_BYTES = 1 << 20,
  FRAMES = 64,          /* in one call of a part that reads or writes them */
  MEASUREMENTS = 20,    /* The least one counts. */
  MEASURED_NS = 2000000 /* a measurement lasts about so long */
};

typedef struct part {
  const char *name;
  void (*run)(size_t size); /* one call */
  size_t calls;             /* `run` stands for this many calls of the part */
  void (*prepare)(size_t size);
  size_t sizes[5]; /* 0 ends them */
} part;

static uint8_t source[SIZE_MAX_BYTES + FRAMES * FRAME_HEADER_MAX], target[SIZE_MAX_BYTES];
static size_t wire_len;
static const mask_key key = {.b = {0x37, 0xfa, 0x21, 0x3d}};
static volatile size_t result; /* what a part gives is used */

static void die(const char *what) {
  fprintf(stderr, "micro_bench: %s\n", what);
  exit(1);
}

/* --- the parts --- */

static void fill_any(size_t size) {
  for (size_t i = 0; i < size; i++) source[i] = (uint8_t) (i * 29 + 11);
}

static void run_mask(size_t size) {
  mask_apply(target, source, size, key, 0);
}

static void fill_ascii(size_t size) {
  for (size_t i = 0; i < size; i++) source[i] = (uint8_t) (' ' + i % 90);
}

static void fill_mixed(size_t size) {
  static const char text[] = "Gr\xc3\xbc\xc3\x9f"
                             "e, \xe2\x82\xac 20 \xf0\x9f\x98\x80; ";
  memset(source, '.', size);
  for (size_t i = 0; i + sizeof text - 1 <= size; i += sizeof text - 1)
    memcpy(source + i, text, sizeof text - 1);
}

static void run_utf8(size_t size) {
  if (!utf8_valid(source, size)) die("the text is not valid");
}

/* Frames of one size, one after the other. */
static void fill_frames(size_t size, bool masked) {
  wire_len = 0;
  for (int i = 0; i < FRAMES && wire_len + size + FRAME_HEADER_MAX <= sizeof source; i++) {
    frame_header h = {.length = size, .opcode = OPCODE_BINARY, .fin = true, .masked = masked};
    h.key = (mask_key){.word = 0}; /* it is masked in place: the bytes stay as they are */
    wire_len += frame_header_write(&h, source + wire_len);
    memset(source + wire_len, 'x', size);
    wire_len += size;
  }
}

static void fill_plain_frames(size_t size) {
  fill_frames(size, false);
}

static void fill_masked_frames(size_t size) {
  fill_frames(size, true);
}

/* A connection reads and writes messages, as a session has it do it. */

static int take_random(ws_env *env, void *dst, size_t n) {
  (void) env;
  memset(dst, 0x37, n);
  return 0;
}

static const ws_env_ops env_ops = {.random = take_random};
static ws_env env = {.ops = &env_ops, .alloc = &ws_alloc_libc};
static const message_limits limits = {SIZE_MAX_BYTES, SIZE_MAX_BYTES, 1};
static conn_shared shared;

/* The conversation of one measurement, which ends with an empty queue. */
static void open_conn(conn *c, conn_work *work, ws_role role) {
  conn_init(c, role, role == WS_CLIENT, &limits);
  conn_work_init(work, &shared, role);
  c->work = work;
}

static void read_messages(ws_role role) {
  conn c;
  conn_work work;
  conn_event ev;
  size_t sum = 0;
  int r;
  open_conn(&c, &work, role);
  conn_recv(&c, source, wire_len);
  while ((r = conn_next_event(&c, &ev)) == 1) sum += ev.len;
  if (r < 0) die(conn_take_why(&shared));
  result = sum;
}

static void run_messages_from_server(size_t size) {
  (void) size;
  read_messages(WS_CLIENT);
}

static void run_messages_from_client(size_t size) {
  (void) size;
  read_messages(WS_SERVER);
}

static void write_messages(size_t size, ws_role role) {
  const bool small = size <= CONN_SMALL_MAX;
  conn c;
  conn_work work;
  open_conn(&c, &work, role);
  for (int i = 0; i < FRAMES; i++) {
    if (small && conn_send_small(&c, OPCODE_BINARY, source, size)) continue;
    if (conn_small_prepare(&c, size) && conn_send_small(&c, OPCODE_BINARY, source, size)) continue;
    if (conn_send(&c, OPCODE_BINARY, true, source, size) < 0) die("no memory");
  }
  result = out_queue_len(&work.out);
  out_queue_written(&work.out, out_queue_len(&work.out));
}

static void run_messages_to_server(size_t size) {
  write_messages(size, WS_CLIENT);
}

static void run_messages_to_client(size_t size) {
  write_messages(size, WS_SERVER);
}

/* A request, or a response, with fields as browsers and proxies have them, of about this size. */
static void fill_head(size_t size) {
  static const char first[] = "GET /chat HTTP/1.1\r\n", last[] = "\r\n",
                    field[] = "Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n";
  wire_len = 0;
  memcpy(source, first, sizeof first - 1);
  wire_len = sizeof first - 1;
  while (wire_len + sizeof field + 1 <= size) {
    memcpy(source + wire_len, field, sizeof field - 1);
    wire_len += sizeof field - 1;
  }
  memcpy(source + wire_len, last, sizeof last - 1);
  wire_len += sizeof last - 1;
}

static void run_head(size_t size) {
  http_scan scan = {.fields_left = SIZE_MAX_BYTES};
  http_scan_text text;
  size_t at = 0, used;
  int r;
  (void) size;
  do {
    r = http_scan_feed(&scan, source + at, wire_len - at, &used, &text);
    at += used;
  } while (r == 0 && at < wire_len);
  if (r != 1) die("the head is not valid");
}

static const part parts[] = {
    {"mask", run_mask, 1, fill_any, {16, 125, 1024, 16384, 1 << 20}},
    {"UTF-8, ASCII", run_utf8, 1, fill_ascii, {16, 125, 1024, 16384, 1 << 20}},
    {"UTF-8, mixed", run_utf8, 1, fill_mixed, {16, 125, 1024, 16384, 1 << 20}},
    {"message in, from a server",
     run_messages_from_server,
     FRAMES,
     fill_plain_frames,
     {16, 125, 16000}},
    {"message in, from a client",
     run_messages_from_client,
     FRAMES,
     fill_masked_frames,
     {16, 125, 16000}},
    {"message out, to a server", run_messages_to_server, FRAMES, fill_any, {16, 125, 16000}},
    {"message out, to a client", run_messages_to_client, FRAMES, fill_any, {16, 125, 16000}},
    {"head scan", run_head, 1, fill_head, {256, 1024, 8192}},
};

/* --- measuring --- */

static double cpu_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}

static double run_many(const part *p, size_t size, size_t count) {
  const double begin = cpu_ns();
  for (size_t i = 0; i < count; i++) p->run(size);
  return cpu_ns() - begin;
}

static double least_ns(const part *p, size_t size) {
  size_t count = 1;
  double least;
  while (run_many(p, size, count) < MEASURED_NS) count *= 2;
  least = run_many(p, size, count);
  for (int i = 1; i < MEASUREMENTS; i++) {
    const double ns = run_many(p, size, count);
    if (ns < least) least = ns;
  }
  return least / (double) count / (double) p->calls;
}

int main(void) {
  conn_shared_init(&shared, &env);
  printf("| part | bytes | ns | GB/s |\n|---|---|---|---|\n");
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    const part *p = &parts[i];
    for (size_t k = 0; k < 5 && p->sizes[k] != 0; k++) {
      p->prepare(p->sizes[k]);
      const double ns = least_ns(p, p->sizes[k]);
      printf("| %s | %zu | %.1f | %.1f |\n", p->name, p->sizes[k], ns, (double) p->sizes[k] / ns);
    }
  }
  conn_shared_free(&shared);
  return 0;
}
