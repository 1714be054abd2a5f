#ifndef WSUV_SESSION_H
#define WSUV_SESSION_H

/**
 * @file wsuv/session.h
 * @brief Sessions: connecting, sending, receiving, closing.
 *
 * A session is one connection, of a client or of a server (wsuv/server.h). Everything here but
 * connecting is the same for both.
 *
 * Callbacks and completions run from the loop, never inside a call of a wsuv function. They may
 * call any function: send, close, terminate, connect another session, close the client or the
 * server. A session may only be used on its loop's thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <wsuv/client.h>
#include <wsuv/config.h>
#include <wsuv/export.h>
#include <wsuv/frame.h>
#include <wsuv/prepared.h>
#include <wsuv/stage.h>
#include <wsuv/tls.h>
#include <wsuv/transport.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @addtogroup sessions
 * @{
 */

/** One WebSocket connection; opaque. Freed when its `on_close` returns. */
typedef struct wsuv_session wsuv_session_t;

/** How a session ended. Everything is valid until `on_close` returns. */
typedef struct wsuv_close_info {
  size_t size; /**< `sizeof(wsuv_close_info_t)` of the library. */
  /** 0: closed by the closing handshake; else the one error that ended the session. */
  int status;
  wsuv_stage_t stage; /**< The stage in which it ended. */
  /**
   * What was wrong, in words; "" if #status says everything. What it quotes of the peer is cut and
   * escaped, as in the log (wsuv_log_fn).
   */
  const char *detail;
  bool clean;   /**< Close frames went both ways (RFC 6455 7.1.4). */
  bool by_peer; /**< The peer's close frame came before ours was made. */
  /**
   * The peer's close code; #WSUV_CLOSE_NO_STATUS if its close frame had none,
   * #WSUV_CLOSE_ABNORMAL if there was no close frame from it, 0 if the session was never open.
   */
  uint16_t code;
  /**
   * The peer's reason, valid UTF-8, terminated; "" if none. It may have control characters: do not
   * write it to a terminal as it is.
   */
  const char *reason;
  size_t reason_len; /**< Bytes of #reason. */
  /** The close code that was sent; #WSUV_CLOSE_NO_STATUS: without code; 0: no close frame. */
  uint16_t sent_code;
  const char *sent_reason; /**< The reason that was sent, terminated; "" if none. */
  size_t sent_reason_len;  /**< Bytes of #sent_reason. */
  /**
   * The status of the server's response, for a client's session that never opened; 0: there was no
   * response.
   */
  int http_status;
  const wsuv_header_t *headers; /**< The response's fields if the upgrade was refused; else NULL. */
  size_t header_count;          /**< How many #headers. */
  /** When TLS failed: the TLS library's code, which #detail describes; else 0. */
  int tls_error;
  wsuv_tls_library_t tls_library; /**< The library that #tls_error belongs to. */
  /** With `WSUV_ETLSVERIFY`: flags of wsuv_cert_flag_t, which #detail describes; else 0. */
  uint32_t tls_verify_flags;
  const void *body; /**< Start of the body of a refused upgrade, 4 KiB at most; NULL if none. */
  size_t body_len;  /**< Bytes of #body. */
  /**
   * In a session that never opened: the proxies that it was to go through, as URLs without
   * credentials, separated by spaces; NULL: none. If a proxy has refused the tunnel
   * (#WSUV_STAGE_PROXY), #http_status, #headers and #body are those of its response.
   */
  const char *proxy;
  /**
   * `Retry-After` of the response of a refused upgrade with status 429 or 503 (RFC 9110 10.2.3), in
   * ms, at most 2147483647000; 0: there is none, or it is malformed, or in the past. A date is
   * compared with `Date` of the same response, and without one with the clock.
   */
  uint64_t retry_after_ms;
} wsuv_close_info_t;

/** A redirect (RFC 9110 15.4). Everything is valid until `on_redirect` returns. */
typedef struct wsuv_redirect {
  size_t size; /**< `sizeof(wsuv_redirect_t)` of the library. */
  int status;  /**< The status of the response. */
  /** So many redirects were followed, this one included. */
  unsigned count;
  /**
   * Where it leads to: an absolute URL without a fragment, `ws` or `wss`; from a Unix socket to the
   * same socket, `ws+unix`. It may have secrets.
   */
  const char *url;
  /** Header fields of the response. */
  const wsuv_header_t *headers;
  size_t header_count; /**< How many #headers. */
} wsuv_redirect_t;

/** A refusal with status 401. Everything is valid until `on_unauthorized` returns. */
typedef struct wsuv_unauthorized {
  size_t size; /**< `sizeof(wsuv_unauthorized_t)` of the library. */
  /** Header fields of the response. */
  const wsuv_header_t *headers;
  size_t header_count; /**< How many #headers. */
  size_t attempt;      /**< 1 for the first call in this session, then 2, and so on. */
} wsuv_unauthorized_t;

