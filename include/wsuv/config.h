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

/** One header field of the opening handshake. */
typedef struct wsuv_header {
  const char *name;  /**< A token (RFC 9110 5.1). */
  const char *value; /**< Visible characters, spaces and tabs; no CR, LF, NUL or control byte. */
} wsuv_header_t;

/** What happens when a message does not fit into the outgoing queue. */
typedef enum wsuv_outgoing_policy {
  /** The send is refused with `WSUV_EQUEUEFULL`, and `on_drain` tells when it would fit. */
  WSUV_OUTGOING_SUSPEND = 0,
  /** The session ends with `WSUV_EQUEUEFULL`, close code 1008: for peers that must keep up. */
  WSUV_OUTGOING_CLOSE = 1
} wsuv_outgoing_policy_t;

/**
 * Configuration. Initialise with wsuv_client_config_init(), which fills in the defaults, then
 * change what should be otherwise. Everything is copied when it is used. Limits are never
 * unlimited: a limit of 0 is refused with `UV_EINVAL`.
 */
typedef struct wsuv_config {
  size_t size; /**< `sizeof(wsuv_config_t)` of the caller. */

  /** A ping is sent each interval, in ms; 0 (the default): never. */
  uint64_t ping_interval_ms;
  /**
   * Nothing at all received for so long after a ping, and no bytes of ours taken while the ping
   * itself waits (of which the kernel may report up to 64 KiB at once): the session ends with
   * `WSUV_EPINGTIMEOUT`, close code 1011. In ms; 0 (the default): twice the interval.
   */
  uint64_t ping_timeout_ms;
  /**
   * No part of a message received, and none sent (by a call), for so long: the session ends with
   * `WSUV_EIDLE`, close code 1001. In ms; 0 (the default): never. Stops while it is paused.
   */
  uint64_t idle_timeout_ms;
  /** A larger incoming frame ends the session with `WSUV_ETOOBIG` (1009). Default 2147483647. */
  uint64_t max_frame_size;
  /** Bound on what is assembled to a message, in bytes; `WSUV_ETOOBIG` (1009). Default 16 MiB. */
  size_t max_message_size;
  /** Frames of one message, empty ones too; `WSUV_EFRAGMENTS` (1008). Default 131072. */
  uint32_t max_message_fragments;
  /**
   * Mask what is sent; default true. Switching it off breaks RFC 6455 5.1 and is for trusted
   * peers only that are known to take unmasked frames.
   */
  bool masking;

  /**
   * Bound on queued payload, in bytes, control frames not counted; default 16 MiB. A send that
   * does not fit is refused with `WSUV_EQUEUEFULL`, and `on_drain` follows as soon as it fits. A
   * message is judged by its own length, what is queued by that behind compression.
   */
  size_t outgoing_max;
  /** What a send does that does not fit; default #WSUV_OUTGOING_SUSPEND. */
  wsuv_outgoing_policy_t outgoing_policy;
  /**
   * `on_drain` also when the queue, having passed this many bytes, … Default 1 MiB. Above
   * #outgoing_max it is never passed.
   */
  size_t high_water;
  /** … falls to this many. Default 256 KiB. */
  size_t low_water;

  /** One deadline from the call to the open session, in ms. Default 10000. */
  uint64_t handshake_timeout_ms;
  /**
   * Deadline of the closing handshake, in ms; begun anew, up to four times, while the kernel
   * still takes bytes of ours. Default 5000.
   */
  uint64_t close_timeout_ms;

  /** Bound on the head of the server's answer, in bytes; `WSUV_EHEADERS`. Default 16 KiB. */
  size_t max_handshake_size;
  /** Header fields in it; `WSUV_EHEADERS`. Default 100. */
  size_t max_handshake_headers;
  /**
   * Keep request and answer of the opening handshake, which can then be read until `on_close`
   * returns, not in `on_open` only: some KiB for each session. Default false.
   */
  bool keep_handshake;
  /** Sent with every handshake, before those of the request. Default none. */
  const wsuv_header_t *headers;
  size_t header_count; /**< How many #headers. */
  /** Value of `User-Agent`; default "wsuv/VERSION"; NULL: the header is not sent. */
  const char *user_agent;
  /** Offered in this order (RFC 6455 1.9), unless the request names its own. Default none. */
  const char *const *subprotocols;
  size_t subprotocol_count; /**< How many #subprotocols. */

  /**
   * Extensions to offer, in this order (RFC 6455 9), as permessage-deflate (wsuv/deflate.h). They
   * are installed with the client; those of a request's own configuration for that session. What
   * wsuv_client_get_config() gives are those installed, which may be used again in part, in another
   * order and beside others. Default none.
   */
  const wsuv_extension_t *const *extensions;
  size_t extension_count; /**< How many #extensions. */

  bool tcp_nodelay; /**< Switch Nagle's algorithm off. Default true. */
  /**
   * Have the kernel probe a connection that has been silent for so long, in seconds, 32767 at
   * most; 0 (the default): never. Notices dead peers only after many minutes: #ping_interval_ms
   * is the better way.
   */
  unsigned tcp_keepalive_s;
  /**
   * A numeric address, IPv4 or IPv6, that connections are bound to; only addresses of its family
   * are connected to (`UV_EAFNOSUPPORT`: there is none). NULL (the default): none. Nothing to
   * Unix sockets.
   */
  const char *local_address;

  /** Of values to messages and back; see wsuv/converter.h. NULL (the default): none. */
  const struct wsuv_converter *converter;

  const wsuv_allocator_t *allocator; /**< NULL (the default): the C library's. */
  wsuv_random_fn random;             /**< NULL (the default): the system's. */
  void *random_arg;                  /**< Handed to #random. */
  wsuv_log_fn log;                   /**< NULL (the default): no log. */
  void *log_arg;                     /**< Handed to #log. */
  wsuv_log_level_t log_level;        /**< Lines above this level are left out. Default INFO. */

  /** How `wss` sessions are secured; NULL (the default): verified against the system's trust. */
  const wsuv_tls_config_t *tls;
} wsuv_config_t;

/** Fill in the defaults; @p size is the caller's `sizeof`. Use wsuv_client_config_init(). */
WSUV_EXTERN void wsuv_client_config_defaults(wsuv_config_t *config, size_t size);

/** Fill in the defaults. */
static inline void wsuv_client_config_init(wsuv_config_t *config) {
  wsuv_client_config_defaults(config, sizeof(*config));
}

#ifdef __cplusplus
}
#endif

#endif
