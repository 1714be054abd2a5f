#ifndef WS_NET_FILTER_H
#define WS_NET_FILTER_H

/* A byte transport: one filter, or a chain of filters with the socket at the bottom. Bytes and
   events go up through ws_filter_events, calls go down through ws_filter_ops. A filter knows
   nothing of WebSocket.

   Obligations of an implementer:

   - No event runs inside a call from above; all run from the loop.
   - on_connect comes first, once: 0 or a negative code. After a code only `close` and `query` may
   be called.
   - Between read_start and read_stop each piece is announced by on_alloc, then delivered by on_read
     with 1 to len bytes in the memory that on_alloc gave (on_alloc without on_read may happen). The
     end comes as on_read with WS_EOF, an error as on_read with its code; after either on_read comes
     no more.
   - Inside on_read every call may be made, close included; after close only on_close comes.
   - read_start, read_stop, write and shutdown may close the filter while they run: if the program
     moves the bytes (net/transport.h), its functions may end what uses the filter. Then read_start
     returns WS_ECANCELED, and so does write, unless it has retained something. For the same reason
     read_start and read_stop may be called inside each other and inside write; the call that was
     made last counts.
   - on_close is the last event; the filter frees itself when it returns.
   - A filter passes a `query` that it does not know to the filter below. The filter at the bottom
     answers WS_ENOTSUP. Nobody casts a filter to learn something about it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"

typedef struct ws_filter ws_filter;

enum { WS_FILTER_RETAIN_MAX = 64 * 1024 }; /* bytes that a write retains at most */

typedef struct ws_filter_events {
  /* The filter can be used (0), or connecting has failed with a code. */
  void (*on_connect)(void *up, int status);
  /* Give memory to read into, at least one byte. It is the caller's, and is used at once or
     never. */
  void (*on_alloc)(void *up, ws_room *buf);
  /* `n` bytes have come and are at `data`, or `n` is negative: WS_EOF or an error. */
  void (*on_read)(void *up, uint8_t *data, ptrdiff_t n);
  /* What was retained is written (0), or writing has failed: nothing more can be written. */
  void (*on_write)(void *up, int status);
  /* The filter is closed, and frees itself when this returns. */
  void (*on_close)(void *up);
  /* Bytes have come that may not be a whole record yet. NULL: not wanted. Called by filters that
     wait for whole records; nothing may be called inside it. */
  void (*on_bytes)(void *up);
  /* After on_connect the peer has given a TLS session that can be resumed. NULL: not wanted. Only
     `query` may be called inside it. */
  void (*on_session)(void *up);
} ws_filter_events;

/* What a filter can be asked. */
typedef enum ws_filter_query {
  WS_QUERY_LOCAL_ADDRESS, /* struct sockaddr_storage: the local address of the socket */
  WS_QUERY_PEER_ADDRESS,  /* struct sockaddr_storage: the peer's address */
  WS_QUERY_UNACKED,       /* ws_unacked: what the peer has not acknowledged; one system call */
  WS_QUERY_CREDENTIALS,   /* ws_credentials: the process at the other end; one system call */
  WS_QUERY_TLS,           /* tls_info (net/tls/tls_info.h): what was negotiated, what failed */
  WS_QUERY_OVER_TLS,      /* nothing: whether this filter, or one below it, is TLS */
  /* int: a new descriptor of the socket, which belongs to the caller, and works on after `close`;
     WS_ENOTSUP if what goes over the socket is not what goes through the filter, or if the filter
     has bytes of it that were not delivered; WS_EAGAIN if bytes that were written by others before
     have not left. */
  WS_QUERY_DESCRIPTOR
} ws_filter_query;

/* The answer to WS_QUERY_UNACKED. Only the filter at the bottom knows it, so under TLS these are
   bytes of ciphertext. */
typedef struct ws_unacked {
  uint64_t written; /* The system has taken this many bytes since the filter was made. */
  /* At most this many of them are not acknowledged by the peer yet, and 0 means that all are. It
     can be more than `written`: of a Unix socket it is the memory that the bytes occupy. */
  uint64_t unacked;
} ws_unacked;

/* The answer to WS_QUERY_CREDENTIALS: the process that connected, or the one that listened. */
typedef struct ws_credentials {
  int64_t pid;       /* This is the number of the process; -1: the system does not say. */
  uint32_t uid, gid; /* These are its effective user and group. */
} ws_credentials;

/* What `set_slow` has changed. Its caller has the memory, so that a connection that is not slow
   needs none. */
typedef struct ws_slowed {
  bool changed; /* The system was told to take less. */
  int before;   /* This is the system's setting from before, if `changed` is set. */
} ws_slowed;

typedef struct ws_filter_ops {
  /* Start to read. Returns 0 or a code. */
  int (*read_start)(ws_filter *f);
  /* Stop reading. It has no effect if the filter does not read. */
  void (*read_stop)(ws_filter *f);

  /* Write as much as possible now. *taken bytes are done with. Of the rest up to
     WS_FILTER_RETAIN_MAX bytes are retained (*retained; more than 0 unless all was taken): they
     stay in the caller's memory, which may not change before on_write. Not called while bytes are
     retained, nor after shutdown. Returns 0; or a code: nothing more can be written, and nothing of
     this call is retained. */
  int (*write)(ws_filter *f, const ws_view *bufs, size_t count, size_t *taken, size_t *retained);

  /* Write what the system takes at once. The memory is the caller's again when this returns.
     Returns the number of bytes that were taken, or a code, as `write`, and may be called when that
     may be. NULL: the filter has no such function. */
  ptrdiff_t (*try_write)(ws_filter *f, const ws_view *bufs, size_t count);

  /* The connection is slow (true), or nothing waits to be written any more (false). While it is
     slow, the system takes hardly more bytes than it can send soon, where it can be told so: then
     what is written next leaves soon, too. It may be called while bytes are retained. The filter
     keeps in *slowed what it has changed, until the next call, which is with false. */
  void (*set_slow)(ws_filter *f, bool slow, ws_slowed *slowed);

  /* End our direction after all that was taken. No event follows. Not called while bytes are
     retained. */
  void (*shutdown)(ws_filter *f);

  /* Fill in *out, whose type depends on `what`. Returns 0; WS_ENOTSUP: no filter of the chain knows
     it; or another code. It has no side effects. It may be called from on_connect until on_close
     returns, even if on_connect reported an error; the addresses need a connection. Pointers in
     *out are valid until the filter is called or calls an event. */
  int (*query)(const ws_filter *f, ws_filter_query what, void *out);

  /* Close the connection and drop all retained bytes. It is called once, at any time. The memory of
     the retained bytes must stay unchanged until on_close. */
  void (*close)(ws_filter *f);
} ws_filter_ops;

/* The head of every filter. */
struct ws_filter {
  const ws_filter_ops *ops; /* These are the filter's own functions, in a static table. */
  /* These are the functions of the layer above; they may be replaced after on_connect. */
  const ws_filter_events *events;
  void *up; /* This is the first argument of all events, and belongs to the layer above. */
};

#endif
