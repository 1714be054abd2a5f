#ifndef BENCH_H
#define BENCH_H

/* What the clients that are measured have in common: a load, the options of the command line, and
   one line of JSON about what the load cost. README.md describes loads, options and members. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

typedef enum bench_load {
  LOAD_PP,
  LOAD_PIPE,
  LOAD_BIG,
  LOAD_BESIDE,
  LOAD_STREAM,
  LOAD_CONNS,
  LOAD_TIMERS,
  LOAD_DEFLATE,
  LOAD_COUNT
} bench_load;

enum { BENCH_TEXTS = 63 }; /* of the load deflate */

/* What is measured at the beginning and at the end. */
typedef struct bench_reading {
  uint64_t time_ns;
  struct rusage usage;
  long rss; /* bytes */
} bench_reading;

typedef struct bench_run {
  bench_load load;
  long n;      /* This many messages are exchanged, or sessions opened. */
  long window; /* messages in flight, or sessions that are connecting, or that play ping-pong */
  size_t size; /* A message has this many bytes. */
  int port;
  bool tls;
  bool openssl;            /* The TLS library is OpenSSL, else mbedTLS. */
  const char *ca_file;     /* This verifies the server's certificate; NULL: any is taken. */
  bool resumes;            /* of wsuv_bench: sessions of TLS are resumed */
  const char *kind;        /* of stream: bin, ascii, utf8; of deflate: ctx, noctx */
  const char *variant;     /* This is "" or "count". */
  const char *proxy;       /* This is the URL of a proxy, or NULL. */
  unsigned max_connecting; /* of wsuv_bench; UINT_MAX unless it is given */
  const char *flood_url;   /* of beside: the URL of a server that floods, or NULL */

  unsigned char *payload; /* BENCH_TEXTS payloads of deflate, otherwise one. */
  long sent, received;    /* messages, or sessions begun and open */
  uint64_t bytes;         /* This many bytes of payload were received. */
  bench_reading begin, end;
  /* This has the nanoseconds of each message, where one is in flight, or is NULL. */
  uint32_t *latencies;
  uint64_t sent_ns; /* The message in flight was sent at this time. */
} bench_run;

/* Read the command line, raise the limit of descriptors, and make the buffers. false: it is wrong,
   and the usage was printed. */
bool bench_init(bench_run *r, int argc, char **argv);
void bench_free(bench_run *r);

/* Path and query of the request. */
void bench_path(const bench_run *r, char *dst, size_t size);

void bench_begin(bench_run *r);
void bench_end(bench_run *r);

/* Note the latency of the message that is in flight, whose echo has come, if that is measured. */
void bench_keep_latency(bench_run *r);
static inline void bench_note_latency(bench_run *r) {
  if (r->latencies != NULL) bench_keep_latency(r);
}

/* The latency in microseconds that this many per cent of the messages have not exceeded; 0: it was
   not measured. Sorts them first. */
double bench_latency_us(bench_run *r, long percent);

/* Print the line. `extra`: further members, each with a comma after it. */
void bench_print(bench_run *r, const char *client, const char *extra);

/* The n-th payload. */
static inline const unsigned char *bench_payload(const bench_run *r, long n) {
  return r->payload + (r->load == LOAD_DEFLATE ? (size_t) (n % BENCH_TEXTS) * r->size : 0);
}

#endif
