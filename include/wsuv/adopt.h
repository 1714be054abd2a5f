#ifndef WSUV_ADOPT_H
#define WSUV_ADOPT_H

/**
 * @file wsuv/adopt.h
 * @brief Connections that the program has accepted itself, for instance in an HTTP server of its
 * own.
 *
 * A server (wsuv/server.h) need not listen. The program gives it
 * - a connection of which it has read nothing, or something: wsuv_server_adopt();
 * - a connection with a request that it has parsed: wsuv_server_upgrade(), or, if the connection is
 *   no stream of libuv, wsuv_server_upgrade_transport().
 *
 * From then on everything is as with a connection that came by a listener: the checks, the hook,
 * the responses of refusals, the limits and the times. What these functions return:
 *
 * 0: the server owns the stream. It has stopped the program's reading, it reads, writes and closes
 * the stream, and uses its `data` until @p release_cb. Writes that the program has begun are
 * finished first, their callbacks run, and they may not use the handle's `data`. The memory of the
 * handle stays the program's.
 *
 * An error: the stream is as it was, and still the program's: nothing was written, it is read as
 * before, `data` is the same.
 * - `UV_EINVAL`: the stream is NULL, neither a `uv_tcp_t` nor a `uv_pipe_t`, or of another loop
 *   than the server's; bytes are NULL and their number is not 0;
 * - `UV_ENOTCONN`: the stream is not connected, was shut down, or is being closed;
 * - `UV_ENOTSUP`: the server is one of a testkit (wsuv/testkit.h);
 * - `WSUV_ESTATE`: the server is closing or drains; `UV_ECANCELED`: the program has closed the
 *   server's handles; `UV_ENOMEM`.
 */

#include <stddef.h>

#include <uv.h>

#include <wsuv/export.h>
#include <wsuv/http_request.h>
#include <wsuv/server.h>
#include <wsuv/transport.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @addtogroup servers
 * @{
 */

/**
 * Called from the loop when a stream that a server has taken over is closed: the memory of the
 * handle may be freed, and `data` has its first value. It is called exactly once for each stream
 * that was taken over, whatever became of it: after the `on_close` of its session, or after its
 * refusal; before the callback of wsuv_server_close(). If the program closes the handle itself, it
 * is called once the server is closed.
 * @param stream the handle
 * @param arg as given
 */
typedef void (*wsuv_release_cb)(uv_stream_t *stream, void *arg);

/**
 * Take over a connection that the program has accepted. Its request is read, with TLS if
 * wsuv_config::tls of the server is set.
 * @param server the server
 * @param stream connected; if it is being read, reading is stopped
 * @param received copied: what the program has read of the connection, from the first byte on.
 *        These bytes come first, also if they are TLS records. May be NULL if @p len is 0
 * @param len how many bytes
 * @param release_cb called when the handle is closed; NULL: nothing is called
 * @param arg last argument of @p release_cb
 * @return see above, and what is said of wsuv_config::tls for the functions that listen, such as
 *         `WSUV_ETLS` (wsuv/server.h): the log names the file
 */
WSUV_EXTERN int wsuv_server_adopt(wsuv_server_t *server, uv_stream_t *stream, const void *received,
                                  size_t len, wsuv_release_cb release_cb, void *arg);

/**
 * Take over a connection with a request for an upgrade that the program has parsed, and answer the
 * request. TLS is not used, whatever the configuration says. All requests but those that one of
 * these errors is about are the server's: if it refuses one, it writes the response, and the
 * connection is closed.
 * @param server the server
 * @param stream connected; if it is being read, reading is stopped
 * @param request copied
 * @param rest copied: what the program has read behind the head of the request. May be NULL if
 *        @p len is 0
 * @param len how many bytes
 * @param release_cb called when the handle is closed; NULL: nothing is called
 * @param arg last argument of @p release_cb
 * @return see above, and
 *         `UV_ENOENT`: there is no route for the path and the offered subprotocols;
 *         `WSUV_EUPGRADE`: the request does not ask for a WebSocket
 *         (wsuv_http_request_is_upgrade());
 *         `WSUV_EINVAL_HEADER`: the name of a field is no token, or a value has control bytes
 *         (RFC 9110 5.5);
 *         `UV_EINVAL`: method, target or `headers` are missing, the method is no token, the target
 *         has blanks or control bytes, or a number of the version is above 9;
 *         `WSUV_ESIZE`
 */
WSUV_EXTERN int wsuv_server_upgrade(wsuv_server_t *server, uv_stream_t *stream,
                                    const wsuv_http_request_t *request, const void *rest,
                                    size_t len, wsuv_release_cb release_cb, void *arg);

/**
 * The same over a connection whose bytes the program moves (wsuv/transport.h): for programs with
 * TLS of their own. When this succeeds, the connection is the server's until
 * wsuv_transport_closed(), and nothing else is released. When it fails, no function of @p ops was
 * called.
 * @param server the server
 * @param ops copied
 * @param data first argument of all functions of @p ops
 * @param request copied
 * @param rest copied: what the program has read behind the head of the request. May be NULL if
 *        @p len is 0
 * @param len how many bytes
 * @param[out] transport for the functions of wsuv/transport.h
 * @return as wsuv_server_upgrade(), but for the stream; `UV_EINVAL`, too: @p transport is NULL, or
 * a function of @p ops is missing
 */
WSUV_EXTERN int wsuv_server_upgrade_transport(wsuv_server_t *server,
                                              const wsuv_transport_ops_t *ops, void *data,
                                              const wsuv_http_request_t *request, const void *rest,
                                              size_t len, wsuv_transport_t **transport);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
