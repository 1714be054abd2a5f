#ifndef WSUV_SERVER_H
#define WSUV_SERVER_H

/**
 * @file wsuv/server.h
 * @brief The server: routes, listeners, and the decision about each upgrade.
 *
 * A server belongs to one loop and to the thread that runs it; only wsuv_server_post() may be
 * called from another thread. Its sessions are those of wsuv/session.h: the same callbacks, sends,
 * settings and rules of ending as a client's.
 *
 * What happens to a connection (RFC 6455 4.2):
 * - it is accepted, with TLS if wsuv_config::tls is set, and its request is read;
 * - these are checked, in this order: `Host` (wsuv_config::hosts), the route, the fields of the
 *   handshake, `Origin` (wsuv_config::origins, RFC 6455 10.2), and the limits of sessions;
 * - the hook `on_upgrade` of the route, or else of the server, decides, now or later; without a
 *   hook the upgrade is accepted;
 * - the response 101 is written, and `on_open` is called.
 *
 * A request that is refused, or that asks for no WebSocket, gets a response with a status of HTTP
 * and `Connection: close`, and the connection is closed; wsuv/refusal.h names the causes. All of
 * this may take wsuv_config::handshake_timeout_ms. A program may answer requests that ask for no
 * WebSocket itself: wsuv/exchange.h.
 *
 * Callbacks run from the loop, never inside a call of a wsuv function. They may call any function,
 * unless their description says otherwise. For programs that close all handles of their loop with
 * `uv_walk`, what wsuv/client.h says about a client is true of a server, too.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <uv.h>

#include <wsuv/config.h>
#include <wsuv/end.h>
#include <wsuv/export.h>
#include <wsuv/refusal.h>
#include <wsuv/session.h>
#include <wsuv/tls.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @addtogroup servers
 * @{
 */

/** Routes, listeners, and the configuration that sessions share; opaque. */
typedef struct wsuv_server wsuv_server_t;

/** One address, or one Unix socket, that a server accepts connections on; opaque. */
typedef struct wsuv_listener wsuv_listener_t;

/** A request for an upgrade to WebSocket that was not answered yet; opaque. */
typedef struct wsuv_upgrade wsuv_upgrade_t;

/**
 * Create a server without routes and listeners.
 * @param[out] server the new server; closed by wsuv_server_close() or a function like it
 * @param loop the loop that it runs on; must outlive the server
 * @param config copied, with all that it points to; NULL: the defaults of
 *        wsuv_server_config_init()
 * @return as wsuv_client_new(), and `UV_EINVAL`: a field of clients is set, `subprotocol_policy` or
 *         `forwarded` is unknown, a pattern in `hosts` or `origins` or a range in `trusted_proxies`
 *         is malformed, `forwarded` is set without `trusted_proxies`, or `tls` has no certificate
 *         or no key; `WSUV_ERANDOM`: no random bytes. The files that `tls` names are read later,
 *         when the program listens
 */
WSUV_EXTERN int wsuv_server_new(wsuv_server_t **server, uv_loop_t *loop,
                                const wsuv_config_t *config);

/**
 * Called with a request for an upgrade that has passed all checks. The program owes each upgrade
 * exactly one answer, in the hook or later: wsuv_upgrade_accept(), wsuv_upgrade_refuse() or
 * wsuv_upgrade_refuse_open(). The upgrade and everything that is read from it are valid until then,
 * whatever happens to the peer or the server meanwhile. A hook that returns without an answer has
 * kept the upgrade.
 * @param upgrade the request
 */
typedef void (*wsuv_upgrade_cb)(wsuv_upgrade_t *upgrade);

/**
 * Where sessions of one path go. Fill in the defaults with wsuv_route_init(). Copied by
 * wsuv_server_add_route().
 */