/**
 * The callbacks of a session. Members that are not set are NULL; all of them may be NULL. Begin an
 * initialiser with #WSUV_CALLBACKS_INIT.
 */
typedef struct wsuv_callbacks {
  size_t size; /**< Filled in by #WSUV_CALLBACKS_INIT. */
  /** The session is open: sending may begin. The handshake can be read until it returns. */
  void (*on_open)(wsuv_session_t *session);
  /** A whole text or binary message; @p message and its data are valid until it returns. */
  void (*on_message)(wsuv_session_t *session, const wsuv_message_t *message);
  /**
   * If set, it is called instead of #on_message: messages are not assembled, but delivered in
   * pieces as they arrive. No memory is needed for a whole message, and `max_message_size` and
   * `max_message_fragments` do not apply; `max_frame_size` does. Text is checked as it arrives, so
   * `WSUV_EUTF8` may follow pieces of the same message; a piece may end inside a character.
   * @p piece and its data are valid until it returns.
   */
  void (*on_message_piece)(wsuv_session_t *session, const wsuv_message_piece_t *piece);
  /**
   * A ping came, and the pong is already queued, unless our close frame is. @p data is valid until
   * it returns.
   */
  void (*on_ping)(wsuv_session_t *session, const void *data, size_t len);
  /** A pong came: an answer to a ping, or unsolicited. @p data is valid until it returns. */
  void (*on_pong)(wsuv_session_t *session, const void *data, size_t len);
  /**
   * In a raw session, called for each frame instead of #on_message, #on_message_piece, #on_ping
   * and #on_pong. @p frame and its data are valid until it returns. See wsuv_request::raw.
   */
  void (*on_frame)(wsuv_session_t *session, const wsuv_frame_t *frame);
  /** The outgoing queue has room again. See `outgoing_max`, `high_water`, `low_water`. */
  void (*on_drain)(wsuv_session_t *session);
  /**
   * The session has ended. Called exactly once, as the last callback, for every session that
   * wsuv_connect(), a function like it, or a server that has accepted an upgrade has made; also if
   * it never opened. The session is freed when it returns.
   */
  void (*on_close)(wsuv_session_t *session, const wsuv_close_info_t *info);
  /**
   * A redirect is about to be followed (wsuv_config::max_redirects). Returns whether it shall be:
   * if not, the session ends with `WSUV_EREDIRECT`. NULL: all are followed.
   */
  bool (*on_redirect)(wsuv_session_t *session, const wsuv_redirect_t *redirect);
  /**
   * The server has refused the upgrade with status 401, and credentials of the request, if there
   * are any, are of no use. The program answers now or later, by wsuv_session_authorize() or
   * wsuv_session_authorize_failed(), before `handshake_timeout_ms` passes. NULL: the session ends
   * with `WSUV_ESTATUS`. At most wsuv_config::max_attempts times in a session. Sessions over a
   * stream or transport of the program's do not ask.
   *
   * Sessions of one client to one origin (scheme, host, port), with this same function, that were
   * refused with the same `Authorization` and `Cookie` ask once: the answer to the first holds for
   * all that wait for it, and for those that were refused with the same later, until it is refused
   * itself. If the session that has asked ends before the answer, another one asks.
   */
  void (*on_unauthorized)(wsuv_session_t *session, const wsuv_unauthorized_t *refusal);
} wsuv_callbacks_t;

/** First member of an initialiser of wsuv_callbacks_t. In C++ before 20: wsuv_callbacks_init(). */
#define WSUV_CALLBACKS_INIT .size = sizeof(wsuv_callbacks_t)

/** Fill in callbacks that are all unset. */
static inline void wsuv_callbacks_init(wsuv_callbacks_t *callbacks) {
  memset(callbacks, 0, sizeof(*callbacks));
  callbacks->size = sizeof(*callbacks);
}

