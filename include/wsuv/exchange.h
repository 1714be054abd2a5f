#ifndef WSUV_EXCHANGE_H
#define WSUV_EXCHANGE_H

/**
 * @file wsuv/exchange.h
 * @brief Requests that a server's program answers itself: plain HTTP beside WebSocket.
 *
 * A page, a health check or a list of figures can come from the port of the WebSockets. Without
 * wsuv_server_on_request(), what is no request for an upgrade is refused, with 404, 405 or 426.
 *
 * With it, the program gets each request that is not for a WebSocket: any method and any path, also
 * one that has a route; every request with HTTP/1.0, in which `Upgrade` has no meaning
 * (RFC 9110 7.8). These are refused before: what is malformed, or could be understood in two ways
 * (RFC 9112 6.3, 11.2), a target that is no path (`OPTIONS *`, `CONNECT`), and another host than
 * one of wsuv_config::hosts; a request of HTTP/1.0 may have no host. `Origin` is not checked: pages
 * of other hosts can send simple requests, such as GET and the POST of a form, without a preflight,
 * but cannot read the response unless its fields allow it (CORS). So a program that changes
 * something because of a plain request has to look at `Origin` itself.
 *
 * Connections persist (RFC 9112 9.3): requests of one connection are given to the program one after
 * the other, each when the response to the last one has left, so responses are in order; an upgrade
 * may follow. A connection ends with the response to its #WSUV_EXCHANGE_REQUESTS_MAX-th request, to
 * one with a body, or to one of HTTP/1.0 that does not ask for `keep-alive`.
 * wsuv_config::handshake_timeout_ms is the time for a request and its answer, for the peer to take
 * the response, and for waiting between two requests, each. The program may owe as many answers as
 * there may be wsuv_config::max_handshakes, and of one address as many as
 * wsuv_config::max_handshakes_per_address; beyond it, requests get 503.
 */

#include <stdbool.h>
#include <stddef.h>