typedef struct wsuv_route {
  size_t size; /**< `sizeof(wsuv_route_t)` of the caller. */
  /**
   * The path: "/", then segments with slashes between them. A segment is
   * - a literal text, without percent-escapes;
   * - `{name}`: any one segment that is not empty;
   * - at the end, `{name?}`: the same, or no segment;
   * - at the end, `{name...}`: all segments that are left, with their slashes, or none.
   *
   * A name has letters, digits, "-" and "_". The path of a request is first split at its slashes,
   * then each segment is percent-decoded once; "+" stands for itself. From left to right a literal
   * text is preferred to `{name}`, that to `{name?}`, and that to `{name...}`, in whatever order
   * routes were added. A slash at the end is a segment of its own: "/a/" is not "/a". An empty
   * segment before it, "." and ".." match nothing.
   */
  const char *path;
  const wsuv_callbacks_t *callbacks; /**< Those of its sessions; NULL: none. */
  void *data; /**< First value of wsuv_session_data() and wsuv_upgrade_data(). */
  /**
   * Used instead of the server's configuration, unless NULL. Usually the server's with changes,
   * from wsuv_server_get_config(). Fields of the whole must be the server's (wsuv/config.h).
   */
  const wsuv_config_t *config;
  /**
   * The route matches only requests that offer this subprotocol, and the response names it. Routes
   * of one path may have different ones: the first that the client offers counts. NULL: the
   * subprotocol is chosen from wsuv_config::subprotocols.
   */
  const char *subprotocol;
  bool raw; /**< Sessions are raw (wsuv_request::raw). */
  /**
   * With #raw: extensions are negotiated as for other sessions, but not used: the program gets and
   * sends the frames as they are on the wire, for example compressed, with rsv1. It must do what
   * wsuv_session_extensions() says in `on_open`. Default false: none are negotiated.
   */
  bool negotiate_extensions;
  wsuv_upgrade_cb on_upgrade; /**< Decides; NULL: the server's, see wsuv_server_on_upgrade(). */
} wsuv_route_t;

/** Fill in a route with a path and nothing else. */
static inline void wsuv_route_init(wsuv_route_t *route, const char *path) {
  memset(route, 0, sizeof(*route));
  route->size = sizeof(*route);
  route->path = path;
}

/**
 * Add a route. It may be added at any time, and holds for requests that are read later.
 * @param server the server
 * @param route copied, with all that it points to
 * @return 0;
 *         `UV_EINVAL`: the path is malformed, or `config` is out of range or differs from the
 *         server's in a field of the whole;
 *         `UV_EEXIST`: there is a route with an equal path, whatever its parameters are called, and
 *         the same subprotocol;
 *         `WSUV_EINVAL_HEADER`: the subprotocol is no token;
 *         `WSUV_ESTATE`: the server is closing; `UV_ECANCELED`: the program has closed the
 *         server's handles; `WSUV_ESIZE`; `UV_ENOMEM`; or an error of wsuv_server_new()
 */
WSUV_EXTERN int wsuv_server_add_route(wsuv_server_t *server, const wsuv_route_t *route);

/**
 * Add a route that has a path, callbacks and nothing else.
 * @param server the server
 * @param path see wsuv_route::path
 * @param callbacks copied; NULL: none
 * @param data see wsuv_route::data
 * @return as wsuv_server_add_route()
 */
WSUV_EXTERN int wsuv_server_route(wsuv_server_t *server, const char *path,
                                  const wsuv_callbacks_t *callbacks, void *data);

/**
 * Let @p cb decide about the upgrades of all routes that have no hook of their own. It holds for
 * requests that are read later. NULL (at first): they are accepted.
 */
WSUV_EXTERN void wsuv_server_on_upgrade(wsuv_server_t *server, wsuv_upgrade_cb cb);

/**
 * Called from the loop when a connection has got no session, for bans and alarms. It is not called
 * for upgrades that the program refuses, nor for connections that end because the server is closed.
 * @param server the server
 * @param refusal what happened; valid until the callback returns
 */
typedef void (*wsuv_refused_cb)(wsuv_server_t *server, const wsuv_refusal_t *refusal);

