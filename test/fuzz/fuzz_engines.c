#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "fuzz/mutation.h"
#include "net/tls/tls_library.h"
#include "net/tls/tls_parts.h"
#include "support/tls_ends.h"
#include "testkit/check.h"
#include "testkit/track_alloc.h"

/* Feeds engines of TLS with what their peers never send: two engines shake hands and talk, and what
   goes from one to the other is changed, cut, repeated and put together with what was said before.
   Each is a client or a server, of any library of this build.

       fuzz_engines [--seed FIRST] [--conversations COUNT] [--seconds SECONDS]

   It ends after COUNT conversations (1000), or when so many seconds have passed. However wrong the
   bytes are:
   - the handshake ends with 0 or a code that tls_engine.h names; after the end of the network it
     does not wait any more;
   - data that is read was written by the peer, in order, and without a gap;
   - the end is clean only if the peer has ended, and all data was read;
   - who has shaken hands has verified the peer; and if both have, then to the same result;
   - what waits to be sent is bounded, and no memory is lost.
   Conversations of which nothing is changed succeed. A failure prints the seed, with which the same
   changes come again, though keys are others; and what was fed last. */

enum {
  VERSIONS = 2,
  LIBRARIES = 2,
  ROUNDS_MAX = 400,
  STEPS_MAX = 100, /* of one handshake, in one flight */
  WORDS_MAX = 40000,
  PORT = 443,
  CONVERSATIONS = 1000
};

static const char host[] = "example.test";

/* What all conversations share. */
static track_alloc alloc;
static cert ca, server_cert, client_cert;
static mutator chance;
static tls_context *clients[LIBRARIES][VERSIONS], *servers[LIBRARIES][2];
static uint64_t succeeded, refused, changed;

/* What ends the process prints this. */
static char last_words[64];
static const bytes *last_flight;

static void on_abort(int sig) {
  char hex[2 * 64 + 1];
  ssize_t n = write(STDERR_FILENO, last_words, strlen(last_words));
  for (size_t at = 0; n >= 0 && last_flight != NULL && at < last_flight->len; at += 64) {
    size_t len = last_flight->len - at < 64 ? last_flight->len - at : 64;
    for (size_t i = 0; i < len; i++) {
      hex[2 * i] = "0123456789abcdef"[last_flight->data[at + i] >> 4];
      hex[2 * i + 1] = "0123456789abcdef"[last_flight->data[at + i] & 15];
    }
    hex[2 * len] = '\n';
    n = write(STDERR_FILENO, hex, 2 * len + 1);
  }
  if (signal(sig, SIG_DFL) != SIG_ERR) raise(sig);
  _exit(1);
}

/* Contexts */

static const tls_library *library(size_t i) {
  static const wsuv_tls_library_t ids[LIBRARIES] = {WSUV_TLS_LIBRARY_MBEDTLS,
                                                    WSUV_TLS_LIBRARY_OPENSSL};
  return tls_library_for(ids[i]);
}

static void make_certs(void) {
  const cert_spec ca_spec = {.name = "ca", .ca = true};
  const cert_spec server_spec = {.name = "server", .hosts = {host}};
  const cert_spec client_spec = {.name = "client", .for_clients = true};
  cert_make(&ca, &ca_spec, NULL);
  cert_make(&server_cert, &server_spec, &ca);
  cert_make(&client_cert, &client_spec, &ca);
}

static tls_context *context_for(wsuv_tls_config_t *config, const cert *own, ws_role role) {
  tls_failure failure;
  tls_context *ctx = NULL;
  config->cert_pem = own->pem;
  config->cert_pem_len = strlen(own->pem);
  config->key_pem = own->key_pem;
  config->key_pem_len = strlen(own->key_pem);
  if (tls_loaded_context(&ctx, &alloc.handle, config, role, &failure) < 0) {
    CHECK_FAIL("no context: %s", failure.text);
  }
  return ctx;
}

static tls_context *client_context(size_t lib, size_t old) {
  wsuv_tls_config_t config;
  wsuv_tls_config_init(&config);
  config.library = library(lib)->id;
  config.ca_pem = ca.pem;
  config.ca_pem_len = strlen(ca.pem);
  if (old == 1) config.max_version = WSUV_TLS_1_2;
  return context_for(&config, &client_cert, WS_CLIENT);
}

