#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sim/run.h"

/* Plays very many conversations in the simulated world, one run for each seed.

       sim [--seed FIRST] [--seeds COUNT] [--connections N] [--messages N] [--ledger FILE]
           [--plant BUG]

   It ends after COUNT seeds (by default those that WSUV_TEST_SEEDS says, 300 times), or, with the
   other two, when so many connections and messages were had. With a ledger it begins behind the
   last seed there, and adds a line. WSUV_TEST_SEED plays one seed, with the library's log on stderr
   if WSUV_TEST_LOG is set. Exit status 1: a run has failed,
   and the command that plays it again was printed. --plant puts the bug with this number of run.h
   into each run, for the test of all this. */

enum { SEEDS_EACH = 300, SEEDS = 10, FAILURES_MAX = 10 };

typedef struct options {
  uint64_t first, seeds, connections, messages, plant;
  const char *ledger;
} options;

typedef struct totals {
  uint64_t seeds, connections, messages, failures;
} totals;

/* What a run that ends the process prints: made before it, and written by the handler of SIGABRT.
 */
static char last_words[128];

static void on_abort(int sig) {
  const ssize_t n = write(STDERR_FILENO, last_words, strlen(last_words));
  (void) n; /* there is nobody left to tell */
  if (signal(sig, SIG_DFL) != SIG_ERR) raise(sig);
  _exit(1);
}

static uint64_t number(const char *text) {
  char *end;
  errno = 0;
  const uint64_t n = strtoull(text, &end, 10);
  if (errno == 0 && end != text && *end == '\0') return n;
  fprintf(stderr, "sim: '%s' is no number\n", text);
  exit(2);
}

static uint64_t from_environment(const char *name, uint64_t otherwise) {
  const char *text = getenv(name);
  return text != NULL ? number(text) : otherwise;
}

static void read_options(options *o, char **args) {
  for (; *args != NULL; args += 2) {
    if (args[1] == NULL) {
      fprintf(stderr, "sim: '%s' without a value\n", *args);
      exit(2);
    }
    if (strcmp(*args, "--seed") == 0)
      o->first = number(args[1]);
    else if (strcmp(*args, "--seeds") == 0)
      o->seeds = number(args[1]);
    else if (strcmp(*args, "--connections") == 0)
      o->connections = number(args[1]);
    else if (strcmp(*args, "--messages") == 0)
      o->messages = number(args[1]);
    else if (strcmp(*args, "--plant") == 0)
      o->plant = number(args[1]);
    else if (strcmp(*args, "--ledger") == 0)
      o->ledger = args[1];
    else {
      fprintf(stderr, "sim: '%s' is no option\n", *args);
      exit(2);
    }
  }
}

/* --- the ledger: a line for each time --- */

#define LEDGER_LINE                                                                           \
  "seeds %" PRIu64 " to %" PRIu64 ": %" PRIu64 " connections, %" PRIu64 " messages, %" PRIu64 \
  " failures\n"
#define LEDGER_SCAN                                                                           \
  "seeds %" SCNu64 " to %" SCNu64 ": %" SCNu64 " connections, %" SCNu64 " messages, %" SCNu64 \
  " failures"

static void read_ledger(const char *path, totals *sum, uint64_t *next) {
  FILE *file = fopen(path, "r");
  char line[256];
  uint64_t first, last, connections, messages, failures;
  if (file == NULL) return; /* there is none yet */
  while (fgets(line, sizeof line, file) != NULL) {
    if (sscanf(line, LEDGER_SCAN, &first, &last, &connections, &messages, &failures) != 5) continue;
    sum->seeds += last - first + 1;
    sum->connections += connections;
    sum->messages += messages;
    sum->failures += failures;
    if (last >= *next) *next = last + 1;
  }
  (void) fclose(file); /* it was only read */
}

static void write_ledger(const char *path, uint64_t first, const totals *t) {
  FILE *file = fopen(path, "a");
  const bool written = file != NULL && fprintf(file, LEDGER_LINE, first, first + t->seeds - 1,
                                               t->connections, t->messages, t->failures) > 0;
  if (written && fclose(file) == 0) return;
  perror(path);
  exit(2);
}

/* --- runs --- */

static void play(uint64_t seed, const options *o, totals *t) {
  static run r;
  char planted[32] = "";
  if (o->plant > 0) (void) snprintf(planted, sizeof planted, " --plant %" PRIu64, o->plant);
  /* All of it fits. */
  (void) snprintf(last_words, sizeof last_words, "again: WSUV_TEST_SEED=%" PRIu64 " sim%s\n", seed,
                  planted);
  run_play(&r, seed, (plant) o->plant);
  t->seeds++;
  t->connections += r.connections;
  t->messages += r.messages;
  if (r.failed == NULL) return;
  t->failures++;
  printf("seed %" PRIu64 ", step %zu, turn %" PRIu64 ": oracle '%s': %s\n%s", seed, r.step, r.turn,
         r.failed, r.words, last_words);
}

static bool is_enough(const options *o, const totals *t) {
  if (t->failures >= FAILURES_MAX) return true;
  if (o->connections == 0 && o->messages == 0) return t->seeds >= o->seeds;
  return t->connections >= o->connections && t->messages >= o->messages;
}

static double seconds(void) {
  struct timespec now;
  (void) clock_gettime(CLOCK_MONOTONIC, &now); /* which is always there */
  return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  options o = {.first = 1, .seeds = SEEDS_EACH * from_environment("WSUV_TEST_SEEDS", SEEDS)};
  totals t = {0}, sum = {0};
  const double begun = seconds();
  (void) argc;
  if (signal(SIGABRT, on_abort) == SIG_ERR) return 2;
  read_options(&o, argv + 1);
  if (o.ledger != NULL) read_ledger(o.ledger, &sum, &o.first);
  if (getenv("WSUV_TEST_SEED") != NULL) {
    run_logs = getenv("WSUV_TEST_LOG") != NULL;
    o.first = from_environment("WSUV_TEST_SEED", 0);
    o.seeds = 1;
    o.connections = o.messages = 0;
  }
  while (!is_enough(&o, &t)) play(o.first + t.seeds, &o, &t);
  const double took = seconds() - begun;
  printf("seeds %" PRIu64 " to %" PRIu64 ": %" PRIu64 " connections, %" PRIu64 " messages, %" PRIu64
         " failures in %.1f s: %.0f connections and %.0f messages a second\n",
         o.first, o.first + t.seeds - 1, t.connections, t.messages, t.failures, took,
         (double) t.connections / took, (double) t.messages / took);
  if (o.ledger != NULL) {
    write_ledger(o.ledger, o.first, &t);
    printf("with those before: %" PRIu64 " seeds, %" PRIu64 " connections, %" PRIu64
           " messages, %" PRIu64 " failures\n",
           sum.seeds + t.seeds, sum.connections + t.connections, sum.messages + t.messages,
           sum.failures + t.failures);
  }
  return t.failures == 0 ? 0 : 1;
}