/** Call @p cb when a connection was refused; NULL (at first): call nothing. */
WSUV_EXTERN void wsuv_server_on_refused(wsuv_server_t *server, wsuv_refused_cb cb);

/** @name Listening
 * These functions return 0;
 * `WSUV_ESTATE`: the server is closing or drains; `UV_ECANCELED`: the program has closed the
 * server's handles; `UV_EADDRINUSE`: another socket listens there; `UV_EADDRNOTAVAIL`: this machine
 * does not have the address; `UV_EACCES`: the process may not use the port, or not make the file;
 * `UV_EMFILE`: there is no descriptor left; `UV_ENOTSUP`: the system has no
 * wsuv_config::reuse_port; `WSUV_ETLS`, `WSUV_ETLSTRUST`, `WSUV_ETLSCRL`: a certificate, a key or a
 * list of revoked certificates of wsuv_config::tls cannot be read or used, and the log names the
 * file; `WSUV_ETLSOPTION`: there is no provider for a key by URI; `WSUV_ERANDOM`; `WSUV_ESIZE`;
 * `UV_ENOMEM`; or another error of the system. After an error nothing was opened.
 *
 * A listener keeps the loop alive. It belongs to the server until wsuv_listener_close() or the end
 * of the server. If the process runs out of descriptors, accepting waits, and connections wait in
 * the backlog; the log says so.
 * @{ */

/**
 * How to listen. Fill in the defaults with wsuv_listen_options_init(). wsuv_server_listen() uses
 * the defaults.
 */
typedef struct wsuv_listen_options {
  size_t size; /**< `sizeof(wsuv_listen_options_t)` of the caller. */
  bool plain;  /**< Without TLS, although wsuv_config::tls is set: behind a proxy that has it. */
  /** With a Unix socket: do not remove its file when the listener closes. */
  bool keep_path;
  /**
   * Each connection begins with the header of the PROXY protocol, version 1 or 2, before TLS (see
   * "The PROXY protocol" of haproxy.org). Only wsuv_config::trusted_proxies may connect, and there
   * must be some (`UV_EINVAL`). The address in the header is the client's; a header without one
   * (LOCAL, UNKNOWN, other families than IP) leaves that of the socket. A connection that is from
   * elsewhere, or has no valid header, is closed (`WSUV_REFUSED_PROXY_UNTRUSTED`,
   * `WSUV_REFUSED_PROXY_HEADER`). A header of version 2 has at most 4,096 bytes; its checksum is
   * verified, and its other options are not read.
   */
  bool proxy_protocol;
  /**
   * Used instead of wsuv_config::backlog, unless it is 0; at most 2147483647 (`UV_EINVAL`). A
   * socket that listens already keeps its own.
   */
  unsigned backlog;
} wsuv_listen_options_t;

/** Fill in the defaults: TLS if it is configured, the server's backlog, the file is removed. */
static inline void wsuv_listen_options_init(wsuv_listen_options_t *options) {
  memset(options, 0, sizeof(*options));
  options->size = sizeof(*options);
}

/**
 * Listen on a TCP port.
 * @param server the server
 * @param host a numeric address; NULL: all addresses, of IPv6 and IPv4; "localhost": 127.0.0.1 and
 *        ::1, or the one of them that the machine has
 * @param port 0: a free port, which wsuv_listener_address() returns
 * @param[out] listener may be NULL
 * @return see above, and `UV_EINVAL`: the host is another name, or the port is above 65535
 */
WSUV_EXTERN int wsuv_server_listen(wsuv_server_t *server, const char *host, unsigned port,
                                   wsuv_listener_t **listener);

/**
 * Listen on a TCP port, as wsuv_server_listen(), with options.
 * @param server the server
 * @param host as wsuv_server_listen()
 * @param port as wsuv_server_listen()
 * @param options NULL: the defaults
 * @param[out] listener may be NULL
 * @return as wsuv_server_listen()
 */
