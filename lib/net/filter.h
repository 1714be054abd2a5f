#ifndef WS_NET_FILTER_H
#define WS_NET_FILTER_H

/* A byte transport: one filter, or a chain of them with the socket at the bottom. Bytes and events
   go up through ws_filter_events, calls go down through ws_filter_ops. It knows nothing of
   WebSocket.

   Obligations of an implementer:
   - No event runs inside a call from above; all run from the loop.
   - on_connect comes first, once: 0 or a negative code. After a code there is only `close` left.
   - Between read_start and read_stop each piece read is announced by on_alloc, then delivered by
     on_read with 1 to len bytes at the memory that on_alloc gave (on_alloc without on_read may
     happen). The end comes as on_read with WS_EOF, an error as on_read with its code; after
     either there is no more on_read.
   - Inside on_read every call may be made, close included; after close nothing but on_close comes.
   - on_close is the last event; the filter frees itself when it returns.
   - What `query` is asked and the filter does not know, it asks the filter below. The filter at the
     bottom answers WS_ENOTSUP. Nobody casts a filter to learn something of it. */

#include <stddef.h>
#include <stdint.h>

#include "base/view.h"

typedef struct ws_filter ws_filter;

enum { WS_FILTER_RETAIN_MAX = 64 * 1024 }; /* bytes that a write holds at most */

typedef struct ws_filter_events {
  void (*on_connect)(void *up, int status);
  /* Give memory to read into: at least one byte. It is the caller's, and used at once or never. */
  void (*on_alloc)(void *up, ws_room *buf);
  /* n bytes at `data`, or n < 0: WS_EOF or an error. */
  void (*on_read)(void *up, uint8_t *data, ptrdiff_t n);
  /* What was retained has been taken (0), or writing has failed: nothing more can be written. */
  void (*on_write)(void *up, int status);
  void (*on_close)(void *up);
  /* Bytes have come, though they may be no whole piece yet; NULL: it does not matter. Told by
     filters that wait for whole records; nothing may be called. */
  void (*on_bytes)(void *up);
} ws_filter_events;

/* What a chain of filters can be asked. */
typedef enum ws_filter_query {
  WS_QUERY_LOCAL_ADDRESS, /* struct sockaddr_storage: our end of the socket at the bottom */
  WS_QUERY_PEER_ADDRESS,  /* struct sockaddr_storage: its other end */
  WS_QUERY_TLS            /* tls_info (net/tls/tls_info.h): what was agreed upon, what failed */
} ws_filter_query;

typedef struct ws_filter_ops {
  int (*read_start)(ws_filter *f); /* 0 or a code */
  void (*read_stop)(ws_filter *f); /* idempotent */

  /* Write as much as goes now. *taken bytes are done with; of the rest, up to WS_FILTER_RETAIN_MAX
     bytes (*retained; more than 0 unless all was taken) stay in the caller's memory, which may not
     change before on_write reports. Not called while bytes are retained, nor after shutdown.
     0, or a code: nothing more can be written, and nothing of this call is retained. */
  int (*write)(ws_filter *f, const ws_view *bufs, size_t count, size_t *taken, size_t *retained);

  /* End our direction behind what was taken; no event. Not while bytes are retained. */
  void (*shutdown)(ws_filter *f);

  /* Fill in *out, whose type `what` decides. 0; WS_ENOTSUP: no filter of the chain knows it; or
     another code. Without side effects. It may be asked from on_connect on, whatever that said,
     and is answered until on_close returns; only the addresses need a connection that was made and
     not closed. Pointers in *out are valid until the filter is called, or calls, again. */
  int (*query)(const ws_filter *f, ws_filter_query what, void *out);

  /* Drop the connection and everything retained, at any time, once. Memory that is retained stays
     untouched by others until on_close. */
  void (*close)(ws_filter *f);
} ws_filter_ops;

/* The head of every filter. */
struct ws_filter {
  const ws_filter_ops *ops;
  const ws_filter_events *events; /* of whoever is above; may be exchanged from on_connect on */
  void *up;
};

#endif
