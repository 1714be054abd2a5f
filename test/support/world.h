#ifndef TEST_WORLD_H
#define TEST_WORLD_H

/* What a scenario runs in: the simulated machine; the real one with libuv and loopback sockets; or
   both in one, with time by libuv and simulated links. A scenario is written once, as a function of
   a world, and run in each; whatever it makes of the library's has the world's allocator, and the
   world's end accounts for all of it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/socket.h>

#include "base/env.h"
#include "base/list.h"
#include "support/wire.h"
#include "testkit/sim.h"
#include "testkit/track_alloc.h"

typedef enum world_kind { WORLD_SIM, WORLD_UV, WORLD_LOOP } world_kind;

typedef struct world world;
typedef struct world_timer world_timer;
typedef struct wire_listener wire_listener;

typedef void (*wire_accept_cb)(void *up, wire *w);

/* What differs. `turn` gives false when nothing is left to do; `forever`: the caller waits for
   something, so peers count, too. */
typedef struct world_ops {
  sim *(*machine)(const world *w); /* NULL: there is none */
  int (*env_new)(world *w, ws_env **out);
  uint64_t (*now_ms)(world *w);
  void (*watch)(world *w, bool forever); /* a run begins; it ends within a bound or fails */
  bool (*turn)(world *w, bool forever);
  void (*unwatch)(world *w);
  void (*advance)(world *w, uint64_t ms);
  void (*lose_time)(world *w, uint64_t ms);
  wire_listener *(*listen)(world *w, const char *addr, uint16_t port, wire_accept_cb cb, void *up,
                           uint16_t *bound);
  void (*unlisten)(wire_listener *l);
  wire *(*connect)(world *w, const struct sockaddr *addr);
  world_timer *(*after)(world *w, uint64_t ms, void (*cb)(void *data), void *data);
  void (*cancel)(world_timer *t);
  uint16_t (*dead_port)(world *w);
  void (*end)(world *w);
} world_ops;

struct world {
  const world_ops *ops;
  world_kind kind;
  uint64_t seed;
  track_alloc *alloc;
  bool random_fails;
  ws_list peers;   /* raw_peer.node */
  ws_list clients; /* raw_client.node */
  struct tls_context
      *tls; /* of servers; NULL: what is secure is the test's affair, see world_tls.h */
  struct tls_context *client_tls; /* of clients of the world; NULL: none was needed yet */
};

world *world_new(world_kind kind, uint64_t seed, track_alloc *alloc);

/* Waits until the peers' scripts are through, ends the peers, and checks that nothing is left: no
   allocation, no handle, no event. The clients have been closed, and have said so, before. */
void world_end(world *w);

/* An environment of the library's; 0 or a code. See world_client.h for a whole client. */
int world_env_new(world *w, ws_env **out);
void world_env_close(world *w, ws_env *env); /* and runs until it is gone */

/* --- running --- */

/* Run until done(arg); if nothing is left to do, or after 10 simulated minutes or 20 real
   seconds, the test has failed. */
void world_run_until(world *w, bool (*done)(void *arg), void *arg);
void world_run_until_true(world *w, const bool *flag);
void world_run_until_count(world *w, const size_t *count, size_t target);

/* Run until nothing is left to do, peers not counted. A connection that stays open and where
   nothing happens any more is a failure, as is the bound of time. */
void world_run(world *w);

/* Run for so long. In the real world that takes real time. */
void world_advance(world *w, uint64_t ms);

/* A callback that takes long: time passes, and nothing else happens. */
void world_lose_time(world *w, uint64_t ms);

/* In such a callback: wait until the loop has something to read. What a peer has written may not
   have arrived yet on a busy machine. Simulated bytes need no waiting. */
void world_await_input(world *w);

uint64_t world_now_ms(world *w);

/* --- what is out there --- */

const char *world_good_name(const world *w); /* resolves to where raw peers listen */
const char *world_bad_name(const world *w);  /* ends in a code of UV_EAI_* */
uint16_t world_dead_port(world *w);          /* on 127.0.0.1; connections are refused */
void world_random_fails(world *w, bool fails);

/* Only where it makes sense: NULL in the other worlds. */
sim *world_sim(world *w);
struct uv_loop_s *world_uv_loop(world *w);
struct loop_world *world_loop(world *w);
int world_uv_random(void *buf, size_t len, void *world_uv); /* a wsuv_random_fn */

/* --- for peers: these do not count as something to do --- */

/* At a literal address and a port, 0 for a free one; or at the path of a Unix socket. */
wire_listener *world_listen(world *w, const char *addr, uint16_t port, wire_accept_cb cb, void *up,
                            uint16_t *bound);
void world_unlisten(world *w, wire_listener *l);

/* Connect to an address, also of a Unix socket. What is written before the connection is made is
   kept; if it is not made, on_end has the code. */
wire *world_connect(world *w, const struct sockaddr *addr);
world_timer *world_after(world *w, uint64_t ms, void (*cb)(void *data), void *data); /* once */
void world_cancel(world *w, world_timer *t); /* before it has fired */

/* The makers of the kinds. */
world *world_sim_new(uint64_t seed);
world *world_uv_new(uint64_t seed);
world *world_loop_new(uint64_t seed);

#endif
