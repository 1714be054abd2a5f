#ifndef TEST_ACCEPT_RIG_H
#define TEST_ACCEPT_RIG_H

/* A listener of an environment, and clients that connect to it by another environment of the same
   world. Each client sends its number, and each accepted connection sends it back, so that a test
   knows who was accepted, and in which order. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/filter.h"
#include "support/world.h"

enum { RIG_CONNS_MAX = 256, RIG_HELLO = 4 };

struct accept_rig;

/* One end of a connection. */
typedef struct rig_end {
  struct accept_rig *rig;
  ws_filter *f; /* NULL: closed, or never opened */
  struct sockaddr_storage peer;
  size_t number; /* of a client; of an accepted end as it was received */
  char hello[RIG_HELLO];
  size_t got;
  uint8_t memory[RIG_HELLO];
  bool connected; /* of a client: successfully */
  bool answered;  /* the number has come */
  bool failed;    /* connecting, or reading; or it has ended */
} rig_end;

typedef struct accept_rig {
  world *w;
  ws_env *env, *client_env;
  ws_listen_options options;
  ws_listener *l;
  rig_end clients[RIG_CONNS_MAX], accepted[RIG_CONNS_MAX];
  size_t client_count, connected, answered, client_failures;
  size_t accepted_count, received; /* those that have sent their number */
  size_t open;                     /* filters that are not closed */
  size_t pauses, resumes;          /* on_pause with a code; with 0 */
  int pause_status;                /* the latest code */
  void (*at_accept)(struct accept_rig *r, rig_end *end);
  void (*at_pause)(struct accept_rig *r, int status);
} accept_rig;

/* The options are those of a free port on 127.0.0.1. */
void accept_rig_open(accept_rig *r, world *w);
void accept_rig_at(accept_rig *r, const char *addr, uint16_t port); /* in place of it */
int accept_rig_try_listen(accept_rig *r);
void accept_rig_listen(accept_rig *r);
void accept_rig_free_listener(accept_rig *r);
void accept_rig_close(accept_rig *r); /* what is left */

/* Where it listens. */
struct sockaddr_storage accept_rig_address(const accept_rig *r);

/* Begin to connect there, or at another address with the same port. */
rig_end *accept_rig_connect(accept_rig *r);
rig_end *accept_rig_connect_to(accept_rig *r, const char *addr);
/* And wait until it is connected, or has failed. */
rig_end *accept_rig_connect_now(accept_rig *r);

/* Connect so many, one after the other, and wait until all are connected. */
void accept_rig_fill_backlog(accept_rig *r, size_t count);

/* Run until so many have been accepted and have got their numbers. */
void accept_rig_serve(accept_rig *r, size_t count);

void rig_end_close(rig_end *end);

#endif
