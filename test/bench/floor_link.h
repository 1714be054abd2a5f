#ifndef FLOOR_LINK_H
#define FLOOR_LINK_H

/* A TCP connection on bare libuv, in clear or over TLS. What one turn produces is gathered in one
   buffer for all links, and written by one call. An error of our own ends the program. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "floor_tls.h"

typedef struct floor_link floor_link;

/* What the owner of a link does. */
typedef struct floor_link_calls {
  void (*on_ready)(floor_link *l); /* connected, and shaken hands; NULL: nothing */
  /* Bytes have come; `p` is valid until it returns, and may be written to. */
  void (*on_data)(floor_link *l, uint8_t *p, size_t n);
  void (*on_written)(floor_link *l); /* all of what had to wait was written; NULL: nothing */
  void (*on_end)(floor_link *l);     /* the connection has ended, and the link is closed */
} floor_link_calls;

struct floor_link {
  uv_tcp_t tcp;
  const floor_link_calls *calls;
  const floor_tls_library *library; /* NULL: no TLS */
  floor_tls *tls;
  bool ready;
  /* The bytes that come next are read to here, if `into_len` is not 0, and `tls` is NULL. */
  uint8_t *into;
  size_t into_len;
  struct floor_rest *writing; /* This is what the kernel has not taken; NULL: it has taken all. */
};

/* Connect to a port of 127.0.0.1. */
void floor_link_connect(floor_link *l, uv_loop_t *loop, int port, const floor_link_calls *calls,
                        const floor_tls_library *library);

/* Accept a connection. */
void floor_link_accept(floor_link *l, uv_stream_t *listener, const floor_link_calls *calls,
                       const floor_tls_library *library, const char *cert, const char *key);

/* Room for n bytes to be sent, which floor_link_add adds; floor_link_flush writes all. No other
   link may be used in between. */
uint8_t *floor_link_room(size_t n);
void floor_link_add(size_t n);
void floor_link_flush(floor_link *l);

/* Write bytes, which are copied only if the kernel does not take them. Nothing may be gathered. */
void floor_link_write(floor_link *l, const uint8_t *p, size_t n);

#endif
