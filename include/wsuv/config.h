#ifndef WSUV_CONFIG_H
#define WSUV_CONFIG_H

/**
 * @file wsuv/config.h
 * @brief The configuration that the sessions of a client share.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/export.h>
#include <wsuv/extension.h>
#include <wsuv/hooks.h>
#include <wsuv/tls.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @addtogroup clients
 * @{
 */

/** One header field of the opening handshake. */
typedef struct wsuv_header {
  const char *name;  /**< A token (RFC 9110 5.1). */
  const char *value; /**< Visible characters, spaces and tabs; no CR, LF, NUL or control byte. */
} wsuv_header_t;

/** What happens when a message does not fit into the outgoing queue. */
typedef enum wsuv_outgoing_policy {
  /** The send is refused with `WSUV_EQUEUEFULL`, and `on_drain` tells when it would fit. */
  WSUV_OUTGOING_SUSPEND = 0,
  /**
   * The session ends with `WSUV_EQUEUEFULL`, close code 1008. Use it if a peer that reads
   * too slowly must be disconnected.
   */
  WSUV_OUTGOING_CLOSE = 1
} wsuv_outgoing_policy_t;

/** What looks names up. */
typedef enum wsuv_resolver {
  /** #WSUV_RESOLVER_CARES where it is built in and can begin, or else #WSUV_RESOLVER_SYSTEM. */
  WSUV_RESOLVER_AUTO = 0,
  /**
   * c-ares: on the loop, with no thread, any number of lookups at a time. It asks the name servers
   * of `/etc/resolv.conf`, which is read again when it changes. The names that DNS alone does not
   * decide go to #WSUV_RESOLVER_SYSTEM nevertheless: those in `/etc/hosts`; `localhost`, `local`
   * (RFC 6762) and what is under them; names with a final dot or with characters other than ASCII
   * letters, digits, `-`, `_` and `.`; and all names if `/etc/nsswitch.conf` has anything but
   * `files` and `dns` for `hosts`, if `/etc/gai.conf` has any setting, or if `/etc/resolv.conf` has
   * one that c-ares does not treat as the C library does.
   */
  WSUV_RESOLVER_CARES = 1,
  /**
   * The C library's `getaddrinfo`, in libuv's thread pool: as many lookups at a time as half of the
   * pool's threads (environment variable `UV_THREADPOOL_SIZE`, default 4). A lookup whose name
   * server is silent keeps its thread, even if its session has ended.
   */
  WSUV_RESOLVER_SYSTEM = 2
} wsuv_resolver_t;

/**
 * Configuration. Fill in the defaults with wsuv_client_config_init(), then change fields. It is
 * copied, with all that it points to, when it is used. No limit can be switched off, unless its
 * description says how: 0 is refused with `UV_EINVAL`.
 */
