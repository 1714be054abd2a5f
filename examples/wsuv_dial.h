#ifndef EXAMPLES_WSUV_DIAL_H
#define EXAMPLES_WSUV_DIAL_H

/* A connection that is being made: to the first address of a host that takes it, or to a Unix
   socket. */

#include <stdbool.h>
#include <uv.h>

#include "wsuv_endpoint.h"

typedef struct dial dial;

typedef struct dial_events {
  /* It is connected: 0; or the code of the last address. Not after dial_close(). */
  void (*on_done)(dial *d, int status);
  /* Its handle is closed: the structure is not used any more. */
  void (*on_gone)(dial *d);
} dial_events;

/* Zeroed, but for the first two. The structure stays where it is until on_gone() has been called.
 */
struct dial {
  const dial_events *events;
  void *up;
  uv_loop_t *loop;
  uv_getaddrinfo_t lookup;
  uv_connect_t request;
  struct addrinfo *addresses;  /* to be freed */
  const struct addrinfo *next; /* to be tried */
  union {
    uv_handle_t handle;
    uv_stream_t stream; /* its `data` is free to use when it is connected */
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } socket;
  int status;   /* of the last address */
  bool looking; /* the lookup is under way */
  bool has_handle;
  bool is_tcp;
  bool closed; /* dial_close() was called */
};

/* Begin. 0; or a code, and no callback runs. */
int dial_start(dial *d, uv_loop_t *loop, const endpoint *to);

/* Close the connection, at any stage; with `reset`, so that the peer does not take it for the end
   of what is sent. on_gone() follows, or is called before this returns. 0; or UV_EBUSY: the lookup
   has begun and cannot be stopped, so that on_gone() comes when it ends. */
int dial_close(dial *d, bool reset);

#endif
