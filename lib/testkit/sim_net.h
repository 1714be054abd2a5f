#ifndef WS_TESTKIT_SIM_NET_H
#define WS_TESTKIT_SIM_NET_H

/* The simulated network, as a kernel shows it: sockets that do not block, with bounded buffers, and
   events from the poll. What is above them is sim_filter.c on the client's side and world_sim.c on
   the peer's. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/filter.h"
#include "testkit/sim.h"

typedef struct sim_sock sim_sock;
typedef struct sim_listener sim_listener;

typedef struct sim_sock_events {
  void (*on_connected)(void *up, int status);               /* of who connects; once */
  void (*on_ready)(void *up, bool readable, bool writable); /* some of what is wanted */
} sim_sock_events;

/* Its own address is `local`, unless that is AF_UNSPEC. 0 or a code. */
int sim_sock_connect(sim *s, const struct sockaddr *addr, const struct sockaddr_storage *local,
                     const sim_sock_events *events, void *up, sim_sock **out);

typedef struct sim_listen_spec {
  struct sockaddr_storage addr; /* port 0: one that is free */
  size_t backlog;               /* connections that wait; then SYNs are dropped, and come again */
  bool reuse_port;              /* several listeners have the address; one of them is drawn */
  bool dual_stack;              /* the IPv6 wildcard also takes IPv4 */
} sim_listen_spec;

/* A connection waits to be accepted; called once for each. */
typedef void (*sim_waiting_cb)(void *up);

/* 0 or UV_EADDRINUSE. */
int sim_listen(sim *s, const sim_listen_spec *spec, sim_waiting_cb cb, void *up,
               sim_listener **out);
const struct sockaddr_storage *sim_listener_address(const sim_listener *l);
bool sim_listener_has_waiting(const sim_listener *l);
sim_sock *sim_listener_accept(sim_listener *l); /* NULL: none waits; else to be taken over */
void sim_listener_free(sim_listener *l);        /* those that wait are reset */

/* The addresses of the two ends. */
const struct sockaddr_storage *sim_sock_local(const sim_sock *sock);
const struct sockaddr_storage *sim_sock_peer(const sim_sock *sock);

void sim_sock_take_over(sim_sock *sock, const sim_sock_events *events, void *up);
void sim_sock_want(sim_sock *sock, bool read, bool write);

/* Bytes moved, at least 1; UV_EAGAIN; 0: the end; or an error. */
ptrdiff_t sim_sock_recv(sim_sock *sock, void *data, size_t len);
ptrdiff_t sim_sock_send(sim_sock *sock, const void *data, size_t len);

/* As WS_QUERY_UNACKED: a byte is acknowledged when it has arrived. 0 or UV_ENOTSUP. */
int sim_sock_unacked(const sim_sock *sock, ws_unacked *out);
void sim_sock_set_slow(sim_sock *sock, bool slow); /* as ws_filter_ops.set_slow */

void sim_sock_shutdown(sim_sock *sock); /* FIN behind what was sent */

/* Gone for the caller. What was sent still goes out, then a FIN; but if something has arrived that
   was not read, a reset does, at once, as from a kernel. */
void sim_sock_close(sim_sock *sock);
void sim_sock_reset(sim_sock *sock); /* a reset in any case */

/* From now on nothing leaves this end; or does again. What is under way arrives. */
void sim_sock_stall(sim_sock *sock, bool stall);

/* The same for both ends. */
void sim_sock_stall_both(sim_sock *sock, bool stall);

/* The fault happens to the link of this socket behind so many more bytes of both ways; 0: now. */
void sim_sock_fault(sim_sock *sock, sim_fault fault, uint64_t bytes);

/* The end that has connected, and has this port, in IPv4; NULL: there is none, or it is closed. */
sim_sock *sim_sock_find(sim *s, uint16_t client_port);

/* Called with all bytes that a socket takes from its user. The port is the connecting side's. */
typedef void (*sim_tap_cb)(void *arg, uint16_t client_port, bool from_client, const uint8_t *data,
                           size_t len);
void sim_tap(sim *s, sim_tap_cb cb, void *arg); /* NULL: call nothing */

#endif
