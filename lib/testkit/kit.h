#ifndef WS_TESTKIT_KIT_H
#define WS_TESTKIT_KIT_H

/* What a testkit consists of, for the files that are its functions. */

#include <wsuv/testkit.h>

#include "base/env.h"
#include "base/list.h"
#include "testkit/loop_world.h"
#include "testkit/sim.h"
#include "testkit/track_alloc.h"

/* What differs between worlds. */
typedef struct kit_world_ops {
  int (*env_new)(wsuv_testkit_t *kit, ws_env **out, const wsuv_allocator_t *alloc);
  uint64_t (*now_ms)(const wsuv_testkit_t *kit);
  /* One turn of the loop, not beyond limit_ms; UINT64_MAX: there is no limit. false: nothing is
     left to do by then, and it is limit_ms, if there is one. */
  bool (*turn)(wsuv_testkit_t *kit, uint64_t limit_ms);
  /* Nothing will happen any more; false: perhaps, and `turn` says so. */
  bool (*is_over)(const wsuv_testkit_t *kit);
  /* Nothing is left but the machine. Returns 0; or a code: handles are left on the loop. */
  int (*end)(wsuv_testkit_t *kit);
  uint64_t run_ms; /* The end of all that is under way is awaited for so long. */
} kit_world_ops;

/* A client or a server of the program, until its environment has closed. */
typedef struct kit_endpoint {
  ws_list node; /* This links it into wsuv_testkit.endpoints. */
  wsuv_testkit_t *kit;
  ws_env *env;
  /* These are the operations of the environment, but its `close` is noticed. */
  ws_env_ops ops;
  void (*close)(ws_env *env, ws_env_cb cb, void *data); /* The environment's own. */
  ws_env_cb on_close;  /* This is called when the environment is closed, ... */
  void *on_close_data; /* ... with this. */
  /* One of these two is NULL. Both are, if the client or server was refused: then nothing is left
     but the end of the environment. */
  wsuv_client_t *client;
  wsuv_server_t *server;
  /* The server listens here for conversations; AF_UNSPEC: nowhere yet. */
  struct sockaddr_storage address;
} kit_endpoint;

struct wsuv_testkit {
  const kit_world_ops *ops;
  sim *sim;
  loop_world *world; /* Of a kit on a loop; NULL: it is simulated. */
  ws_env *clock;     /* It bounds the waiting of a kit on a loop, ... */
  ws_timer *limit;   /* ... by this timer. */
  uint64_t seed;
  uv_loop_t *loop;    /* The program's, or `own_loop`. */
  uv_loop_t own_loop; /* Of a simulated world. */
  track_alloc memory; /* Of clients and servers of the program. */
  ws_list endpoints;
  ws_list conversations;
  size_t owed;  /* Servers were closed that owed so many answers. */
  bool running; /* A function runs the world. */
  bool failed;  /* There was a failure. */
  char failure[1024];
  void (*on_failure)(void *arg, const char *text);
  void *on_failure_arg;
  void (*on_trace)(void *arg, const char *line);
  void *on_trace_arg;
};

/* kit_simulated.c, kit_on_loop.c */
extern const kit_world_ops kit_simulated, kit_on_loop;

/* The seed, or the number in WSUV_TEST_SEED. */
uint64_t kit_choose_seed(uint64_t seed);

/* A kit without a world yet. */
wsuv_testkit_t *kit_new(const kit_world_ops *ops, uint64_t seed);
void kit_free(wsuv_testkit_t *kit);

/* The record of a server of this kit; NULL: it is none. */
kit_endpoint *kit_find_server(const wsuv_testkit_t *kit, const wsuv_server_t *server);

/* Run until done(arg): 0, UV_ETIMEDOUT or WSUV_ESTATE. */
int kit_run_until(wsuv_testkit_t *kit, bool (*done)(void *arg), void *arg, uint64_t timeout_ms);

/* Note what was wrong, for wsuv_testkit_failure. A test may want it, so it is no failure. Returns
   `code`. */
__attribute__((format(printf, 3, 4))) int kit_note(wsuv_testkit_t *kit, int code,
                                                   const char *format, ...);

/* Report what was noted, as a failure of the test. */
void kit_report(wsuv_testkit_t *kit);

/* Note and report a failure. Returns `code`. */
__attribute__((format(printf, 3, 4))) int kit_fail(wsuv_testkit_t *kit, int code,
                                                   const char *format, ...);

/* End and free all conversations. */
void kit_end_conversations(wsuv_testkit_t *kit);

#endif