WSUV_EXTERN int wsuv_server_listen_tcp(wsuv_server_t *server, const char *host, unsigned port,
                                       const wsuv_listen_options_t *options,
                                       wsuv_listener_t **listener);

/**
 * Listen on a Unix socket. A file of that name is replaced if it is a socket that nobody listens
 * on. It is removed when the listener closes, also if the program has changed its folder meanwhile,
 * unless another file has taken its place, or `keep_path` is set.
 * @param server the server
 * @param path 107 bytes at most
 * @param mode the file's permissions, such as 0660; 0: as the process's umask leaves them
 * @param options NULL: the defaults
 * @param[out] listener may be NULL
 * @return see above, and `UV_EINVAL`: the path is empty or too long
 */
WSUV_EXTERN int wsuv_server_listen_unix(wsuv_server_t *server, const char *path, unsigned mode,
                                        const wsuv_listen_options_t *options,
                                        wsuv_listener_t **listener);

/**
 * Listen on a socket that is listening already, such as one of systemd's, or one of another process
 * that this one replaces. The file of a Unix socket is not removed when the listener closes.
 * @param server the server
 * @param fd the server's when this succeeds, which closes it; otherwise still the caller's
 * @param options NULL: the defaults
 * @param[out] listener may be NULL
 * @return see above, and `UV_EINVAL`: it is no listening stream socket of IP or Unix
 */
WSUV_EXTERN int wsuv_server_listen_fd(wsuv_server_t *server, int fd,
                                      const wsuv_listen_options_t *options,
                                      wsuv_listener_t **listener);

/**
 * The address that a listener is bound to, with its port. On "localhost" that of IPv4, if there is
 * one; the port is the same.
 * @param listener the listener
 * @param[out] addr AF_INET, AF_INET6 or AF_UNIX
 * @return 0 or libuv's error
 */
WSUV_EXTERN int wsuv_listener_address(const wsuv_listener_t *listener,
                                      struct sockaddr_storage *addr);

/**
 * The descriptor of a listener, to hand it over to another process. It stays the listener's, which
 * closes it. On "localhost" it is that of the same address as with wsuv_listener_address().
 * @return -1: it has none
 */
WSUV_EXTERN int wsuv_listener_fd(const wsuv_listener_t *listener);

/**
 * Accept no more connections here. Connections that were accepted go on, and those that wait in the
 * backlog are reset by the system. The listener is gone when this returns.
 */
WSUV_EXTERN void wsuv_listener_close(wsuv_listener_t *listener);
/** @} */

/** @name What an upgrade asks for
 * Strings are valid until the upgrade is answered.
 * @{ */

/** The server that the request came to; NULL: it is gone. */
WSUV_EXTERN wsuv_server_t *wsuv_upgrade_server(const wsuv_upgrade_t *upgrade);

/** The target of the request: path and query, as sent (RFC 9112 3.2). Never NULL. */
WSUV_EXTERN const char *wsuv_upgrade_target(const wsuv_upgrade_t *upgrade);

/**
 * The value of a parameter of the route's path, percent-decoded.
 * @param upgrade the request
 * @param name as in `{name}`
 * @return terminated; NULL: there is no such parameter, or its segment is missing
 */
WSUV_EXTERN const char *wsuv_upgrade_param(const wsuv_upgrade_t *upgrade, const char *name);

/**
 * The value of a key of the query, decoded as a form's: "+" is a space. A malformed escape stays as
 * it is. Of several equal keys it is the first.
 * @param upgrade the request
 * @param name the key, decoded
 * @return terminated; NULL: there is no such key, its value has a NUL, or there is no memory
 */
WSUV_EXTERN const char *wsuv_upgrade_query(wsuv_upgrade_t *upgrade, const char *name);

/**
 * A header field of the request.
 * @param upgrade the request
 * @param name in any case
 * @return the value of the first field of that name, terminated; NULL: there is none
 */
WSUV_EXTERN const char *wsuv_upgrade_header(const wsuv_upgrade_t *upgrade, const char *name);

