#ifndef WS_TESTKIT_SIM_H
#define WS_TESTKIT_SIM_H

/* A machine in memory, grown from a seed: one clock, timers, deferred calls, name lookup, random
   bytes, and a network that delays, cuts, stalls, refuses and resets. The same seed gives the
   same run. Seed 0 is a calm day: fixed latency, no cuts, phases in libuv's order.

   Whoever breaks a contract of base/env.h or net/filter.h from above is told so at once. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/env.h"

typedef struct sim sim;

/* What can happen to a link, for both of its ends. */
typedef enum sim_fault {
  SIM_FAULT_EOF,   /* it has ended, and nothing can be sent any more */
  SIM_FAULT_RESET, /* UV_ECONNRESET */
  SIM_FAULT_STALL, /* nothing goes over it any more */
  SIM_FAULTS
} sim_fault;

sim *sim_new(uint64_t seed);
void sim_free(sim *s); /* nothing may be left of what was made in it */

/* An environment; 0 or WS_ENOMEM. Its timers, lookups and filters are memory of `alloc`. */
int sim_env_new(ws_env **out, sim *s, const wsuv_allocator_t *alloc);

/* The socket of the connection that an environment has begun last; NULL: it was closed. */
struct sim_sock *sim_env_socket(const ws_env *env);

/* As sim_sock_stall_both and sim_sock_fault, for that socket; without one, for the connection that
   the environment begins next. */
void sim_env_stall(ws_env *env, bool stall);
void sim_env_fault(ws_env *env, sim_fault fault, uint64_t bytes);

/* --- time --- */

uint64_t sim_now_ns(const sim *s);
uint64_t sim_now_ms(const sim *s);

/* One turn of the loop: time goes on to whatever comes next, but not beyond limit_ns.
   false: nothing is left to do by then, and it is limit_ns now unless that is UINT64_MAX. */
bool sim_turn(sim *s, uint64_t limit_ns);

/* The machine was suspended: time has passed and nothing has happened. */
void sim_suspend(sim *s, uint64_t ms);

/* Connections and lookups of the environments that have not come to their end. */
size_t sim_open(const sim *s);

/* --- a machine on a loop --- */

/* What turns a machine whose time is that of a loop. Timers and deferred calls are the loop's. */
typedef struct sim_host {
  /* Returns the loop's time, which is the machine's. */
  uint64_t (*now_ns)(struct sim_host *host);
  /* Something was queued or has begun, perhaps inside a turn. It may not turn the machine. */
  void (*on_work)(struct sim_host *host);
} sim_host;

/* Give the machine a host, which outlives it, before anything is made in the machine. */
void sim_set_host(sim *s, sim_host *host);

/* One turn, with all that is due by the host's time. Returns when something is due next;
   UINT64_MAX: nothing is. */
uint64_t sim_host_turn(sim *s);

/* Whether the machine keeps the loop alive: it is busy, a lookup has no answer, or a filter retains
   memory. */
bool sim_holds_loop(const sim *s);

/* --- chance --- */

uint64_t sim_random(sim *s);
uint64_t sim_below(sim *s, uint64_t n);    /* 0 to n - 1; n >= 1 */
bool sim_chance(sim *s, unsigned percent); /* never on 0, and then nothing is drawn */
void sim_random_bytes(sim *s, void *buf, size_t len);
void sim_random_fails(sim *s, bool fails); /* the environments' random bytes */

/* --- names --- */

enum { SIM_ADDRS_MAX = 8 };

#define SIM_NEVER UINT64_MAX /* no answer; once cancelled, the orphan goes on for 30 s */

typedef struct sim_answer {
  uint64_t delay_ms;
  int status;                       /* 0, or a code of UV_EAI_* */
  const char *addrs[SIM_ADDRS_MAX]; /* literals, up to the first NULL */
} sim_answer;

/* Literals answer for themselves, "localhost" is 127.0.0.1, other names: UV_EAI_NONAME. */
void sim_name(sim *s, const char *text, const sim_answer *answer);

/* --- the network --- */

typedef struct sim_profile {
  uint64_t latency_min_ns, latency_max_ns; /* one way */
  uint64_t bytes_per_ms;                   /* bandwidth; 0: no bound */
  size_t segment_max;                      /* bytes, of the first SIM_FINE_BYTES at least */
  size_t send_buffer, recv_buffer;         /* bytes */
  unsigned cut_percent; /* how often a read or write moves fewer bytes than it could */
  bool hides_acks;      /* WS_QUERY_UNACKED is not answered, as by other systems than Linux */
  unsigned fault_percent[SIM_FAULTS]; /* so many links have such a fault; 0: nothing is drawn */
  uint64_t fault_bytes_max; /* it happens at one of so many bytes, of both ways together */
} sim_profile;

enum { SIM_FINE_BYTES = 16 * 1024 }; /* behind them, segments are not small: tests must end */

/* Of connections made from now on; NULL: the calm one. At first it is drawn from the seed. */
void sim_set_profile(sim *s, const sim_profile *profile);
void sim_get_profile(const sim *s, sim_profile *profile);

/* What happens to those who connect to an address, whatever the port. */
typedef enum sim_route_kind {
  SIM_ROUTE_OPEN,     /* the listener answers; none: UV_ECONNREFUSED, or UV_ENOENT for a path */
  SIM_ROUTE_FAIL,     /* on_connect tells the code */
  SIM_ROUTE_FAIL_NOW, /* connect returns the code */
  SIM_ROUTE_BLACKHOLE /* no answer; UV_ETIMEDOUT after 127 s, as Linux does it */
} sim_route_kind;

void sim_route(sim *s, const char *addr, sim_route_kind kind, int code);

/* Tell of everything that happens on the links: the time, the number of the link, who (the end that
   has connected, or the other), what, and how many bytes. NULL: no more. */
typedef void (*sim_trace_cb)(void *arg, uint64_t now_ns, uint64_t link, bool connector,
                             const char *what, size_t len);
void sim_trace(sim *s, sim_trace_cb cb, void *arg);

/* Something is on its way: bytes, a connection, an answer of a lookup, a deferred call. Timers are
   not. */
bool sim_is_busy(const sim *s);

/* The environments' next accepts fail with this code, as UV_EMFILE, so many of them. */
void sim_accepts_fail(sim *s, size_t count, int code);

#endif