/** What to connect to. Initialise with wsuv_request_init(). Copied by wsuv_connect(). */
typedef struct wsuv_request {
  size_t size; /**< `sizeof(wsuv_request_t)` of the caller. */
  /**
   * `ws://host[:port][/path][?query]`, or `wss://`; `http` and `https` mean the same. Or
   * `ws+unix:///path/to/socket:/path?query`: the path of a Unix socket, up to the first colon,
   * without escapes; `Host` is `localhost`. An IPv6 address is in brackets, and may have a zone as
   * users type it, such as `[fe80::1%eth0]` (RFC 9844), or with the older `%25`; it is not sent.
   */
  const char *url;
  const char *origin; /**< Value of `Origin`; NULL: not sent. */
  /** Sent after the client's headers. A `Host` replaces the URL's. */
  const wsuv_header_t *headers;
  size_t header_count;             /**< How many #headers. */
  const char *const *subprotocols; /**< Used instead of the client's, unless NULL. */
  size_t subprotocol_count;        /**< How many #subprotocols. */
  /**
   * Used instead of the client's configuration, unless NULL. Usually the client's with changes,
   * from wsuv_client_get_config(). The fields that are marked "Of the whole" in wsuv_config must be
   * as the client's.
   */
  const wsuv_config_t *config;
  void *data; /**< First value of wsuv_session_data(). */
  /**
   * Used instead of #url, which must be NULL: a name, an IPv4 address, or an IPv6 address without
   * brackets, with or without a zone, such as "fe80::1%eth0".
   */
  const char *host;
  unsigned port;    /**< With #host: 0: the default, 80 or 443. */
  const char *path; /**< With #host: `/path?query`; NULL: "/". */
  bool secure;      /**< With #host: as `wss`. */
  /**
   * Open a raw session. `on_frame` gets every frame, fragments and control frames too, with fin and
   * rsv bits. The session answers neither pings nor the peer's close frame: after a close frame it
   * waits `close_timeout_ms` for the program to answer with wsuv_session_close(), or with
   * wsuv_send() of a close frame; nothing else can be sent after that. Without an answer it ends
   * with status 0 and not clean. Text is checked neither when it is sent nor when it is received,
   * and data frames may be sent with rsv bits. All other rules of RFC 6455 apply: order of frames,
   * masking, control frames without rsv bits; and so do `max_frame_size`, and `max_message_size`
   * for each frame. No extensions are offered.
   */
  bool raw;
  /**
   * A numeric address to connect to, instead of looking up the host; `Host` and TLS still use the
   * host's name. NULL: none. The port is the URL's.
   */
  const char *address;
  /** Used instead of wsuv_config::proxy, unless NULL; "": no proxy. */
  const char *proxy;
  /**
   * User name and password for the server (wsuv_config::auth), used instead of those of the URL,
   * without escapes. NULL: none.
   */
  const char *user;
  /**
   * The password of #user; NULL: "". Without #user, also if the URL has a user name, a password is
   * `UV_EINVAL`.
   */
  const char *password;
  /**
   * Value of `Cookie` (RFC 6265 4.2), such as "a=1; b=2"; NULL: not sent. Cookies that responses
   * set on the way to the open session are added in requests to the same origin, and forgotten with
   * the session's opening.
   */
  const char *cookies;
} wsuv_request_t;

/** Fill in a request with a URL and nothing else. */
static inline void wsuv_request_init(wsuv_request_t *request, const char *url) {
  memset(request, 0, sizeof(*request));
  request->size = sizeof(*request);
  request->url = url;
}

/**
 * Open a session. Either it fails at once, and no callback runs; or it returns a session that ends
 * with exactly one `on_close`.
 * @param client the client
 * @param request copied
 * @param callbacks copied; NULL: none
 * @param[out] session may be NULL
 * @return 0;
 *         `WSUV_EURL`: the URL is malformed, has a fragment, another scheme or port 0, a host over
 *         253 characters or a socket path over 107 bytes; or the parts of the request have one of
 *         these errors; or there is neither URL nor host; or the URL of a proxy is malformed, that
 *         of an environment variable (#WSUV_PROXY_ENVIRONMENT) included; the log says what exactly
 *         is wrong;
 *         `WSUV_EINVAL_HEADER`: a header, subprotocol, origin or credential that may not be sent:
 *         control bytes, no token, a name that the handshake sets itself;
 *         `UV_EPROTONOSUPPORT`: the configuration wants TLS 1.3, and its TLS library has none;
 *         `UV_ENOTSUP`, `WSUV_ETLSOPTION`: as with wsuv_client_new();
 *         `UV_EINVAL`: configuration out of range (see wsuv_client_new()), or with a field of the
 *         whole that is not the client's; both a URL and parts of one; an address that is not
 *         numeric, or that is given together with a Unix socket; a password without a user name;
 *         a malformed list of exceptions from a proxy (wsuv_config::no_proxy, `no_proxy`);
 *         `WSUV_ESIZE`: a structure whose size is that of no version;
 *         `WSUV_ESTATE`: the client is closing;
 *         `UV_ECANCELED`: the program has closed the client's handles (wsuv/client.h);
 *         `WSUV_ERANDOM`; `UV_ENOMEM`; what a hook of an extension returned; or libuv's error when
 *         a handle cannot be made
 */
WSUV_EXTERN int wsuv_connect(wsuv_client_t *client, const wsuv_request_t *request,
                             const wsuv_callbacks_t *callbacks, wsuv_session_t **session);

/**
 * Open a session to a URL with the client's configuration.
 * @param client the client
 * @param url see wsuv_request::url
 * @param callbacks copied; NULL: none
 * @param data first value of wsuv_session_data()
 * @param[out] session may be NULL
 * @return as wsuv_connect()
 */