typedef struct wsuv_config {
  size_t size; /**< `sizeof(wsuv_config_t)` of the caller. */

  /** A ping is sent each interval, in ms; 0 (the default): never. */
  uint64_t ping_interval_ms;
  /**
   * Timeout for the answer to a ping, in ms; 0 (the default): twice the interval. Every byte that
   * is received counts as an answer. As long as the ping is on its way behind other data, the
   * timeout starts again whenever the peer has acknowledged bytes; from its acknowledgement on,
   * only received bytes count. What is acknowledged is known on Linux; elsewhere bytes count as
   * acknowledged when the kernel has taken them. When the timeout passes, the session ends with
   * `WSUV_EPINGTIMEOUT`, close code 1011.
   */
  uint64_t ping_timeout_ms;
  /**
   * Idle timeout, in ms; 0 (the default): none. It starts again whenever part of a message is
   * received, a message is sent, or the peer has acknowledged part of a message that was sent (as
   * with #ping_timeout_ms). It stops while the session is paused. When it passes, the session ends
   * with `WSUV_EIDLE`, close code 1001.
   */
  uint64_t idle_timeout_ms;
  /** A larger incoming frame ends the session with `WSUV_ETOOBIG` (1009). Default 2147483647. */
  uint64_t max_frame_size;
  /** A larger incoming message ends the session with `WSUV_ETOOBIG` (1009). Default 16 MiB. */
  size_t max_message_size;
  /** A message in more frames ends the session with `WSUV_EFRAGMENTS` (1008). Default 131072. */
  uint32_t max_message_fragments;
  /**
   * Mask the frames that are sent; default true. Without masking a client violates RFC 6455 5.1;
   * switch it off only for trusted peers that are known to accept unmasked frames.
   */
  bool masking;

  /**
   * Limit of the payload in the outgoing queue, in bytes, without control frames; default 16 MiB.
   * A send that does not fit is refused with `WSUV_EQUEUEFULL`, and `on_drain` follows as soon as
   * it fits. For a new message its length before compression is counted; for queued messages, the
   * length after compression.
   */
  size_t outgoing_max;
  /** What happens to a send that does not fit; default #WSUV_OUTGOING_SUSPEND. */
  wsuv_outgoing_policy_t outgoing_policy;
  /**
   * `on_drain` is also called when the queue has grown beyond this many bytes and has then shrunk
   * to #low_water. Default 1 MiB. A value above #outgoing_max is never reached.
   */
  size_t high_water;
  /** See #high_water. Default 256 KiB. */
  size_t low_water;

  /**
   * Time from wsuv_connect() to the open session, in ms. If the session has to wait for its turn
   * (#max_connecting), the time begins when its turn has come. If the program keeps the loop from
   * running when this time ends, or just before, the session gets the lost time back. Default
   * 10000.
   */
  uint64_t handshake_timeout_ms;
  /**
   * Time for the closing handshake, in ms. Until the peer has acknowledged our close frame, it
   * starts again whenever the peer has acknowledged bytes (as with #ping_timeout_ms); then it is
   * the time for the peer's answer. #close_deadline_ms limits the whole. When it passes, the
   * session ends with `WSUV_ECLOSETIMEOUT`. Default 5000.
   */
  uint64_t close_timeout_ms;

  /** A response with a larger head, in bytes, fails with `WSUV_EHEADERS`. Default 16 KiB. */
  size_t max_handshake_size;
  /** A response with more header fields fails with `WSUV_EHEADERS`. Default 100. */
  size_t max_handshake_headers;
  /**
   * Keep request and response of the opening handshake, so that they can be read until `on_close`
   * returns, and not only in `on_open`. It takes some KiB for each session. Default false.
   */
  bool keep_handshake;
  /** Header fields of every request, sent before those of wsuv_request::headers. Default none. */
  const wsuv_header_t *headers;
  size_t header_count; /**< How many #headers. */
  /** Value of `User-Agent`; default "wsuv/VERSION"; NULL: the header is not sent. */
  const char *user_agent;
  /** Offered in this order (RFC 6455 1.9), unless the request names its own. Default none. */
  const char *const *subprotocols;
  size_t subprotocol_count; /**< How many #subprotocols. */

  /**
   * Extensions to offer, in this order (RFC 6455 9), such as permessage-deflate (wsuv/deflate.h).
   * A client installs them when it is made; a request with its own configuration installs its
   * own for that session. wsuv_client_get_config() returns the installed extensions. The
   * configuration of a request may use some or all of them, in any order, together with others.
   * Default none.
   */
  const wsuv_extension_t *const *extensions;
  size_t extension_count; /**< How many #extensions. */

  bool tcp_nodelay; /**< Switch Nagle's algorithm off. Default true. */
  /**
   * TCP keepalive: when nothing was received for this time, in seconds, at most 32767, the kernel
   * sends up to nine probes, each a third of this time (at least 1 s) after the one before. If none
   * is answered, the session ends with `UV_ETIMEDOUT`: after about four times this time. 0 (the
   * default): no probes. They are not sent while the peer owes an acknowledgement of data; then a
   * dead peer is noticed after many minutes, so #ping_interval_ms is better.
   */
  unsigned tcp_keepalive_s;
  /**
   * A numeric local address, IPv4 or IPv6, to bind sockets to. Only peer addresses of the same
   * family are used (`UV_EAFNOSUPPORT`: there is none). NULL (the default): none. Unix sockets
   * ignore it.
   */
  const char *local_address;

  /** Converts values to messages and back (wsuv/converter.h). NULL (the default): none. */
  const struct wsuv_converter *converter;

  const wsuv_allocator_t *allocator; /**< NULL (the default): the C library's. */
  wsuv_random_fn random;             /**< NULL (the default): the system's. */
  void *random_arg;                  /**< Handed to #random. */
  wsuv_log_fn log;                   /**< NULL (the default): no log. */
  void *log_arg;                     /**< Handed to #log. */
  wsuv_log_level_t log_level;        /**< Lines above this level are left out. Default INFO. */
  /**
   * What looks names up, for all sessions of the client. #WSUV_RESOLVER_CARES where the library was
   * built without c-ares: `UV_ENOTSUP`. Default #WSUV_RESOLVER_AUTO.
   */
  wsuv_resolver_t resolver;

  /**
   * How `wss` sessions are secured; NULL (the default): the peer is verified with the
   * system's trusted certificates.
   */
  const wsuv_tls_config_t *tls;

  /**
   * So many sessions connect to the same host and port, or Unix socket, at the same time; the
   * others wait for their turn, in the order of the calls (RFC 6455 4.1 allows one). A place is
   * free when TLS is done (`wss`), or when the session has opened or failed. Besides, the first
   * `wss` session to a host that cannot resume a TLS session connects alone until TLS is done, so
   * that the others can resume its TLS session (TLS 1.3: until the server has sent one, or the
   * response); not if wsuv_tls_config::resumption is off, or if the host gave none before. Sessions
   * over a stream of the program's do not wait. 0 (the default): 16 for `wss`, without a limit for
   * `ws`. `UINT_MAX`: without a limit, and nobody waits.
   */
  unsigned max_connecting;
  /**
   * Time that a session may wait for its turn (#max_connecting), in ms; 0: without a limit. When it
   * passes, the session ends with `UV_ETIMEDOUT`, stage `resolve`, detail "queue deadline". Default
   * 10000.
   */
  uint64_t queue_timeout_ms;
  /**
   * Limit of the whole closing handshake, in ms, however much the peer still acknowledges (see
   * #close_timeout_ms). When it passes, the session ends with `WSUV_ECLOSETIMEOUT`. If it is less
   * than #close_timeout_ms, it holds instead. Default 120000.
   */
  uint64_t close_deadline_ms;
  /**
   * A message whose payload is longer than this many bytes, after compression, is sent in fragments
   * (RFC 6455 5.4) of this length, or of a 1,024th of the payload if that is more. Pings, pongs and
   * an answer to the peer's close frame can leave between fragments. Frames that the program makes
   * itself, by wsuv_send() or in a raw session, are sent as they are. 0: no message is fragmented.
   * Default 64 KiB.
   */
  size_t fragment_size;
  /**
   * With #WSUV_LOG_TRACE, so many bytes of each frame's payload are logged, 16 in a line. 0: none.
   * Default 64.
   */
  size_t log_payload_size;
} wsuv_config_t;

/** Fill in the defaults; @p size is the caller's `sizeof`. Use wsuv_client_config_init(). */
WSUV_EXTERN void wsuv_client_config_defaults(wsuv_config_t *config, size_t size);

/** Fill in the defaults. */
static inline void wsuv_client_config_init(wsuv_config_t *config) {
  wsuv_client_config_defaults(config, sizeof(*config));
}

/** @} */

#ifdef __cplusplus
}
#endif

#endif