static tls_context *server_context(size_t lib, size_t asks) {
  wsuv_tls_config_t config;
  wsuv_tls_config_init(&config);
  config.library = library(lib)->id;
  if (asks == 1) {
    config.ca_pem = ca.pem;
    config.ca_pem_len = strlen(ca.pem);
    config.client_auth = WSUV_TLS_CLIENT_AUTH_REQUIRE;
  }
  return context_for(&config, &server_cert, WS_SERVER);
}

static void make_contexts(void) {
  for (size_t lib = 0; lib < LIBRARIES; lib++) {
    if (library(lib) == NULL) continue;
    for (size_t i = 0; i < 2; i++) {
      clients[lib][i] = client_context(lib, i);
      servers[lib][i] = server_context(lib, i);
    }
  }
}

static void free_contexts(void) {
  for (size_t lib = 0; lib < LIBRARIES; lib++) {
    for (size_t i = 0; i < 2; i++) {
      tls_context_unref(clients[lib][i]);
      tls_context_unref(servers[lib][i]);
    }
  }
}

static tls_context *any_of(tls_context *contexts[LIBRARIES][2]) {
  size_t lib = mutator_below(&chance, LIBRARIES);
  if (contexts[lib][0] == NULL) lib = 1 - lib;
  return contexts[lib][mutator_below(&chance, 2)];
}

/* A conversation */

typedef struct end {
  tls_end tls;
  struct end *peer;
  bytes said;    /* all data that the engine has taken */
  size_t heard;  /* so much of the peer's was compared */
  size_t words;  /* so often it has something to say still */
  bool closed;   /* it has said close_notify */
  bool is_cut;   /* nothing more comes to it */
  unsigned left; /* so many flights to it are still to be changed */
  size_t wait;   /* the first of them comes behind so many others */
} end;

static bool is_one_of(int code, const int *codes) {
  while (*codes != 0 && *codes != code) codes++;
  return *codes == code;
}

static void check_facts(const end *e) {
  tls_info facts;
  tls_engine_info(e->tls.engine, &facts);
  CHECK(facts.text != NULL && strlen(facts.text) < 512);
  if (e->tls.shaken != 0) return;
  bool client = e->tls.engine->ctx->role == WS_CLIENT;
  CHECK(facts.version != NULL && facts.ciphersuite != NULL);
  CHECK(facts.verified == tls_context_verifies(e->tls.engine->ctx));
  CHECK(!client || facts.verified);
}

static void check_end(end *e) {
  static const int shaken[] = {
      WSUV_ETLS, WSUV_ETLSVERIFY, WSUV_ETLSTRUNCATED, WSUV_ETLSRECORD, WSUV_ENOTTLS, WS_EAGAIN, 0};
  static const int ended[] = {WS_EOF,          WSUV_ETLS,          WSUV_ETLSTRUNCATED,
                              WSUV_ETLSRECORD, WSUV_ETLSKEYUPDATE, 0};
  const end *peer = e->peer;
  CHECK(is_one_of(e->tls.shaken, shaken));
  CHECK(is_one_of(e->tls.ended, ended));
  CHECK(e->tls.in.len <= peer->said.len);
  size_t fresh = e->tls.in.len - e->heard;
  CHECK(fresh == 0 ||
        memcmp(fifo_data(&e->tls.in) + e->heard, peer->said.data + e->heard, fresh) == 0);
  e->heard = e->tls.in.len;
  if (e->tls.ended == WS_EOF) CHECK(peer->closed && e->heard == peer->said.len);
  CHECK(bufq_len(tls_engine_output(e->tls.engine)) <= TLS_OUTPUT_MAX);
}

