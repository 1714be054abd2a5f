#ifndef WS_NET_DIAL_TUNNEL_DRIVER_H
#define WS_NET_DIAL_TUNNEL_DRIVER_H

/* Drives a machine of a tunnel (base/tunnel.h) over a filter: writes what it gives, feeds it what
   is read. It is no filter itself: when the tunnel is open, the filter is used as it is, so that
   the tunnel costs nothing. */

#include <stdbool.h>

#include "base/tunnel.h"
#include "net/filter.h"

typedef struct tunnel_driver {
  ws_filter *lower;   /* The machine is driven over this filter, which is the caller's. */
  ws_tunnel *machine; /* This is the machine, which is the caller's. */
  const wsuv_allocator_t *alloc; /* This is the allocator for `rest`, and outlives the driver. */
  ws_room room;                  /* It is read into this memory, which is the caller's. */
  /* The end: 0, the tunnel is open, and its first bytes are `rest`, which is valid until this
     returns; or what the machine has returned; or the error of the filter. The filter reads no
     more, and its events may be replaced. The driver is not used any more. */
  void (*on_done)(void *up, int status, ws_view rest);
  void *up;        /* This is the first argument of `on_done`. */
  size_t retained; /* The filter retains this many bytes of the machine's output. */
  bool reading;    /* The filter is reading. */
  int write_error; /* Writing has failed with this error; 0 if it has not failed. */
  /* The driver owns these first bytes of the tunnel, which came before all output was sent; NULL:
     that is not so. */
  uint8_t *rest;
  size_t rest_len; /* `rest` has this many bytes. */
} tunnel_driver;

/* Start over a connected filter that retains nothing and does not read. The machine has output.
   `on_done` runs later, unless the filter is closed before. Returns 0, or the code of the filter:
   then `on_done` does not run. */
int tunnel_driver_start(tunnel_driver *d);

/* Free what a driver owns, before it is started again, or when it was given up or has ended. */
void tunnel_driver_clear(tunnel_driver *d);

/* The connection is given up while the driver waits: the best of what is known of the proxy's
   answer, or WS_EOF. */
int tunnel_driver_give_up(tunnel_driver *d);

#endif
