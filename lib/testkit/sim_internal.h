#ifndef WS_TESTKIT_SIM_INTERNAL_H
#define WS_TESTKIT_SIM_INTERNAL_H

/* What the files of the simulation share. */

#include "base/list.h"
#include "testkit/sim.h"
#include "testkit/sim_queue.h"

/* Something that happens in the next turn, once; in the list sim.deferred. */
typedef struct sim_call {
  ws_list node;
  void (*run)(void *data);
  void *data;
} sim_call;

struct sim {
  uint64_t seed;
  uint64_t chance, bytes; /* states of two generators */
  uint64_t now_ns;
  uint64_t seq;
  uint64_t polls;
  uint64_t turns_now; /* without time going on */
  sim_queue timers;
  sim_queue wires; /* what is under way in the network */
  sim_queue net;   /* what a poll for I/O brings */
  ws_list deferred;
  ws_list names, routes, listeners, links;
  sim_profile profile;
  sim_host *host; /* This turns the machine; NULL: it has a time of its own. */
  size_t envs, filters, lookups;
  size_t writing; /* So many filters retain memory. */
  uint16_t last_port;
  size_t client_ports; /* chosen so far */
  uint64_t links_made;
  sim_trace_cb trace;
  void *trace_arg;
  size_t accepts_to_fail; /* of the environments' listeners */
  int accept_error;
  bool random_fails;
  /* Sees what sockets take: a sim_tap_cb of sim_net.h, or NULL. */
  void (*tap)(void *arg, uint16_t client_port, bool from_client, const uint8_t *data, size_t len);
  void *tap_arg;
};

/* The time by which something that is done now is timed. `now_ns` is that of the turn. */
static inline uint64_t sim_now(const sim *s) {
  return s->host != NULL ? s->host->now_ns(s->host) : s->now_ns;
}

static inline void sim_note_work(sim *s) {
  if (s->host != NULL) s->host->on_work(s->host);
}

/* sim_machine.c */
void sim_event_set(sim *s, sim_queue *q, sim_event *e, uint64_t when_ns); /* queue or move */
void sim_event_soon(sim *s, sim_event *e);                                /* at the next poll */

/* sim_addr.c */
typedef struct sockaddr_storage sim_addr;
bool sim_addr_parse(sim_addr *addr, const char *literal, uint16_t port);
bool sim_addr_equal(const struct sockaddr *a, const struct sockaddr *b, bool ports);
socklen_t sim_addr_len(const struct sockaddr *addr);
uint16_t sim_addr_port(const struct sockaddr *addr);
void sim_addr_set_port(sim_addr *addr, uint16_t port);
bool sim_addr_is_any(const struct sockaddr *addr); /* a wildcard */
void sim_addr_map(sim_addr *addr);                 /* IPv4 as IPv6 (RFC 4291 2.5.5.2) */

/* sim_lookup.c, for sim_env.c */
typedef struct sim_env sim_env;
int sim_lookup_start(ws_env *head, const char *host, uint16_t port, ws_lookup_cb cb, void *data,
                     ws_lookup **out);
void sim_lookup_cancel(ws_lookup *lookup);
/* for sim_make.c */
void sim_names_init(sim *s);
void sim_names_free(sim *s);

/* sim_filter.c, for sim_env.c */
int sim_filter_connect(ws_env *head, const struct sockaddr *addr, const ws_socket_options *options,
                       const struct ws_filter_events *events, void *up, struct ws_filter **out);

/* sim_filter.c, for sim_listen.c. As sim_listener_accept; 0, UV_EAGAIN or WS_ENOMEM. */
struct sim_listener;
int sim_filter_accept(sim_env *env, struct sim_listener *l, struct ws_filter **out,
                      struct sockaddr_storage *peer);

/* sim_listen.c, for sim_env.c */
int sim_listen_start(ws_env *env, const ws_listen_options *options,
                     const ws_listener_events *events, void *up, ws_listener **out);
int sim_listen_address(const ws_listener *l, struct sockaddr_storage *addr);
int sim_listen_fd(const ws_listener *l);
void sim_listen_free(ws_listener *l);

/* sim_net.c, for sim_make.c */
void sim_net_init(sim *s);
void sim_net_free(sim *s);

/* sim_env_state.c, for all that an environment makes, and for loop_env.c, whose environments are
 * these with other operations */
struct sim_env {
  ws_env head;
  sim *s;
  size_t timers, deferred, lookups, filters, closing_filters, listeners, closing_listeners;
  bool closing;
  bool held;               /* the loop is to go on */
  struct sim_sock *socket; /* of the connection begun last; NULL: it was closed */
  bool stalls;             /* the next connection does */
  sim_fault fault;         /* of the next connection; SIM_FAULTS: none */
  uint64_t fault_bytes;
  ws_env_cb on_close;
  void *data;
  sim_event closed;
};
sim_env *sim_env_of(ws_env *env); /* it is not closing */
void sim_env_init(sim_env *env, const ws_env_ops *ops, sim *s, const wsuv_allocator_t *alloc);
int sim_env_random(ws_env *env, void *buf, size_t len);
int64_t sim_env_clock_s(ws_env *env);
void sim_env_settle(sim_env *env); /* something of it has ended: perhaps it can be freed */
/* ws_env_ops.close, with the function that is called from the loop when all of it has ended. That
   frees the environment, now or later: sim_env_free does it, and calls `cb`. */
void sim_env_end(sim_env *env, void (*on_ended)(void *env), ws_env_cb cb, void *data);
void sim_env_free(void *env);

#endif
