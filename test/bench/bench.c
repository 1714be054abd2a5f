#include "bench.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct bench_defaults {
  const char *name;
  size_t size;
  long window;
} defaults[LOAD_COUNT] = {
    {"pp", 32, 1},        {"pipe", 64, 256}, {"big", 1 << 20, 1}, {"beside", 32, 100},
    {"stream", 16384, 1}, {"conns", 0, 100}, {"timers", 0, 100},  {"deflate", 1024, 32},
};

static void die(const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

/* --- the command line --- */

static bool read_load(bench_run *r, const char *name) {
  while (r->load < LOAD_COUNT && strcmp(defaults[r->load].name, name) != 0) r->load++;
  if (r->load == LOAD_COUNT) return false;
  r->size = defaults[r->load].size;
  r->window = defaults[r->load].window;
  return true;
}

static bool read_engine(bench_run *r, const char *name) {
  r->openssl = strcmp(name, "openssl") == 0;
  return r->openssl || strcmp(name, "mbedtls") == 0;
}

static bool read_options(bench_run *r, int argc, char **argv) {
  int option;
  optind = 3;
  while ((option = getopt(argc, argv, "p:t:e:a:rs:w:m:k:d:v:f:x:")) != -1) {
    switch (option) {
    case 'p': r->port = (int) strtol(optarg, NULL, 10); break;
    case 't':
      r->port = (int) strtol(optarg, NULL, 10);
      r->tls = true;
      break;
    case 'e':
      if (!read_engine(r, optarg)) return false;
      break;
    case 'a': r->ca_file = optarg; break;
    case 'r': r->resumes = true; break;
    case 's': r->size = strtoul(optarg, NULL, 10); break;
    case 'w': r->window = strtol(optarg, NULL, 10); break;
    case 'm': r->max_connecting = (unsigned) strtoul(optarg, NULL, 10); break;
    case 'k':
    case 'd': r->kind = optarg; break;
    case 'v': r->variant = optarg; break;
    case 'x': r->proxy = optarg; break;
    case 'f': r->flood_url = optarg; break;
    default: return false;
    }
  }
  return optind == argc;
}

/* Where latencies are measured only one message may be in flight. */
static bool read_arguments(bench_run *r, int argc, char **argv) {
  if (argc < 3 || !read_load(r, argv[1])) return false;
  r->n = strtol(argv[2], NULL, 10);
  r->kind = r->load == LOAD_DEFLATE ? "noctx" : "bin";
  r->variant = "";
  r->port = 9001;
  r->max_connecting = UINT_MAX;
  if (!read_options(r, argc, argv) || r->n < 1) return false;
  if (r->load == LOAD_PP || r->load == LOAD_BIG || r->load == LOAD_STREAM) r->window = 1;
  return r->window > 0;
}

void bench_path(const bench_run *r, char *dst, size_t size) {
  int n = snprintf(dst, size, "/echo");
  if (r->load == LOAD_STREAM)
    n = snprintf(dst, size, "/stream-%s?n=%ld&size=%zu", r->kind, r->n, r->size);
  if (r->load == LOAD_DEFLATE) n = snprintf(dst, size, "/deflate-%s", r->kind);
  if (n < 0 || (size_t) n >= size) die("the path is too long");
}

/* --- what is sent --- */

/* JSON like that of a market's feed: two kinds of lines with changing figures. */
static void fill_with_json(char *text, size_t size) {
  uint32_t x = 1;
  for (size_t len = 0; len < size;) {
    char line[160];
    x = x * 1664525 + 1013904223;
    unsigned price = (x >> 8) % 100000, id = x >> 10;
    int n =
        x >> 31 != 0
            ? snprintf(line, sizeof line,
                       "{\"type\":\"trade\",\"symbol\":\"BTC-USD\",\"price\":\"%05u.%02u\","
                       "\"size\":\"0.%04u\",\"side\":\"buy\",\"id\":%u},",
                       price, x % 100, (x >> 12) % 10000, id)
            : snprintf(line, sizeof line,
                       "{\"type\":\"quote\",\"symbol\":\"ETH-EUR\",\"bid\":%05u.%02u,\"ask\":%u.5,"
                       "\"seq\":%u},",
                       price, x % 100, (x >> 12) % 10000, id);
    size_t part = (size_t) n < size - len ? (size_t) n : size - len;
    memcpy(text + len, line, part);
    len += part;
  }
}

/* Memory is touched before it is measured. */
static void make_buffers(bench_run *r) {
  uint32_t x = 1;
  size_t size = r->load == LOAD_DEFLATE ? BENCH_TEXTS * r->size : r->size;
  const bool timed = r->load == LOAD_PP || r->load == LOAD_BIG || r->load == LOAD_BESIDE;
  r->payload = malloc(size + 1);
  if (timed) r->latencies = calloc((size_t) r->n, sizeof *r->latencies);
  if (r->payload == NULL || (timed && r->latencies == NULL)) die("no memory");
  for (size_t i = 0; i < r->size; i++) {
    x = x * 1664525 + 1013904223;
    r->payload[i] = (unsigned char) (x >> 24);
  }
  if (r->load == LOAD_DEFLATE) fill_with_json((char *) r->payload, size);
  if (r->latencies != NULL) memset(r->latencies, 1, (size_t) r->n * sizeof *r->latencies);
}

static void raise_descriptor_limit(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

bool bench_init(bench_run *r, int argc, char **argv) {
  *r = (bench_run){.load = LOAD_PP};
  if (!read_arguments(r, argc, argv)) {
    fprintf(stderr,
            "usage: %s pp|pipe|big|beside|stream|conns|timers|deflate N [-p PORT | -t PORT]\n"
            "       [-e mbedtls|openssl] [-a FILE] [-r] [-s SIZE] [-w WINDOW] [-m MAX]\n"
            "       [-k bin|ascii|utf8] [-d ctx|noctx] [-v count] [-f URL] [-x PROXY]\n",
            argv[0]);
    return false;
  }
  raise_descriptor_limit();
  make_buffers(r);
  return true;
}

void bench_free(bench_run *r) {
  free(r->payload);
  free(r->latencies);
}

/* --- measuring --- */

static long resident_bytes(void) {
  long pages = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  if (f == NULL) return 0;
  if (fscanf(f, "%*d %ld", &pages) != 1) pages = 0;
  fclose(f);
  return pages * sysconf(_SC_PAGESIZE);
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t) t.tv_sec * 1000000000 + (uint64_t) t.tv_nsec;
}

void bench_begin(bench_run *r) {
  r->begin.rss = resident_bytes();
  getrusage(RUSAGE_SELF, &r->begin.usage);
  r->begin.time_ns = r->sent_ns = now_ns();
}

void bench_end(bench_run *r) {
  r->end.time_ns = now_ns();
  getrusage(RUSAGE_SELF, &r->end.usage);
  r->end.rss = resident_bytes();
}

void bench_keep_latency(bench_run *r) {
  uint64_t now = now_ns();
  r->latencies[r->received] = (uint32_t) (now - r->sent_ns);
  r->sent_ns = now;
}

static int compare_latencies(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;
  return (x > y) - (x < y);
}

double bench_latency_us(bench_run *r, long percent) {
  if (r->latencies == NULL) return 0;
  qsort(r->latencies, (size_t) r->received, sizeof *r->latencies, compare_latencies);
  return r->latencies[r->received * percent / 100] / 1e3;
}

static double seconds(struct timeval from, struct timeval to) {
  return (double) (to.tv_sec - from.tv_sec) + (double) (to.tv_usec - from.tv_usec) * 1e-6;
}

void bench_print(bench_run *r, const char *client, const char *extra) {
  const struct rusage *from = &r->begin.usage, *to = &r->end.usage;
  const bool sessions = r->load == LOAD_CONNS || r->load == LOAD_TIMERS;
  double grown = sessions ? (double) (r->end.rss - r->begin.rss) : 0;
  printf("{\"client\":\"%s%s%s\",\"mode\":\"%s\",\"kind\":\"%s\",\"tls\":%d,\"n\":%ld,"
         "\"size\":%zu,",
         client, *r->variant != '\0' ? ":" : "", r->variant, defaults[r->load].name, r->kind,
         r->tls, r->n, r->size);
  printf("\"wall\":%.6f,\"user\":%.6f,\"sys\":%.6f,",
         (double) (r->end.time_ns - r->begin.time_ns) * 1e-9, seconds(from->ru_utime, to->ru_utime),
         seconds(from->ru_stime, to->ru_stime));
  printf("\"p50_us\":%.2f,\"p99_us\":%.2f,", bench_latency_us(r, 50), bench_latency_us(r, 99));
  printf("%s\"bytes\":%llu,\"rss_conn\":%.0f,\"rss\":%ld,\"csw\":%ld,\"faults\":%ld}\n", extra,
         (unsigned long long) r->bytes, grown / (double) r->n, r->end.rss,
         to->ru_nvcsw - from->ru_nvcsw, to->ru_minflt - from->ru_minflt);
  fflush(stdout);
}
