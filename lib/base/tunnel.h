#ifndef WS_BASE_TUNNEL_H
#define WS_BASE_TUNNEL_H

/* How a proxy is asked for a tunnel, as a machine without I/O: it gives the bytes to be sent and
   takes those that come. lib/proto/tunnel has a machine for each protocol; who drives one does not
   know which it is:

     send what tunnel_output gives, whenever there is some, and report it with tunnel_sent;
     feed what the proxy sends, until the result is not 0.

   Output may be sent at once, before what was fed is answered, and grows by feeding. */

#include <stddef.h>
#include <stdint.h>

#include <wsuv/config.h>

#include "base/text_buf.h"
#include "base/view.h"
#include "base/why.h"

typedef struct ws_tunnel ws_tunnel;

/* What a proxy has answered instead of making a tunnel. Valid until the machine is called. */
typedef struct ws_tunnel_refusal {
  int status;                   /* This is the status of an HTTP response; 0: there is none. */
  const wsuv_header_t *headers; /* These are the header fields of the response. */
  size_t header_count;          /* There are this many; 0, too, if there is no memory. */
  ws_view body;                 /* These are the first bytes of the body of the response. */
} ws_tunnel_refusal;

typedef struct ws_tunnel_ops {
  /* The caller should read at most this many bytes next, at least 1. */
  size_t (*most)(const ws_tunnel *t);

  /* Take bytes of the proxy; len may be 0, but data is not NULL. *used says how many belong to it:
     when 1 is returned, those behind them are the first ones of the tunnel. 1: the tunnel is open,
     as soon as all output is sent; 0: more is needed; WS_EAGAIN: close the connection, make a new
     one to the proxy, and call `restart`; WSUV_EPROXY: the proxy refused, or its answer is
     malformed; WSUV_EPROXYAUTH: it does not accept the credentials, or wants some; WSUV_EPROXYDNS:
     it could not look up the name; WS_ENOMEM; a code of a hash function. After anything but 0 and
     WS_EAGAIN it may not be called again, and after WS_EAGAIN only when `restart` was. */
  int (*feed)(ws_tunnel *t, const uint8_t *data, size_t len, size_t *used);

  /* The connection has ended while more was needed. WS_EOF, or a code of `feed`. */
  int (*eof)(ws_tunnel *t);

  /* Begin again on a new connection. 0; WS_ENOMEM; a code of a hash function. NULL:
     `feed` never returns WS_EAGAIN. */
  int (*restart)(ws_tunnel *t);

  /* What the proxy has answered, after an error. */
  void (*refusal)(ws_tunnel *t, ws_tunnel_refusal *refusal);

  void (*free)(ws_tunnel *t);
} ws_tunnel_ops;

/* The head of every machine. */
struct ws_tunnel {
  const ws_tunnel_ops *ops; /* These are the functions of the machine, in a static table. */
  text_buf output;          /* This is to be sent; it may have secrets. */
  size_t sent;              /* This many bytes of `output` are sent. */
  ws_why detail;            /* After an error, this says what was wrong. */
};

/* For a machine that is made. */
void tunnel_init(ws_tunnel *t, const ws_tunnel_ops *ops, const wsuv_allocator_t *alloc);

/* What is to be sent next; len 0: nothing. Valid until the machine is called. */
ws_view tunnel_output(const ws_tunnel *t);

/* The first n bytes of that are sent. */
void tunnel_sent(ws_tunnel *t, size_t n);

#endif