/**
 * All header fields of the request, in their order.
 * @param upgrade the request
 * @param[out] count how many
 * @return an array; NULL, and a count of 0: there is no memory
 */
WSUV_EXTERN const wsuv_header_t *wsuv_upgrade_headers(wsuv_upgrade_t *upgrade, size_t *count);

/** The n-th (from 0) subprotocol that the client offers, in its order; NULL: there are fewer. */
WSUV_EXTERN const char *wsuv_upgrade_subprotocol(wsuv_upgrade_t *upgrade, size_t n);

/**
 * For whom a request is. Without trusted proxies (wsuv_config::trusted_proxies) that is the peer,
 * by the connection itself and the host of the request; a trusted proxy may say otherwise, with
 * wsuv_config::forwarded or by the PROXY protocol. Fill in the size with wsuv_origin_init().
 */
typedef struct wsuv_origin {
  size_t size; /**< `sizeof(wsuv_origin_t)` of the caller. */
  /**
   * The client's address: AF_INET, AF_INET6 or AF_UNIX; of an upgrade over a transport that tells
   * no address, AF_UNSPEC. Its port is 0 if it is not known.
   */
  struct sockaddr_storage address;
  const char *scheme; /**< "wss" if the client's connection is secured by TLS, else "ws". */
  /**
   * The host, perhaps with a port, that the client has asked for; NULL: a request of HTTP/1.0 has
   * none, or the strings of the request are gone. It is what wsuv_config::hosts and
   * wsuv_config::origins were compared with.
   */
  const char *host;
} wsuv_origin_t;

/** Fill in the size. */
static inline void wsuv_origin_init(wsuv_origin_t *origin) {
  memset(origin, 0, sizeof(*origin));
  origin->size = sizeof(*origin);
}

/**
 * For whom the request is.
 * @param upgrade the request
 * @param[in,out] origin initialised by wsuv_origin_init(); its strings are valid until the upgrade
 *        is answered
 * @return 0; `WSUV_ESIZE`
 */
WSUV_EXTERN int wsuv_upgrade_origin(const wsuv_upgrade_t *upgrade, wsuv_origin_t *origin);

/**
 * A header field that only a trusted proxy can have set, such as `Client-Cert` (RFC 9440), as far
 * as that proxy removes the field of that name that its client has sent.
 * @param upgrade the request
 * @param name in any case
 * @return the value, terminated; NULL: there is no such field, there are several, or the request
 *         was not sent by one of wsuv_config::trusted_proxies. Behind the PROXY protocol the client
 *         that its header names has sent the request, not the proxy
 */
WSUV_EXTERN const char *wsuv_upgrade_trusted_header(const wsuv_upgrade_t *upgrade,
                                                    const char *name);

/**
 * The address of the peer: of the proxy, if there is one (see wsuv_upgrade_origin()).
 * @param upgrade the request
 * @param[out] addr AF_INET, AF_INET6 or AF_UNIX
 * @return 0; `UV_ENOTSUP`: the connection is a transport (wsuv/transport.h) that tells no address
 */
WSUV_EXTERN int wsuv_upgrade_peer_address(const wsuv_upgrade_t *upgrade,
                                          struct sockaddr_storage *addr);

/** As wsuv_session_peer_credentials(). */
WSUV_EXTERN int wsuv_upgrade_peer_credentials(const wsuv_upgrade_t *upgrade,
                                              wsuv_credentials_t *credentials);

/**
 * What TLS has negotiated, and the client's certificate.
 * @param upgrade the request
 * @param[in,out] info initialised by wsuv_tls_info_init(); valid until control returns to the loop
 * @return 0; `WSUV_ESTATE`: there is no TLS, or the connection is gone; `WSUV_ESIZE`
 */
WSUV_EXTERN int wsuv_upgrade_tls(const wsuv_upgrade_t *upgrade, wsuv_tls_info_t *info);

