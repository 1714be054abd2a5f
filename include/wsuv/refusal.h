#ifndef WSUV_REFUSAL_H
#define WSUV_REFUSAL_H

/**
 * @file wsuv/refusal.h
 * @brief Why a server has refused a connection or a request.
 */

#include <stddef.h>
#include <stdint.h>

#include <wsuv/export.h>
#include <wsuv/stage.h>
#include <wsuv/tls.h>

struct sockaddr;

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @addtogroup errors
 * @{
 */

/**
 * All causes for which a server refuses: `XX(name, value, status, text)`. The status is that of the
 * HTTP response; 0: the connection is closed without one, or the program has chosen the status. No
 * response is sent to a peer from which nothing was received. Values never change; the list may
 * grow. PROGRAM and CLOSING are names only: wsuv_refused_cb is not called for them.
 */
#define WSUV_REFUSED_MAP(XX)                                                                    \
  XX(NO_ROUTE, 1, 404, "no route for the path and the offered subprotocols")                    \
  XX(NO_UPGRADE, 2, 426, "request does not ask for a WebSocket")                                \
  XX(VERSION, 3, 426, "Sec-WebSocket-Version is not 13")                                        \
  XX(HTTP_1_0, 4, 426, "HTTP/1.0, in which Upgrade has no meaning")                             \
  XX(HTTP_VERSION, 5, 505, "another version of HTTP than 1.1")                                  \
  XX(METHOD, 6, 405, "method is not GET")                                                       \
  XX(KEY, 7, 400, "Sec-WebSocket-Key is missing, repeated or malformed")                        \
  XX(HOST, 8, 400, "Host is missing, repeated or malformed")                                    \
  XX(HOST_UNKNOWN, 9, 421, "Host is not among the hosts of the server")                         \
  XX(ORIGIN, 10, 403, "Origin is not allowed")                                                  \
  XX(BODY, 11, 400, "request has a body")                                                       \
  XX(TARGET, 12, 400, "malformed target of the request")                                        \
  XX(ESCAPE, 13, 400, "malformed percent-escape, or that of a zero byte, in the path")          \
  XX(MALFORMED, 14, 400, "malformed HTTP")                                                      \
  XX(TLS_ON_PLAIN, 15, 400, "TLS on a port without TLS")                                        \
  XX(TOO_LARGE, 16, 431, "head of the request is too large")                                    \
  XX(TOO_MANY_FIELDS, 17, 431, "too many header fields")                                        \
  XX(SUBPROTOCOL, 18, 400, "offered subprotocols are malformed, or none of them is supported")  \
  XX(EXTENSION, 19, 400, "malformed offer of extensions")                                       \
  XX(SILENT, 20, 0, "nothing was received in time")                                             \
  XX(TIMEOUT, 21, 408, "request was not complete in time")                                      \
  XX(UNDECIDED, 22, 503, "program has not decided in time")                                     \
  XX(PROGRAM, 23, 0, "refused by the program")                                                  \
  XX(SESSIONS, 24, 503, "too many sessions")                                                    \
  XX(SESSIONS_PER_ADDRESS, 25, 503, "too many sessions of one address")                         \
  XX(HANDSHAKES, 26, 0, "too many connections without a complete request")                      \
  XX(HANDSHAKES_PER_ADDRESS, 27, 0,                                                             \
     "too many connections of one address without a complete request")                          \
  XX(CLOSING, 28, 503, "server is closing")                                                     \
  XX(TLS, 29, 0, "TLS handshake failed")                                                        \
  XX(GONE, 30, 0, "peer has gone before the answer")                                            \
  XX(NO_MEMORY, 31, 500, "no memory")                                                           \
  XX(HOOK, 32, 500, "hook of an extension failed")                                              \
  XX(PROXY_UNTRUSTED, 33, 0, "peer is no trusted proxy, and the PROXY protocol is expected")    \
  XX(PROXY_HEADER, 34, 0, "header of the PROXY protocol is missing, malformed or not complete") \
  XX(REQUESTS, 35, 503, "program owes too many answers to plain requests")                      \
  XX(REQUESTS_PER_ADDRESS, 36, 503, "program owes one address too many answers")

/** Causes of a refusal: `WSUV_REFUSED_NO_ROUTE` and so on. */
typedef enum wsuv_refused {
  WSUV_REFUSED_NONE = 0, /**< Not refused. */
#define WSUV_XX_(name, value, status, text) WSUV_REFUSED_##name = (value),
  WSUV_REFUSED_MAP(WSUV_XX_)
#undef WSUV_XX_
} wsuv_refused_t;

/**
 * The name of a cause, such as "NO_ROUTE".
 * @return static storage; "NONE" for #WSUV_REFUSED_NONE and "UNKNOWN" for what is no cause
 */
WSUV_EXTERN const char *wsuv_refused_name(wsuv_refused_t cause);

/**
 * One line of text for a cause.
 * @return static storage; "not refused" for #WSUV_REFUSED_NONE and "unknown cause" for what is no
 * cause
 */
WSUV_EXTERN const char *wsuv_refused_text(wsuv_refused_t cause);

/** How a connection or a request was refused. Everything is valid until the callback returns. */
typedef struct wsuv_refusal {
  size_t size;          /**< `sizeof(wsuv_refusal_t)` of the library. */
  wsuv_refused_t cause; /**< Why it was refused. */
  int status;           /**< The status of the HTTP response that was sent; 0: none was sent. */
  /**
   * The error that belongs to the cause, wsuv's or libuv's, such as `WSUV_EHTTP`, `WSUV_ETLS` or
   * `UV_ETIMEDOUT`; never 0.
   */
  int code;
  /**
   * The stage that the connection had reached: #WSUV_STAGE_CONNECT if it was refused when it was
   * accepted or by the PROXY protocol, #WSUV_STAGE_TLS or #WSUV_STAGE_HANDSHAKE.
   */
  wsuv_stage_t stage;
  /** With `WSUV_REFUSED_TLS`: the TLS library's code, which #detail describes; else 0. */
  int tls_error;
  wsuv_tls_library_t tls_library; /**< The library that #tls_error belongs to. */
  /** If a certificate of the client was not accepted: flags of wsuv_cert_flag_t; else 0. */
  uint32_t tls_verify_flags;
  /**
   * The address of the client, as far as it was known: the peer's, or the one that trusted proxies
   * have named (wsuv_config::trusted_proxies); NULL if it is not known.
   */
  const struct sockaddr *address;
  /**
   * What was wrong, in words; "" if the cause says everything. What it quotes of the peer is cut
   * and escaped, as in the log (wsuv_log_fn).
   */
  const char *detail;
} wsuv_refusal_t;

/** @} */

#ifdef __cplusplus
}
#endif

#endif