WSUV_EXTERN int wsuv_connect_url(wsuv_client_t *client, const char *url,
                                 const wsuv_callbacks_t *callbacks, void *data,
                                 wsuv_session_t **session);

/**
 * Open a session over a stream that is connected already: a `uv_tcp_t` or `uv_pipe_t` of the
 * client's loop. No byte of this session's handshakes may have been sent or received on it yet.
 * `Host`, target and credentials come from the URL or the parts of the request; no name is looked
 * up, and socket options of the configuration are not applied.
 *
 * When this succeeds, the session reads, writes and closes the stream, and uses its `data`. The
 * caller still owns the memory of the handle, which must be valid until `on_close` is called;
 * `on_close` may free it. When this fails, the stream is unchanged, and the caller still owns it.
 * @param client the client
 * @param request copied; without `address`
 * @param stream connected, neither closing nor shut down; if it is being read, reading is stopped
 * @param callbacks copied; NULL: none
 * @param[out] session may be NULL
 * @return as wsuv_connect(), and
 *         `UV_EINVAL`: `stream` is NULL, of another kind or of another loop, or there is an
 *         `address`;
 *         `UV_ENOTCONN`: it is not connected, or its closing has begun;
 *         `UV_ENOTSUP`: the client is one of a testkit (wsuv/testkit.h)
 */
WSUV_EXTERN int wsuv_connect_stream(wsuv_client_t *client, const wsuv_request_t *request,
                                    uv_stream_t *stream, const wsuv_callbacks_t *callbacks,
                                    wsuv_session_t **session);

/**
 * Open a session over a connection whose bytes the program moves (wsuv/transport.h): the request is
 * written by the functions of the program's, and the response comes in by
 * wsuv_transport_received(). No byte of this session's handshakes may have been sent or received
 * yet. `Host`, target and credentials come from the URL or the parts of the request. With `wss`,
 * TLS is put over the transport, unless wsuv_transport_ops::secure is set.
 *
 * When this succeeds, the connection is the session's until wsuv_transport_closed(). When it fails,
 * no function of @p ops was called.
 * @param client the client
 * @param request copied; without `address`
 * @param ops copied
 * @param data first argument of all functions of @p ops
 * @param callbacks copied; NULL: none
 * @param[out] transport for the functions of wsuv/transport.h
 * @param[out] session may be NULL
 * @return as wsuv_connect(), and
 *         `UV_EINVAL`: @p transport is NULL, a function of @p ops is missing, or there is an
 *         `address`
 */
WSUV_EXTERN int wsuv_connect_transport(wsuv_client_t *client, const wsuv_request_t *request,
                                       const wsuv_transport_ops_t *ops, void *data,
                                       const wsuv_callbacks_t *callbacks,
                                       wsuv_transport_t **transport, wsuv_session_t **session);

/** @name Sending
 * A send copies its payload into the session's queue. Everything that is queued in one iteration of
 * the loop is written together. A send returns 0, or one of these errors:
 * `WSUV_ESTATE`: not open yet, or closing has begun;
 * `WSUV_EUTF8`: text that is not UTF-8 (RFC 6455 5.6);
 * `WSUV_ECONTROL`: a control frame over 125 bytes, or not final (RFC 6455 5.5);
 * `WSUV_ECLOSECODE`: a close frame with a code that may not be sent;
 * `WSUV_EQUEUEFULL`: it does not fit in `outgoing_max` now, and `on_drain` follows; or it is a ping
 * or pong, and 64 of its kind are in the queue already, which neither `on_drain` nor the
 * `outgoing_policy` is for;
 * `WSUV_EMSGSIZE`: it never fits in `outgoing_max`;
 * `UV_EINVAL`: the function does not send this type; or, while a message is being sent in
 * fragments, it is another message or a fragment of another type; or, between wsuv_send_begin() and
 * wsuv_send_end(), it is not a piece of that message (pings, pongs and the close frame are always
 * allowed); or there are rsv bits in a control frame or in a session that is not raw;
 * `WSUV_ESIZE`: a frame whose size was not filled in;
 * `WSUV_ERANDOM`: there are no random bytes for a masking key, and the session ends;
 * `UV_ECANCELED`: the program has closed the handles of the client or server (wsuv/client.h);
 * `UV_ENOMEM`; or what an extension returned. After an error nothing was queued. If an extension
 * had started to change the message, the session ends with that error, because the peer could not
 * decode the next message.
 * @{ */

/**
 * A completion: called from the loop exactly once, before `on_close`. Those of pings and pongs are
 * called in the order of sending, and so are all others.
 * @param session the session
 * @param status 0: the kernel has taken all bytes; `UV_ECANCELED`: bytes were dropped, because the
 *        session ended or the peer closed; or the error of the write
 * @param arg as given
 */