/** Attach a pointer that belongs to the program. */
WSUV_EXTERN void wsuv_upgrade_set_data(wsuv_upgrade_t *upgrade, void *data);

/** The pointer that was attached; at first the route's. */
WSUV_EXTERN void *wsuv_upgrade_data(const wsuv_upgrade_t *upgrade);

/**
 * Call @p cb, from the loop, when an answer has become useless, because the peer is gone, the
 * deadline has passed or the server closes: a hint to stop asking others. An answer is owed
 * nevertheless, in the callback or later; it returns `WSUV_ESTATE`. Of a peer that has sent 64 KiB
 * behind its request, the end is not noticed.
 * @param upgrade the request
 * @param cb NULL (at first): call nothing
 */
WSUV_EXTERN void wsuv_upgrade_on_gone(wsuv_upgrade_t *upgrade, wsuv_upgrade_cb cb);
/** @} */

/** @name Answers
 * Each of these functions returns 0; or `WSUV_ESTATE`: the peer, the deadline
 * (wsuv_config::handshake_timeout_ms, which has sent 503) or the end of the server was faster. In
 * both cases the upgrade is freed. After any other error it is as before, and an answer is still
 * owed; with `UV_ECANCELED`, because the program has closed the server's handles: once the server
 * is closed, the answer returns `WSUV_ESTATE`.
 * @{ */

/**
 * How a session is opened. Fill in the defaults with wsuv_accept_init(). What is not set is the
 * route's.
 */
typedef struct wsuv_accept {
  size_t size; /**< `sizeof(wsuv_accept_t)` of the caller. */
  /** One of the offered subprotocols. NULL: as route and configuration choose; "": none. */
  const char *subprotocol;
  const wsuv_header_t *headers;      /**< Sent in the response, after the configuration's. */
  size_t header_count;               /**< How many #headers. */
  const wsuv_callbacks_t *callbacks; /**< Those of the session; NULL: the route's. */
  const wsuv_config_t *config;       /**< As wsuv_route::config; NULL: the route's. */
  bool decline_extensions;           /**< The session has no extensions. */
  void *data;                        /**< First value of wsuv_session_data(). */
} wsuv_accept_t;

/** Fill in the defaults for an upgrade: its data, and for the rest what the route has. */
static inline void wsuv_accept_init(wsuv_accept_t *accept, const wsuv_upgrade_t *upgrade) {
  memset(accept, 0, sizeof(*accept));
  accept->size = sizeof(*accept);
  accept->data = wsuv_upgrade_data(upgrade);
}

/**
 * Accept (RFC 6455 4.2.2). After 0 there is a session, which ends with exactly one `on_close`, also
 * if the response cannot be written and `on_open` never runs. So the data of the session is freed
 * in `on_close` only. `on_open` is called from the loop, before the first message. Nothing can be
 * sent before.
 * @param upgrade the request
 * @param accept copied; NULL: the defaults
 * @param[out] session may be NULL
 * @return see above, and `WSUV_ESUBPROTOCOL`: the subprotocol was not offered, or none was chosen
 *         and wsuv_config::subprotocol_policy demands one;
 *         `WSUV_EINVAL_HEADER`: a field that may not be sent; `UV_EINVAL`: `config` is out of
 *         range or differs from the server's in a field of the whole; `WSUV_ESIZE`; `UV_ENOMEM`;
 *         what a hook of an extension returned; or libuv's error when a handle cannot be made
 */
WSUV_EXTERN int wsuv_upgrade_accept(wsuv_upgrade_t *upgrade, const wsuv_accept_t *accept,
                                    wsuv_session_t **session);