/* Speak, if that is possible now. What the engine does not take yet is said later, anew. */
static void speak(end *e) {
  static uint8_t text[WORDS_MAX];
  if (e->tls.shaken != 0 || e->words == 0 || !mutator_chance(&chance, 60)) return;
  size_t len = mutator_chance(&chance, 20) ? sizeof text : 300;
  len = 1 + mutator_below(&chance, len);
  for (size_t i = 0; i < len; i++) text[i] = (uint8_t) (e->said.len + i * 7 + (i >> 8));
  const ws_view buf = {text, len};
  size_t done = 0, taken = 0;
  while (done < len && tls_engine_write(e->tls.engine, &buf, 1, done, &taken) == 0) {
    CHECK(taken > 0 && taken <= len - done);
    bytes_replace(&e->said, e->said.len, 0, text + done, taken);
    done += taken;
  }
  if (done == len) e->words--;
  if (e->words > 0) return;
  tls_engine_close(e->tls.engine);
  e->closed = true;
}

static void take_flight(end *e, bytes *flight) {
  const bufq *out = tls_engine_output(e->tls.engine);
  ws_view piece;
  while (bufq_peek(out, 0, SIZE_MAX, &piece, 1) > 0) {
    bytes_replace(flight, flight->len, 0, piece.base, piece.len);
    tls_engine_sent(e->tls.engine, piece.len);
  }
}

static void step(end *e) {
  size_t worked = e->tls.worked;
  tls_end_step(&e->tls);
  CHECK(e->tls.worked - worked <= STEPS_MAX);
  check_end(e);
}

static void finish_input(end *e) {
  e->is_cut = true;
  tls_engine_eof(e->tls.engine);
  step(e);
  CHECK(e->tls.shaken != WS_EAGAIN);
  CHECK(e->tls.shaken != 0 || e->tls.ended != 0);
}

static void spoil(end *e, bytes *flight) {
  if (e->left == 0) return;
  if (e->wait > 0) {
    e->wait--;
    return;
  }
  e->left--;
  changed++;
  size_t times = 1 + mutator_below(&chance, 3);
  for (size_t i = 0; i < times; i++) mutate(&chance, flight);
}

/* The memory that is fed is given back, so that a read of it is seen. */
static void feed_copy(end *e, const uint8_t *data, size_t len) {
  uint8_t *copy = check_alloc(len);
  memcpy(copy, data, len);
  tls_engine_feed(e->tls.engine, copy, len);
  step(e);
  CHECK(tls_engine_keep(e->tls.engine) == 0);
  check_free(copy);
}

/* Give a flight to `e`, in pieces. */
static void deliver(end *e, const bytes *flight) {
  size_t piece = mutator_chance(&chance, 50) ? SIZE_MAX : 1 + mutator_below(&chance, 600);
  size_t cut = e->left > 0 && mutator_chance(&chance, 5) ? mutator_below(&chance, flight->len + 1)
                                                         : SIZE_MAX;
  last_flight = flight;
  for (size_t at = 0; at < flight->len && at < cut;) {
    size_t len = flight->len - at < piece ? flight->len - at : piece;
    if (len > cut - at) len = cut - at;
    feed_copy(e, flight->data + at, len);
    at += len;
  }
  last_flight = NULL;
  if (cut < flight->len) finish_input(e);
}

static bool carry(end *from, end *to) {
  bytes flight = {.data = NULL};
  speak(from);
  take_flight(from, &flight);
  bool moved = flight.len > 0;
  if (moved) {
    mutator_keep(&chance, &flight);
    spoil(to, &flight);
    if (!to->is_cut) deliver(to, &flight);
  }
  bytes_free(&flight);
  return moved;
}

/* Nothing moves any more, so what was to be said is said or never will be. */
static bool is_over(const end *e) {
  return e->tls.shaken < 0 || e->tls.ended < 0 || e->closed;
}

static void talk(end *client, end *server) {
  for (size_t idle = 0, i = 0; i < ROUNDS_MAX && idle < 20; i++) {
    bool moved = carry(client, server);
    moved = carry(server, client) || moved;
    idle = moved || (!is_over(client) && client->tls.shaken == 0) ? 0 : idle + 1;
  }
}