typedef void (*wsuv_send_cb)(wsuv_session_t *session, int status, void *arg);

/** Send a whole text message. */
WSUV_EXTERN int wsuv_send_text(wsuv_session_t *session, const void *data, size_t len);

/** Send a whole binary message. */
WSUV_EXTERN int wsuv_send_binary(wsuv_session_t *session, const void *data, size_t len);

/** Send a whole message of type #WSUV_FRAME_TEXT or #WSUV_FRAME_BINARY, such as one that came. */
WSUV_EXTERN int wsuv_send_message(wsuv_session_t *session, wsuv_frame_type_t type, const void *data,
                                  size_t len);

/** Send a ping. It is sent before queued data, but never inside a frame. */
WSUV_EXTERN int wsuv_send_ping(wsuv_session_t *session, const void *data, size_t len);

/** Send an unsolicited pong (RFC 6455 5.5.3). Pings are answered automatically. */
WSUV_EXTERN int wsuv_send_pong(wsuv_session_t *session, const void *data, size_t len);

/**
 * Send a whole text or binary message, a ping or a pong whose payload is in pieces.
 * @param session the session
 * @param type not #WSUV_FRAME_CLOSE
 * @param bufs the pieces; they are copied
 * @param nbufs how many
 * @param cb called when the kernel has taken it, or when it is dropped; NULL: none
 * @param arg handed to @p cb
 */
WSUV_EXTERN int wsuv_send_bufs(wsuv_session_t *session, wsuv_frame_type_t type,
                               const uv_buf_t bufs[], unsigned nbufs, wsuv_send_cb cb, void *arg);

/**
 * Send one frame. A data frame with `fin` false begins or continues a message: the later frames
 * have the same `type` and are sent as continuation frames. A close frame begins or answers the
 * closing handshake, as wsuv_session_close() does; its payload is empty, or a code and a reason.
 * @p cb, unless NULL, is called when the kernel has taken the frame, or when it is dropped.
 */
WSUV_EXTERN int wsuv_send(wsuv_session_t *session, const wsuv_frame_t *frame, wsuv_send_cb cb,
                          void *arg);

/**
 * Begin a message that is sent in pieces, by wsuv_send_piece(), up to wsuv_send_end(). In between
 * nothing but these two, pings, pongs and the close frame may be sent. Nothing is sent before the
 * first piece. `UV_EINVAL`: another message has been begun, in pieces or in fragments; `UV_ENOMEM`.
 * @param session the session
 * @param type #WSUV_FRAME_TEXT or #WSUV_FRAME_BINARY
 */
WSUV_EXTERN int wsuv_send_begin(wsuv_session_t *session, wsuv_frame_type_t type);

/**
 * Send a piece of the message that was begun, of any length up to `outgoing_max`. The whole message
 * may be longer, because that limits the queue only. If a piece is refused with `WSUV_EQUEUEFULL`,
 * send it again in `on_drain`. Text may be cut inside a character. `UV_EINVAL`: none was begun by
 * wsuv_send_begin().
 *
 * Small pieces are gathered into one frame (RFC 6455 5.4), because many peers limit the frames of a
 * message. A frame leaves when 16 KiB are gathered, and in any case when the queue is empty and the
 * turn of the loop ends. From the 1,024th frame of the message on, it leaves when 64 KiB are
 * gathered, from the 4,096th at 256 KiB, from the 8,192nd at 1 MiB: or after 1 s, or when the turn
 * ends if one of its pieces has a completion or if `on_drain` waits for it. wsuv_flush() sends what
 * is gathered now. What is gathered counts in `outgoing_max` and in wsuv_buffered_amount(). A piece
 * without a byte makes no frame. In a raw session each piece is a frame, also one without a byte.
 *
 * If there is no memory for the frame of pieces that were accepted, the session ends with
 * `UV_ENOMEM`.
 * @param session the session
 * @param data the piece; it is copied
 * @param len its length in bytes
 * @param cb called when the kernel has taken it, or when it is dropped; NULL: none
 * @param arg handed to @p cb
 */
WSUV_EXTERN int wsuv_send_piece(wsuv_session_t *session, const void *data, size_t len,
                                wsuv_send_cb cb, void *arg);

/**
 * End the message that was begun. What is gathered of it becomes its last frame. `UV_EINVAL`: none
 * was begun by wsuv_send_begin(); `WSUV_EUTF8`: its text ends inside a character.
 */
WSUV_EXTERN int wsuv_send_end(wsuv_session_t *session, wsuv_send_cb cb, void *arg);

