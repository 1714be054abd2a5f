#ifndef WSUV_TRANSPORT_H
#define WSUV_TRANSPORT_H

/**
 * @file wsuv/transport.h
 * @brief Connections that are no streams of libuv: the program moves the bytes.
 *
 * For programs that have TLS of their own, or tunnels, or pipes in memory. A session is opened over
 * such a transport by wsuv_connect_transport() (wsuv/session.h) or wsuv_server_upgrade_transport()
 * (wsuv/adopt.h). The program gives a table of functions, which the library calls, and calls the
 * functions below when something has happened.
 *
 * What holds for both sides:
 * - Everything happens on the loop's thread.
 * - The library calls the functions of the table from the loop or inside of calls of the program's
 *   such as wsuv_send_text(), but never inside of the functions below. Inside of the one that makes
 *   the transport, only `peer_address` is called.
 * - Inside of `write`, `read`, `shutdown` and `close` the program may pause and resume sessions,
 * and `read` may then be called inside of the other function. It may end sessions, clients and
 *   servers, also the session of this transport: then `close` is called inside of the other
 *   function, before that returns. What `write` returns still counts for its pieces: memory that it
 *   has kept is used until wsuv_transport_closed(). Inside of `write` the session of this transport
 *   may not be sent to. `peer_address` calls nothing of the library.
 * - The functions below may be called at any time, also inside of the functions of the table and of
 *   any callback. They only note what has happened; callbacks of the session come from the loop.
 * - They return 0, or `WSUV_ESTATE` if it was not the time for them; then they have no effect.
 * - The transport is the library's. Its pointer is valid until the program has called
 *   wsuv_transport_closed() after the function `close` of the table.
 */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <wsuv/export.h>

struct sockaddr_storage;

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @addtogroup sessions
 * @{
 */

/** The library's end of a connection whose bytes the program moves; opaque. */
typedef struct wsuv_transport wsuv_transport_t;

/** Bytes to be written. */
typedef struct wsuv_piece {
  const void *data; /**< The first byte; it is not NULL. */
  size_t len;       /**< The number of bytes; it is not 0. */
} wsuv_piece_t;

enum {
  /** wsuv_transport_ops::write returns this when wsuv_transport_written() will be called. */
  WSUV_TRANSPORT_LATER = 1,
  /** At most so many bytes are written by one call. */
  WSUV_TRANSPORT_WRITE_MAX = 64 * 1024,
  /** At most so many bytes may be received that the session has not taken yet. */
  WSUV_TRANSPORT_RECEIVED_MAX = 1024 * 1024
};

/**
 * The functions of a transport. Fill in an empty table with wsuv_transport_ops_init(). It is
 * copied. @p data is the pointer that was given with it.
 */
typedef struct wsuv_transport_ops {
  size_t size; /**< `sizeof(wsuv_transport_ops_t)` of the caller. */
  /**
   * The bytes are protected already: a client's session to a `wss` URL needs no TLS of the
   * library's. Default false: TLS is put over the transport. A server never puts TLS over it; for
   * it, this decides about the scheme in wsuv_upgrade_origin() and wsuv_session_origin().
   */
  bool secure;
  /**
   * Write these pieces, in this order, #WSUV_TRANSPORT_WRITE_MAX bytes at most in all.
   * - 0: they are copied or written, and the memory is not needed any more. The next call may
   *   follow at once, so return 0 only as long as more can be taken.
   * - #WSUV_TRANSPORT_LATER: the memory is used, and stays unchanged, until the program calls
   *   wsuv_transport_written(), or after `close` wsuv_transport_closed(). Until then this function
   *   is not called again: that is how a slow connection slows the session down. It may be called
   *   inside of this function, too.
   * - A negative code of libuv: nothing can be written any more. What was received is read
   *   nevertheless.
   */
  int (*write)(void *data, const wsuv_piece_t *pieces, size_t count);
  /**
   * Read (true), or stop (false). At first nothing is to be read. What comes is given to
   * wsuv_transport_received(). Bytes that come after a stop are kept up to
   * #WSUV_TRANSPORT_RECEIVED_MAX, so it need not take effect at once.
   */
  void (*read)(void *data, bool on);
  /**
   * End our direction behind all that was written: FIN, or the close_notify of TLS. Nothing is
   * written afterwards. NULL: it is ended by `close` only.
   */
  void (*shutdown)(void *data);
  /**
   * Close the connection; what was not written is dropped. No function of the table is called any
   * more. The program calls wsuv_transport_closed(), now or later. It is called exactly once.
   */
  void (*close)(void *data);
  /**
   * Set *addr to the peer's address, as `getpeername` does, for limits, logs and
   * wsuv_session_peer_address(). It may be asked several times until `close`. 0; or a negative
   * code: there is none. NULL: there is none.
   */
  int (*peer_address)(void *data, struct sockaddr_storage *addr);
} wsuv_transport_ops_t;

/** Fill in an empty table. `write`, `read` and `close` must be set. */
static inline void wsuv_transport_ops_init(wsuv_transport_ops_t *ops) {
  memset(ops, 0, sizeof(*ops));
  ops->size = sizeof(*ops);
}

/**
 * Bytes have come from the peer.
 * @param transport the transport
 * @param data copied
 * @param len how many; 0 has no effect
 * @return 0;
 *         `WSUV_ESTATE`: after wsuv_transport_ended() or the function `close`;
 *         `UV_ENOBUFS`: there would be more than #WSUV_TRANSPORT_RECEIVED_MAX, because the program
 *         has not stopped; `UV_ENOMEM`. After these two nothing was taken: call it again later, or
 *         end the connection by wsuv_transport_ended() with the code
 */
WSUV_EXTERN int wsuv_transport_received(wsuv_transport_t *transport, const void *data, size_t len);

/**
 * No more bytes will come. What was received before is read first.
 * @param transport the transport
 * @param status 0 or `UV_EOF`: the peer has ended its direction in order; another negative code:
 * the connection is lost, such as `UV_ECONNRESET`
 * @return 0; `WSUV_ESTATE`: it was called before, or the function `close` was
 */
WSUV_EXTERN int wsuv_transport_ended(wsuv_transport_t *transport, int status);

/**
 * What wsuv_transport_ops::write has kept (#WSUV_TRANSPORT_LATER) is written. Report it before the
 * bytes with which the peer answers: a close frame whose writing was not reported counts as not
 * sent.
 * @param transport the transport
 * @param status 0; or a negative code: nothing can be written any more
 * @return 0; `WSUV_ESTATE`: nothing is kept, or it was called already, or the function `close` was
 */
WSUV_EXTERN int wsuv_transport_written(wsuv_transport_t *transport, int status);

/**
 * The connection is closed, as wsuv_transport_ops::close has asked for. Neither the data of the
 * program nor the memory of pieces is used any more, and the transport is gone. The session's
 * `on_close` follows from the loop.
 * @return 0; `WSUV_ESTATE`: the function `close` was not called yet
 */
WSUV_EXTERN int wsuv_transport_closed(wsuv_transport_t *transport);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
