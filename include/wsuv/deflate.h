#ifndef WSUV_DEFLATE_H
#define WSUV_DEFLATE_H

/**
 * @file wsuv/deflate.h
 * @brief Compression of messages: the extension permessage-deflate (RFC 7692).
 *
 * It is off unless it is installed:
 * @code
 * wsuv_extension_t deflate;
 * const wsuv_extension_t *extensions[] = {&deflate};
 * wsuv_permessage_deflate(&deflate, NULL);
 * config.extensions = extensions;
 * config.extension_count = 1;
 * @endcode
 *
 * If a secret is compressed together with data that an attacker can choose, the attacker may guess
 * it from the length of the result. Send one of the two without compression.
 *
 * Memory: a deflater takes 261 KiB at the default window and memory level (22 KiB at window 12 and
 * memory level 1), an inflater up to 40 KiB. Both are created for the first message that needs
 * them. With context takeover the session keeps them. Without it they are given back after each
 * message, and the client keeps one spare of each kind for all its sessions.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/export.h>
#include <wsuv/extension.h>
#include <wsuv/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @addtogroup extensions
 * @{
 */

/**
 * Whether to compress a message. A hook: it runs inside the send and may call no function of wsuv.
 * For a prepared message it is called once for all sessions with the same window, level, hook,
 * argument of the hook, and `compress_if_bigger_than`.
 * @param arg as configured
 * @param type #WSUV_FRAME_TEXT or #WSUV_FRAME_BINARY
 * @param data the message, or the first fragment of a message that is sent in fragments
 * @param len bytes at @p data
 */
typedef bool (*wsuv_compress_if_fn)(void *arg, wsuv_frame_type_t type, const void *data,
                                    size_t len);

/** Options of permessage-deflate. Initialise with wsuv_deflate_options_init(). */
typedef struct wsuv_deflate_options {
  size_t size; /**< `sizeof(wsuv_deflate_options_t)` of the caller. */

  int level;     /**< 0 (none), 1 (fastest) to 9 (smallest). Default 6. */
  int mem_level; /**< Memory of a deflater: 1 (least) to 9 (fastest). Default 8. */

  /**
   * The server compresses each message independently of the others (RFC 7692 7.1.1.1). A client
   * that sets it requires it: without it in the response the handshake fails. Default false.
   */
  bool server_no_context_takeover;
  /**
   * The client compresses each message independently of the others (RFC 7692 7.1.1.2). A client
   * that sets it does this; a server that sets it requires it from the client. That a client offers
   * it is only a hint, which a server that does not set it leaves unanswered. It answers a client
   * that offers both `no_context_takeover` and no window, because some that have no context
   * takeover, as gorilla for Go, fail the handshake otherwise. Default false.
   */
  bool client_no_context_takeover;
  /**
   * Largest window of the server, 8 to 15, as a power of 2 (RFC 7692 7.1.2.1). A client that sets
   * less than 15 requires that much or less in the response. Default 15.
   */
  unsigned server_max_window_bits;
  /**
   * Largest window of the client, 8 to 15 (RFC 7692 7.1.2.2). 0: it is not negotiated, so the
   * client uses 15. A client that sets less than 15 never uses more. Default 15.
   */
  unsigned client_max_window_bits;

  /** Called for each message: whether to compress it. NULL (the default): always. */
  wsuv_compress_if_fn compress_if;
  void *compress_if_arg; /**< Handed to #compress_if. */
  /**
   * Messages of this many bytes or less are not compressed. A message that is sent in fragments
   * counts as larger. Default 0.
   */
  size_t compress_if_bigger_than;
  /**
   * The largest inflated message, at least 1; also for messages in pieces. A larger one ends the
   * session with `WSUV_ETOOBIG` (1009) while it is inflated. Whole messages are also limited by
   * `max_message_size`. Default 2147483647.
   *
   * A message that yields too little is refused, too: its input may be 64 times its output, and
   * 64 KiB besides (`WSUV_EDEFLATE`, 1008).
   */
  uint64_t max_inflated_size;
} wsuv_deflate_options_t;

/**
 * Fill in the defaults; @p size is the caller's `sizeof`. Use wsuv_deflate_options_init().
 */
WSUV_EXTERN void wsuv_deflate_options_defaults(wsuv_deflate_options_t *options, size_t size);

/** Fill in the defaults. */
static inline void wsuv_deflate_options_init(wsuv_deflate_options_t *options) {
  wsuv_deflate_options_defaults(options, sizeof(*options));
}

/**
 * Fill in an extension; @p size is the caller's `sizeof`. Use wsuv_permessage_deflate().
 * @return as wsuv_permessage_deflate()
 */
WSUV_EXTERN int wsuv_permessage_deflate_fill(wsuv_extension_t *extension, size_t size,
                                             const wsuv_deflate_options_t *options);

/**
 * Fill in the extension permessage-deflate, for either role.
 *
 * A client fails the handshake (`WSUV_EEXTENSION`) if the response has an unknown or repeated
 * parameter, a value missing or out of range, `client_max_window_bits` without an offer of it, or
 * `server_max_window_bits` above the offered value; or if something that it requires is missing. It
 * accepts both `no_context_takeover` and `server_max_window_bits` without having offered them. A
 * server declines offers with unknown or wrong parameters.
 *
 * A whole message that does not become shorter is sent without compression. With context takeover
 * this is done only if the message is at least as long as the window, because the next message is
 * then compressed with an empty window.
 *
 * @param[out] extension what to install
 * @param options NULL: the defaults; they must be valid until the extension is installed
 * @return 0; `UV_EINVAL`: an option is out of range; `WSUV_ESIZE`: a size was not filled in
 */
static inline int wsuv_permessage_deflate(wsuv_extension_t *extension,
                                          const wsuv_deflate_options_t *options) {
  return wsuv_permessage_deflate_fill(extension, sizeof(*extension), options);
}

/** @} */

#ifdef __cplusplus
}
#endif

#endif