/**
 * Send a prepared message. It is copied, and the caller still owns it.
 *
 * In a session whose only extension is permessage-deflate, the message is sent as it was compressed
 * once for all sessions. With other extensions it is changed in each session, like any message.
 * With context takeover, the next message is compressed with an empty window.
 * @param session the session
 * @param prepared the message
 * @param cb called when the kernel has taken it, or when it is dropped; NULL: none
 * @param arg handed to @p cb
 * @return as other sends of a whole message
 */
WSUV_EXTERN int wsuv_send_prepared(wsuv_session_t *session, wsuv_prepared_t *prepared,
                                   wsuv_send_cb cb, void *arg);

/**
 * Call @p cb, from the loop, when the kernel has everything that was sent before. While the session
 * is closing, that includes the close frame, with which the flush succeeds even if data before it
 * was dropped. Pieces that were gathered (wsuv_send_piece()) become a frame now. Nothing else
 * happens if @p cb is NULL.
 */
WSUV_EXTERN int wsuv_flush(wsuv_session_t *session, wsuv_send_cb cb, void *arg);

/**
 * Payload bytes of queued messages that the kernel does not have yet, after compression. A message
 * that is sent in fragments leaves fragment by fragment.
 */
WSUV_EXTERN size_t wsuv_buffered_amount(const wsuv_session_t *session);
/** @} */

/**
 * Start the closing handshake (RFC 6455 7.1.2): a close frame is sent after all that is queued.
 * Messages that still arrive are delivered. A session that is not open yet is terminated, as by
 * wsuv_session_terminate(). Calling it again has no effect.
 * @param session the session
 * @param code 1000–1003, 1007–1014 or 3000–4999
 * @param reason UTF-8, terminated, 123 bytes at most; NULL: none
 * @return 0; `WSUV_ECLOSECODE`: a code that may not be sent; `WSUV_ECONTROL`: the reason is too
 *         long; `WSUV_EUTF8`: the reason is not UTF-8; `WSUV_ERANDOM`; `UV_ECANCELED`: the
 *         program has closed the handles of the client or server (wsuv/client.h); `UV_ENOMEM`; or,
 *         for pieces that were gathered (wsuv_send_piece()), what an extension returned, as a send
 *         does
 */
WSUV_EXTERN int wsuv_session_close(wsuv_session_t *session, unsigned code, const char *reason);

/**
 * Drop the connection now, at any stage. Queued data is discarded; its completions and `on_close`
 * get `UV_ECANCELED`. If there was an error or the peer's close frame before, `on_close` reports
 * that instead. No other callback runs any more. Calling it again has no effect.
 */
WSUV_EXTERN void wsuv_session_terminate(wsuv_session_t *session);

/**
 * Stop reading from the socket: no message, ping or pong is delivered before
 * wsuv_session_resume(), and TCP's flow control slows the peer down. Bytes that were read and not
 * delivered are kept. Ping and idle timeouts stop, so a dead peer is not noticed. Sending goes on,
 * pings included. If a paused session is closed, received data is discarded until the peer's close
 * frame. Calling it again has no effect.
 * @param session the session
 * @return 0; `WSUV_ESTATE`: not open, or closing has begun; `UV_ECANCELED`: the program has closed
 *         the handles of the client or server (wsuv/client.h)
 */
WSUV_EXTERN int wsuv_session_pause(wsuv_session_t *session);

/**
 * Read again. The bytes that were kept are delivered first, from the loop. Calling it again has no
 * effect.
 * @param session the session
 * @return as wsuv_session_pause()
 */
WSUV_EXTERN int wsuv_session_resume(wsuv_session_t *session);

/**
 * Do not keep the loop alive, as uv_unref() for a handle: uv_run() returns when only such sessions
 * are left. Running operations (a lookup, connecting, writing) still keep it alive, and so does a
 * session that closes, from the begin of the closing handshake to its `on_close`. The session stays
 * open: run the loop again to go on with it or to terminate it. By default a session
 * keeps the loop alive until its `on_close`. Calling it again has no effect.
 */
WSUV_EXTERN void wsuv_session_unref(wsuv_session_t *session);

/** Keep the loop alive again. Calling it again has no effect. */
WSUV_EXTERN void wsuv_session_ref(wsuv_session_t *session);

/** @name Settings of an open session
 * These functions replace values of the configuration, with the same meaning and units. They return
 * 0; `UV_EINVAL`: a limit of 0; `WSUV_ESTATE`: not open, or closing has begun; `UV_ECANCELED`: the
 * program has closed the handles of the client or server (wsuv/client.h); or, of the limits,
 * `UV_ENOMEM`: nothing has changed.
 * @{ */

/** The interval of pings (0: none) and their timeout (0: twice the interval). */
WSUV_EXTERN int wsuv_session_set_ping(wsuv_session_t *session, uint64_t interval_ms,
                                      uint64_t timeout_ms);

/** The idle timeout; 0: none. */
WSUV_EXTERN int wsuv_session_set_idle_timeout(wsuv_session_t *session, uint64_t timeout_ms);