/**
 * Refuse with a response of HTTP. It has `Content-Length` (but not with 304) and
 * `Connection: close` besides, and the connection is closed. Browsers show pages neither its status
 * nor its body: wsuv_upgrade_refuse_open() can tell them why.
 * @param upgrade the request
 * @param status 300 to 599
 * @param headers copied, and sent in the response: `WWW-Authenticate` with 401 (RFC 9110 15.5.2),
 *        `Location` with 302; may be NULL
 * @param header_count how many @p headers
 * @param body its body, copied; may be NULL. The peer may take as long to receive it as
 *        wsuv_config::handshake_timeout_ms
 * @param len bytes of the body
 * @return see above, and `UV_EINVAL`: the status, a body with 304, or a count without its list;
 *         `WSUV_EINVAL_HEADER`: a field that may not be sent; `UV_ENOMEM`
 */
WSUV_EXTERN int wsuv_upgrade_refuse(wsuv_upgrade_t *upgrade, int status,
                                    const wsuv_header_t *headers, size_t header_count,
                                    const void *body, size_t len);

/**
 * Refuse so that a page can learn why: the session is opened and closed at once with a code, such
 * as 4401, which the page gets in its `close` event. No callback of a session runs. Until it is
 * closed, the session counts in wsuv_config::max_sessions and wsuv_server_session_count(), and
 * wsuv_server_each() does not visit it. The log function may get it; its wsuv_session_data() is
 * NULL.
 * @param upgrade the request
 * @param code as wsuv_session_close()
 * @param reason as wsuv_session_close(); NULL: none
 * @return see above, and the errors of wsuv_session_close() and wsuv_upgrade_accept()
 */
WSUV_EXTERN int wsuv_upgrade_refuse_open(wsuv_upgrade_t *upgrade, unsigned code,
                                         const char *reason);
/** @} */

/** @name What a session has asked for
 * As the functions of an upgrade. The strings are valid until `on_open` returns; with
 * wsuv_config::keep_handshake, until `on_close` returns. In a client's session, and when the
 * strings are gone, these functions return NULL. wsuv/session.h has the subprotocol, the addresses
 * and what TLS has negotiated.
 * @{ */

/** The server that the session belongs to; NULL: it is a client's. */
WSUV_EXTERN wsuv_server_t *wsuv_session_server(const wsuv_session_t *session);

/**
 * As wsuv_upgrade_origin(). What a trusted proxy has said of address and scheme is known until
 * `on_close` returns; otherwise the address is that of wsuv_session_peer_address(), which is known
 * until the session ends.
 * @param session a session of a server
 * @param[in,out] origin initialised by wsuv_origin_init()
 * @return 0; `WSUV_ESTATE`: the address is not known, or the session is a client's; `WSUV_ESIZE`;
 * or an error of wsuv_session_peer_address()
 */
WSUV_EXTERN int wsuv_session_origin(const wsuv_session_t *session, wsuv_origin_t *origin);

/** As wsuv_upgrade_target(). */
WSUV_EXTERN const char *wsuv_session_target(const wsuv_session_t *session);

/** As wsuv_upgrade_param(). */
WSUV_EXTERN const char *wsuv_session_param(const wsuv_session_t *session, const char *name);

/** As wsuv_upgrade_query(). */
WSUV_EXTERN const char *wsuv_session_query(wsuv_session_t *session, const char *name);

/** As wsuv_upgrade_header(). */
WSUV_EXTERN const char *wsuv_session_request_header(const wsuv_session_t *session,
                                                    const char *name);

/** As wsuv_upgrade_headers(). */
WSUV_EXTERN const wsuv_header_t *wsuv_session_request_headers(wsuv_session_t *session,
                                                              size_t *count);
/** @} */

/** @name Ending
 * A server may be closed from every callback, and again while it closes: the earlier end counts,
 * and each @p cb is called.
 * @{ */

/**
 * Called when a server is closed. In the callback, the program may only read the server's data with
 * wsuv_server_data(). After the callback the server is freed; its allocator must still be valid
 * then, and until each upgrade that the program keeps is answered.
 */
typedef void (*wsuv_server_close_cb)(wsuv_server_t *server);