static void check_both(const end *client, const end *server, bool whole) {
  tls_info of_client, of_server;
  check_facts(client);
  check_facts(server);
  bool both = client->tls.shaken == 0 && server->tls.shaken == 0;
  if (whole) CHECK(both && client->tls.ended == WS_EOF && server->tls.ended == WS_EOF);
  *(both ? &succeeded : &refused) += 1;
  if (!both) return;
  tls_engine_info(client->tls.engine, &of_client);
  tls_engine_info(server->tls.engine, &of_server);
  CHECK(strcmp(of_client.version, of_server.version) == 0);
  CHECK(strcmp(of_client.ciphersuite, of_server.ciphersuite) == 0);
  CHECK(of_client.resumed == of_server.resumed);
}

static void prepare(end *e, end *peer, tls_context *ctx, const char *name) {
  *e = (end){.peer = peer, .words = 1 + mutator_below(&chance, 4)};
  tls_end_init(&e->tls, ctx, name, name != NULL ? PORT : 0);
}

/* Most changes are made to the first flights: what is encrypted fails alike, however it is
   changed. */
static void plan(end *e) {
  e->left = 1 + (unsigned) mutator_below(&chance, mutator_chance(&chance, 80) ? 2 : 10);
  e->wait = mutator_below(&chance, mutator_chance(&chance, 70) ? 2 : 12);
}

static void converse(uint64_t seed) {
  end client, server;
  check_seed = seed;
  (void) snprintf(last_words, sizeof last_words, "again: fuzz_engines --seed %" PRIu64 "\n", seed);
  mutator_seed(&chance, seed);
  bool whole = mutator_chance(&chance, 10), to_client = mutator_chance(&chance, 50);
  prepare(&client, &server, any_of(clients), host);
  prepare(&server, &client, any_of(servers), NULL);
  if (!whole) plan(to_client ? &client : &server);
  if (!whole && mutator_chance(&chance, 20)) plan(to_client ? &server : &client);
  step(&client);
  talk(&client, &server);
  if (!client.is_cut) finish_input(&client);
  if (!server.is_cut) finish_input(&server);
  check_both(&client, &server, whole);
  tls_end_free(&client.tls);
  tls_end_free(&server.tls);
  bytes_free(&client.said);
  bytes_free(&server.said);
}

/* The program */

static uint64_t number(const char *text) {
  char *rest;
  const uint64_t n = strtoull(text, &rest, 10);
  if (rest != text && *rest == '\0') return n;
  fprintf(stderr, "fuzz_engines: '%s' is no number\n", text);
  exit(2);
}

typedef struct options {
  uint64_t first, conversations, seconds;
} options;

static void read_options(options *o, char **args) {
  for (; *args != NULL; args += 2) {
    uint64_t *to = NULL;
    if (strcmp(*args, "--seed") == 0) to = &o->first;
    if (strcmp(*args, "--conversations") == 0) to = &o->conversations;
    if (strcmp(*args, "--seconds") == 0) to = &o->seconds;
    if (to == NULL || args[1] == NULL) {
      fprintf(stderr, "fuzz_engines: '%s' is no option, or without a value\n", *args);
      exit(2);
    }
    *to = number(args[1]);
  }
}

static bool is_enough(const options *o, uint64_t done, time_t begun) {
  if (o->seconds > 0) return time(NULL) - begun >= (time_t) o->seconds;
  return done >= o->conversations;
}

int main(int argc, char **argv) {
  options o = {.first = 1, .conversations = CONVERSATIONS};
  uint64_t done = 0;
  const time_t begun = time(NULL);
  (void) argc;
  if (signal(SIGABRT, on_abort) == SIG_ERR) return 2;
  read_options(&o, argv + 1);
  track_alloc_init(&alloc);
  make_certs();
  make_contexts();
  for (; !is_enough(&o, done, begun); done++) converse(o.first + done);
  free_contexts();
  mutator_free(&chance);
  cert_free(&ca);
  cert_free(&server_cert);
  cert_free(&client_cert);
  CHECK(alloc.live == 0);
  printf("seeds %" PRIu64 " to %" PRIu64 ": %" PRIu64 " flights changed, %" PRIu64
         " handshakes done, %" PRIu64 " refused\n",
         o.first, o.first + done - 1, changed, succeeded, refused);
  return 0;
}