/** The largest frame that may be received; applies from the next frame on. */
WSUV_EXTERN int wsuv_session_set_max_frame_size(wsuv_session_t *session, uint64_t size);

/**
 * The largest message that may be received; applies from the next frame on, or at once to a
 * compressed message that is being received.
 */
WSUV_EXTERN int wsuv_session_set_max_message_size(wsuv_session_t *session, size_t size);

/** Whether frames are masked; see wsuv_config::masking. */
WSUV_EXTERN int wsuv_session_set_masking(wsuv_session_t *session, bool masking);
/** @} */

/** @name Authentication of a session that is not open yet
 * @{ */

/**
 * Answer wsuv_callbacks::on_unauthorized: send the request again, on a new connection.
 * @param session the session, or another one that waits for the same answer
 * @param headers copied; they replace those of the request and of the client that have the same
 *        names, such as `Authorization`, as long as the session stays at this origin
 * @param count how many
 * @return 0; `WSUV_ESTATE`: the session waits for no answer; `WSUV_EINVAL_HEADER`: a field that may
 *         not be sent, and the session still waits; `UV_EINVAL`: @p headers is NULL, and
 *         @p count is not 0; `UV_ECANCELED`: the program has closed the handles of the client;
 *         `UV_ENOMEM`: it still waits
 */
WSUV_EXTERN int wsuv_session_authorize(wsuv_session_t *session, const wsuv_header_t *headers,
                                       size_t count);

/**
 * Answer wsuv_callbacks::on_unauthorized: there are no other credentials. All sessions that wait
 * for this answer end.
 * @param session as for wsuv_session_authorize()
 * @param status negative: the status of `on_close`; 0: `WSUV_ESTATUS`, with the response
 * @return 0; `WSUV_ESTATE`: the session waits for no answer; `UV_EINVAL`: @p status is positive;
 *         `UV_ECANCELED`: the program has closed the handles of the client; `UV_ENOMEM`: it still
 *         waits
 */
WSUV_EXTERN int wsuv_session_authorize_failed(wsuv_session_t *session, int status);
/** @} */

/** The client that the session belongs to; NULL: it is a server's. */
WSUV_EXTERN wsuv_client_t *wsuv_session_client(const wsuv_session_t *session);

/** The stage that the session has reached. */
WSUV_EXTERN wsuv_stage_t wsuv_session_stage(const wsuv_session_t *session);

/** Attach a pointer that belongs to the program. */
WSUV_EXTERN void wsuv_session_set_data(wsuv_session_t *session, void *data);

/** The pointer that was attached: by the request, the route or the decision, or later. */
WSUV_EXTERN void *wsuv_session_data(const wsuv_session_t *session);

/** The negotiated subprotocol, terminated; "" if none, or if not open yet. */
WSUV_EXTERN const char *wsuv_session_subprotocol(const wsuv_session_t *session);

/**
 * The negotiated extensions with their parameters, as in the server's response; "" if none, or
 * before `on_open`. Valid until `on_close` returns; in a raw session, until `on_open` returns, or
 * with wsuv_config::keep_handshake as long.
 */
WSUV_EXTERN const char *wsuv_session_extensions(const wsuv_session_t *session);

/**
 * The peer's address: the one that the socket is connected to. In the `on_close` of a session that
 * was open: the same, with wsuv_config::keep_handshake. In that of a session that never opened: the
 * one that it was connected to, also by wsuv_connect_stream(); if it was never connected, the one
 * that was tried last, which wsuv_close_info::status is about.
 * @param session the session
 * @param[out] addr AF_INET, AF_INET6, or AF_UNIX with the socket's path, which is empty if the
 *             peer's socket has none
 * @return 0; `WSUV_ESTATE`: there is no connection yet (a proxy that has not made the tunnel yet is
 *         none), or not any more, as from `on_unauthorized` to the next connection; in the
 *         `on_close` of a session that never opened: no address was tried; or libuv's error
 */
WSUV_EXTERN int wsuv_session_peer_address(const wsuv_session_t *session,
                                          struct sockaddr_storage *addr);

/**
 * The local address of the connection; for a Unix socket without a path. Returns 0; `WSUV_ESTATE`:
 * there is no connection yet, or not any more; or libuv's error.
 */
WSUV_EXTERN int wsuv_session_local_address(const wsuv_session_t *session,
                                           struct sockaddr_storage *addr);

/**
 * The proxies that the session goes through, as URLs without credentials, separated by spaces, such
 * as "http://proxy.example:3128"; NULL: none. They can be read as long as the opening handshake
 * (wsuv_session_request_head()), and before the session is open. The peer's address is then that of
 * the first proxy.
 */
WSUV_EXTERN const char *wsuv_session_proxy(const wsuv_session_t *session);