/**
 * Close a server: listeners close, upgrades and exchanges that are not answered get 503, requests
 * that are not complete are dropped, and open sessions start the closing handshake. When every
 * session has had its `on_close`, @p cb is called from the loop, and the server is freed.
 * @param server the server; NULL does nothing
 * @param how code, reason and times, copied; NULL: the defaults of wsuv_end_init(), which are 1001
 * at once and 30 s for the whole
 * @param cb may be NULL
 * @return as wsuv_client_close_with()
 */
WSUV_EXTERN int wsuv_server_close(wsuv_server_t *server, const wsuv_end_t *how,
                                  wsuv_server_close_cb cb);

/**
 * Close a server, but do not wait for the peers: every session is terminated (`UV_ECANCELED`), and
 * connections without a session are closed without a response.
 * @param server the server; NULL does nothing
 * @param cb may be NULL
 * @return as wsuv_client_terminate()
 */
WSUV_EXTERN int wsuv_server_terminate(wsuv_server_t *server, wsuv_server_close_cb cb);

/**
 * Let a server end by itself: what waits to be accepted is accepted, then listeners close;
 * handshakes and sessions go on, and connections of plain requests (wsuv/exchange.h) end with the
 * response that is due. When the last of them has ended, @p cb is called from the loop,
 * and the server is freed. There is no time limit: wsuv_server_close() may be called meanwhile.
 * @param server the server; NULL does nothing
 * @param cb may be NULL
 * @return 0; `UV_ENOMEM`: no memory to keep a second @p cb, which is never called (the server
 * drains anyway); `UV_ECANCELED`: the program has closed the server's handles, and nothing was
 * begun
 */
WSUV_EXTERN int wsuv_server_drain(wsuv_server_t *server, wsuv_server_close_cb cb);
/** @} */

/** @name Properties of a server
 * As the functions of a client that have the same names (wsuv/client.h).
 * @{ */

/** Called on the loop's thread, for wsuv_server_post(). It may call any function. */
typedef void (*wsuv_server_post_cb)(wsuv_server_t *server, void *arg);

/** As wsuv_client_post(). */
WSUV_EXTERN int wsuv_server_post(wsuv_server_t *server, wsuv_server_post_cb cb, void *arg);

/**
 * As wsuv_client_set_tls(): the certificates and keys of the connections to come. Listeners that
 * were opened without TLS stay so. NULL is refused with `UV_EINVAL`, because a server needs a
 * certificate.
 */
WSUV_EXTERN int wsuv_server_set_tls(wsuv_server_t *server, const wsuv_tls_config_t *tls);

/** As wsuv_client_copy_config(). */
WSUV_EXTERN void wsuv_server_copy_config(const wsuv_server_t *server, wsuv_config_t *config,
                                         size_t size);

/** As wsuv_client_get_config(). */
static inline void wsuv_server_get_config(const wsuv_server_t *server, wsuv_config_t *config) {
  wsuv_server_copy_config(server, config, sizeof(*config));
}

/** The loop that was given to wsuv_server_new(). */
WSUV_EXTERN uv_loop_t *wsuv_server_loop(const wsuv_server_t *server);

/** The number of sessions whose `on_close` has not returned yet. */
WSUV_EXTERN size_t wsuv_server_session_count(const wsuv_server_t *server);

/** Called with each session of a server; @p arg is as given. */
typedef void (*wsuv_server_each_cb)(wsuv_session_t *session, void *arg);

/**
 * Call a function with each session, as wsuv_client_each(). It may end sessions; those that are
 * opened meanwhile are not visited.
 */
WSUV_EXTERN void wsuv_server_each(wsuv_server_t *server, wsuv_server_each_cb cb, void *arg);

/** Attach a pointer that belongs to the program. */
WSUV_EXTERN void wsuv_server_set_data(wsuv_server_t *server, void *data);

/** The pointer that was attached; NULL at first. */
WSUV_EXTERN void *wsuv_server_data(const wsuv_server_t *server);
/** @} */

/** @} */

#ifdef __cplusplus
}
#endif

#endif
