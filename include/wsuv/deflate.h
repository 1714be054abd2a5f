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
 * A secret that is compressed together with what an attacker can choose may be guessed from the
 * length of the result; send one of both uncompressed.
 *
 * Memory: a deflater takes 261 KiB at the default window and memory level (22 KiB at 12 and 1), an
 * inflater up to 40 KiB. Both are made for the first message that needs them. Where a context is
 * taken over, the session then keeps them; where none is, they go back after each message, and the
 * client keeps one spare of each kind for all its sessions.
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
 * Whether a message is to be compressed. A hook: it runs inside the send and may not call wsuv.
 * For a prepared message it is asked once for all sessions with the same window, level, hook, its
 * argument and size from which to compress.
 * @param arg as configured
 * @param type #WSUV_FRAME_TEXT or #WSUV_FRAME_BINARY
 * @param data the message; of one that is sent in fragments, the first
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
   * The server's messages are compressed each for itself (RFC 7692 7.1.1.1). A client requires it:
   * an answer without it fails the handshake. Default false.
   */
  bool server_no_context_takeover;
  /** The same for the client's messages (RFC 7692 7.1.1.2); a server requires it. Default false. */
  bool client_no_context_takeover;
  /**
   * Largest window of the server, 8 to 15, as a power of 2 (RFC 7692 7.1.2.1). A client that sets
   * less than 15 requires an answer with as much or less. Default 15.
   */
  unsigned server_max_window_bits;
  /**
   * Largest window of the client, 8 to 15 (RFC 7692 7.1.2.2). 0: not negotiated, the client uses
   * 15. A client that sets less than 15 uses no more, whatever the answer. Default 15.
   */
  unsigned client_max_window_bits;

  /** Asked for each message, unless NULL (the default): compress it? */
  wsuv_compress_if_fn compress_if;
  void *compress_if_arg; /**< Handed to #compress_if. */
  /**
   * Messages of so many bytes or less are not compressed. One that is sent in fragments counts as
   * larger. Default 0.
   */
  size_t compress_if_bigger_than;
  /**
   * Bound on an inflated message, streamed ones too, at least 1; `WSUV_ETOOBIG` (1009) while it
   * is inflated, not after. What is assembled is bounded by `max_message_size`, too. Default
   * 2147483647.
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
 * @return as that
 */
WSUV_EXTERN int wsuv_permessage_deflate_fill(wsuv_extension_t *extension, size_t size,
                                             const wsuv_deflate_options_t *options);

/**
 * Fill in the extension permessage-deflate, for either role.
 *
 * A client fails the handshake (`WSUV_EEXTENSION`) on an unknown or repeated parameter, a value
 * missing or out of range, `client_max_window_bits` that was not offered, `server_max_window_bits`
 * above the one offered, and on what it required and the answer does not have. It accepts, without
 * having offered them, both `no_context_takeover` and `server_max_window_bits`. A server declines
 * offers that it does not understand.
 *
 * A whole message that compression would not make shorter is sent plain, unless the history is
 * worth more: with context takeover only when it is longer than the window.
 *
 * @param[out] extension what to install
 * @param options NULL: the defaults; read once more when the extension is installed, and not needed
 *        after that
 * @return 0; `UV_EINVAL`: an option is out of range; `WSUV_ESIZE`: a size was not filled in
 */
static inline int wsuv_permessage_deflate(wsuv_extension_t *extension,
                                          const wsuv_deflate_options_t *options) {
  return wsuv_permessage_deflate_fill(extension, sizeof(*extension), options);
}

#ifdef __cplusplus
}
#endif

#endif