/** The process at the other end of a Unix socket. Fill in the size with wsuv_credentials_init(). */
typedef struct wsuv_credentials {
  size_t size;  /**< `sizeof(wsuv_credentials_t)` of the caller. */
  int64_t pid;  /**< The number of the process; -1: the system does not say. */
  uint32_t uid; /**< Its effective user. */
  uint32_t gid; /**< Its effective group. */
} wsuv_credentials_t;

/** Fill in the size. */
static inline void wsuv_credentials_init(wsuv_credentials_t *credentials) {
  memset(credentials, 0, sizeof(*credentials));
  credentials->size = sizeof(*credentials);
}

/**
 * Which process is the peer: on a Unix socket the kernel notes it when the connection is made
 * (SO_PEERCRED, getpeereid). User and group can be relied on; the process may have ended, and its
 * number may be another's by now.
 * @param session the session
 * @param[in,out] credentials initialised by wsuv_credentials_init()
 * @return 0; `WSUV_ESTATE`: there is no connection yet, or not any more; `UV_ENOTSUP`: it is no
 *         Unix socket, or the system does not tell; `WSUV_ESIZE`; or libuv's error
 */
WSUV_EXTERN int wsuv_session_peer_credentials(const wsuv_session_t *session,
                                              wsuv_credentials_t *credentials);

/** @name The opening handshake
 * Request and response of an open session. They can be read in `on_open`; with `keep_handshake`,
 * until `on_close` returns. The strings are valid for the same time. The response of a refused
 * upgrade is in wsuv_close_info_t. A server does not keep the fields of its own response: those
 * functions return NULL for its sessions.
 * @{ */

/**
 * The request as it was sent, credentials included, from "GET" to the empty line. Also before the
 * session is open.
 * @param session the session
 * @param[out] len its bytes; may be NULL
 * @return the text, not terminated; NULL: the handshake is gone, or, on a server, which writes the
 * text at the first call, there is no memory for it
 */
WSUV_EXTERN const char *wsuv_session_request_head(const wsuv_session_t *session, size_t *len);

/** The status of the response, 101; 0: not open yet, or the handshake is gone. */
WSUV_EXTERN int wsuv_session_status(const wsuv_session_t *session);

/**
 * All header fields of the response, in their order.
 * @param session the session
 * @param[out] count how many
 * @return an array; NULL, and a count of 0: not open yet, the handshake is gone, or there is no
 *         memory
 */
WSUV_EXTERN const wsuv_header_t *wsuv_session_response_headers(const wsuv_session_t *session,
                                                               size_t *count);

/**
 * A header field of the response.
 * @param session the session
 * @param name in any case
 * @return the value of the first field of that name, terminated; NULL: there is none, not open yet,
 *         or the handshake is gone
 */
WSUV_EXTERN const char *wsuv_session_response_header(const wsuv_session_t *session,
                                                     const char *name);
/** @} */

/**
 * What TLS has negotiated. The strings in @p info are valid until control returns to the loop.
 *
 * In `on_close` it also works after the handshake of TLS has failed, if the peer's certificate had
 * come: `peer_certificate` is set, and the strings are empty. The certificate is what the peer has
 * sent, also if it, or another one of the chain, cannot be parsed; whether it was the reason,
 * wsuv_close_info::status says.
 * @param session the session
 * @param[in,out] info initialised by wsuv_tls_info_init()
 * @return 0; `WSUV_ESTATE`: not a `wss` session, or its TLS is not there yet, or its handshake has
 *         failed before the peer's certificate had come; `WSUV_ESIZE`: its size was not filled in
 */
WSUV_EXTERN int wsuv_session_tls(const wsuv_session_t *session, wsuv_tls_info_t *info);

/** Round-trip times of the keepalive's pings, in microseconds. */
typedef struct wsuv_rtt {
  size_t size;          /**< `sizeof(wsuv_rtt_t)` of the caller. */
  uint64_t last_us;     /**< Of the last ping that was answered. */
  uint64_t min_us;      /**< The smallest. */
  uint64_t smoothed_us; /**< Smoothed as in RFC 6298, with weight 1/8. */
} wsuv_rtt_t;

/** Fill in times that are all 0. */
static inline void wsuv_rtt_init(wsuv_rtt_t *rtt) {
  memset(rtt, 0, sizeof(*rtt));
  rtt->size = sizeof(*rtt);
}

/**
 * Read the round-trip times. A pong counts only if it has the payload of the latest ping, and if
 * reading was not paused since that ping.
 * @param session the session
 * @param[in,out] rtt initialised by wsuv_rtt_init()
 * @return 0; `UV_EAGAIN`: no ping has been answered yet; `WSUV_ESIZE`: its size was not filled in
 */
WSUV_EXTERN int wsuv_session_rtt(const wsuv_session_t *session, wsuv_rtt_t *rtt);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