#include <wsuv/config.h>
#include <wsuv/export.h>
#include <wsuv/server.h>
#include <wsuv/tls.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @addtogroup servers
 * @{
 */

/** A request that is not for a WebSocket, and that was not answered yet; opaque. */
typedef struct wsuv_exchange wsuv_exchange_t;

/** The body of a response may have this many bytes. */
#define WSUV_EXCHANGE_BODY_MAX ((size_t) 65536)

/** A connection may have this many requests. */
#define WSUV_EXCHANGE_REQUESTS_MAX 100

/**
 * Called with a request. The program owes each exchange exactly one answer, in the hook or later:
 * wsuv_exchange_respond(), wsuv_exchange_decline() or wsuv_exchange_detach(). The exchange and
 * everything that is read from it are valid until then, whatever happens to the peer or the server
 * meanwhile. A hook that returns without an answer has kept the exchange.
 * @param exchange the request
 */
typedef void (*wsuv_exchange_cb)(wsuv_exchange_t *exchange);

/**
 * Let @p cb answer the requests that are not for a WebSocket. It holds for connections that are
 * accepted later, and for requests that follow others on the same connection. NULL (at first): they
 * are refused.
 */
WSUV_EXTERN void wsuv_server_on_request(wsuv_server_t *server, wsuv_exchange_cb cb);

/** @name What an exchange asks for
 * As the functions of an upgrade (wsuv/server.h). Strings are valid until the exchange is answered.
 * @{ */

/** The server that the request came to; NULL: it is gone. */
WSUV_EXTERN wsuv_server_t *wsuv_exchange_server(const wsuv_exchange_t *exchange);

/** The method, such as "GET"; its case counts (RFC 9110 9.1). Never NULL. */
WSUV_EXTERN const char *wsuv_exchange_method(const wsuv_exchange_t *exchange);

/**
 * The path of the target, without the query, as sent: it may have percent-escapes, and "." and ".."
 * among its segments. It begins with "/". Never NULL.
 */
WSUV_EXTERN const char *wsuv_exchange_path(const wsuv_exchange_t *exchange);

/** The target of the request: path and query, as sent (RFC 9112 3.2). Never NULL. */
WSUV_EXTERN const char *wsuv_exchange_target(const wsuv_exchange_t *exchange);

/** As wsuv_upgrade_query(). */
WSUV_EXTERN const char *wsuv_exchange_query(wsuv_exchange_t *exchange, const char *name);

/** As wsuv_upgrade_header(). */
WSUV_EXTERN const char *wsuv_exchange_header(const wsuv_exchange_t *exchange, const char *name);

/** As wsuv_upgrade_headers(). */
WSUV_EXTERN const wsuv_header_t *wsuv_exchange_headers(wsuv_exchange_t *exchange, size_t *count);

/**
 * Whether a body follows the head of the request (RFC 9112 6.3). The library does not read it: the
 * response may be 413 or 405, after which the connection ends, or the program reads it from the
 * descriptor that wsuv_exchange_detach() returns.
 */
WSUV_EXTERN bool wsuv_exchange_has_body(const wsuv_exchange_t *exchange);

/** As wsuv_upgrade_peer_address(). */
WSUV_EXTERN int wsuv_exchange_peer_address(const wsuv_exchange_t *exchange,
                                           struct sockaddr_storage *addr);

/** As wsuv_session_peer_credentials(). */
WSUV_EXTERN int wsuv_exchange_peer_credentials(const wsuv_exchange_t *exchange,
                                               wsuv_credentials_t *credentials);

/** As wsuv_upgrade_origin(): it may be another client for each request of a proxy's connection. */
WSUV_EXTERN int wsuv_exchange_origin(const wsuv_exchange_t *exchange, wsuv_origin_t *origin);

/** As wsuv_upgrade_trusted_header(). */
WSUV_EXTERN const char *wsuv_exchange_trusted_header(const wsuv_exchange_t *exchange,
                                                     const char *name);

/** As wsuv_upgrade_tls(). */
WSUV_EXTERN int wsuv_exchange_tls(const wsuv_exchange_t *exchange, wsuv_tls_info_t *info);

/** Attach a pointer that belongs to the program. */
WSUV_EXTERN void wsuv_exchange_set_data(wsuv_exchange_t *exchange, void *data);

/** The pointer that was attached; NULL at first. */
WSUV_EXTERN void *wsuv_exchange_data(const wsuv_exchange_t *exchange);

/**
 * Call @p cb, once and from the loop, when an answer has probably become useless: the peer is gone,
 * the deadline has passed, or the server closes. It is a hint to stop asking others; an answer is
 * owed nevertheless, in the callback or later. A peer that has only ended its direction (FIN) may
 * be gone, or still wait for the response; so the response can be given, and returns 0. Of a peer
 * that has sent 64 KiB behind its request, the end is not noticed.
 * @param exchange the request
 * @param cb NULL (at first): call nothing
 */
WSUV_EXTERN void wsuv_exchange_on_gone(wsuv_exchange_t *exchange, wsuv_exchange_cb cb);
/** @} */

/** @name Answers
 * Each of these functions returns 0; or `WSUV_ESTATE`: the peer, the deadline
 * (wsuv_config::handshake_timeout_ms, which has sent 503) or the end of the server was faster. In
 * both cases the exchange is freed. After any other error it is as before, and an answer is still
 * owed; with `UV_ECANCELED`, because the program has closed the server's handles: once the server
 * is closed, the answer returns `WSUV_ESTATE`.
 * @{ */

/**
 * Respond. `Content-Length` is sent besides (but not with 204 and 304, RFC 9110 8.6), and
 * `Connection` where the connection ends or the request needs it. To HEAD the body is not sent, but
 * its length is (RFC 9110 9.3.2). There is no `Date`.
 * @param exchange the request
 * @param status 200 to 599; with 405 give the field `Allow` (RFC 9110 15.5.6)
 * @param headers copied, and sent in the response; may be NULL. `Connection`, `Content-Length`,
 *        `Transfer-Encoding`, `Upgrade` and `Sec-WebSocket-*` may not be among them
 * @param header_count how many @p headers
 * @param body its body, copied; may be NULL
 * @param len bytes of the body, at most #WSUV_EXCHANGE_BODY_MAX
 * @return see above, and `UV_EINVAL`: the status, a body with 204, 205 or 304, or a count without
 *         its list; `WSUV_EMSGSIZE`: the body is too long; `WSUV_EINVAL_HEADER`: a field that may
 *         not be sent; `UV_ENOMEM`
 */
WSUV_EXTERN int wsuv_exchange_respond(wsuv_exchange_t *exchange, int status,
                                      const wsuv_header_t *headers, size_t header_count,
                                      const void *body, size_t len);

/**
 * Answer as a server does that has no wsuv_server_on_request(): with 404, 405 or 426, 400 if the
 * path has a malformed escape, or 421 if a request of HTTP/1.0 has no host. The connection ends.
 * wsuv_refused_cb is not called.
 * @param exchange the request
 * @return see above, and `UV_ENOMEM`
 */
WSUV_EXTERN int wsuv_exchange_decline(wsuv_exchange_t *exchange);

/**
 * Take the connection over, for another HTTP server or another protocol. The library writes nothing
 * and closes nothing of it any more.
 * @param exchange the request
 * @param[out] fd a descriptor of the socket, which belongs to the program; it is non-blocking and
 *        closed on exec
 * @param[out] bytes all bytes that were read of this request, from its first one on, as they came,
 *        and of what follows it: its body, or other requests; valid until control returns to the
 *        loop
 * @param[out] len how many @p bytes
 * @return see above, and `UV_ENOTSUP`: the connection has TLS, or no descriptor, or the program
 * gave wsuv_server_adopt() more than 64 KiB behind the request; `UV_EAGAIN`: writes that the
 * program had begun before wsuv_server_adopt() have not left; `UV_EMFILE`: there is no descriptor
 * left; `UV_ENOMEM`
 */
WSUV_EXTERN int wsuv_exchange_detach(wsuv_exchange_t *exchange, int *fd, const void **bytes,
                                     size_t *len);
/** @} */

/** @} */

#ifdef __cplusplus
}
#endif

#endif
