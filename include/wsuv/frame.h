#ifndef WSUV_FRAME_H
#define WSUV_FRAME_H

/**
 * @file wsuv/frame.h
 * @brief Frames, messages and close codes (RFC 6455 5 and 7).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <wsuv/export.h>
#include <wsuv/hooks.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @addtogroup messages
 * @{
 */

/** What a frame carries: the opcodes of RFC 6455 5.2. */
typedef enum wsuv_frame_type {
  WSUV_FRAME_TEXT = 1,   /**< UTF-8 text. */
  WSUV_FRAME_BINARY = 2, /**< Any bytes. */
  WSUV_FRAME_CLOSE = 8,  /**< The closing handshake: code and reason. */
  WSUV_FRAME_PING = 9,   /**< To be answered by a pong with the same payload. */
  WSUV_FRAME_PONG = 10   /**< Answer to a ping, or unsolicited (RFC 6455 5.5.3). */
} wsuv_frame_type_t;

/**
 * One frame: to be sent, initialised with wsuv_frame_init(), or received by a raw session.
 */
typedef struct wsuv_frame {
  size_t size;            /**< `sizeof(wsuv_frame_t)` of the side that filled it in. */
  wsuv_frame_type_t type; /**< Later fragments have the type of their message. */
  bool fin;               /**< Last (or only) fragment of a message; control frames: always true. */
  bool rsv1;              /**< Reserved for extensions, as are the next two: raw sessions only. */
  bool rsv2;              /**< See #rsv1. */
  bool rsv3;              /**< See #rsv1. */
  /** Received: not the first fragment of its message (opcode 0). Ignored when sending. */
  bool continuation;
  /**
   * To be sent: do not compress this message, for example because it contains a secret. Only the
   * first fragment's value counts. Received: false.
   */
  bool plain;
  const void *data; /**< Payload; may be NULL when #len is 0. Copied when it is sent. */
  size_t len;       /**< Bytes of payload. */
} wsuv_frame_t;

/** Fill in a frame that is a whole message. @p data is not copied before the frame is sent. */
static inline void wsuv_frame_init(wsuv_frame_t *frame, wsuv_frame_type_t type, const void *data,
                                   size_t len) {
  memset(frame, 0, sizeof(*frame));
  frame->size = sizeof(*frame);
  frame->type = type;
  frame->fin = true;
  frame->data = data;
  frame->len = len;
}

/** A whole message that was received. */
typedef struct wsuv_message {
  wsuv_frame_type_t type; /**< #WSUV_FRAME_TEXT (valid UTF-8) or #WSUV_FRAME_BINARY. */
  const void *data;       /**< Payload, not terminated; valid until the callback returns. */
  size_t len;             /**< Bytes of payload. */
} wsuv_message_t;

/** A piece of a message that is received in pieces. */
typedef struct wsuv_message_piece {
  wsuv_frame_type_t type; /**< Of the message: #WSUV_FRAME_TEXT or #WSUV_FRAME_BINARY. */
  const void *data;       /**< Not terminated; valid until the callback returns. */
  /**
   * Bytes of #data: 256 KiB at most, unless an extension of the program wrote more at once; 0 in
   * the last piece only.
   */
  size_t len;
  uint64_t offset; /**< Bytes of the message that came before. */
  bool last;       /**< The message is complete. */
} wsuv_message_piece_t;

/** Close codes (RFC 6455 7.4.1 and the IANA registry). */
typedef enum wsuv_close_code {
  WSUV_CLOSE_NORMAL = 1000,              /**< The purpose is fulfilled. */
  WSUV_CLOSE_GOING_AWAY = 1001,          /**< The server shuts down, or the user left the page. */
  WSUV_CLOSE_PROTOCOL_ERROR = 1002,      /**< The peer violated the protocol. */
  WSUV_CLOSE_UNSUPPORTED_DATA = 1003,    /**< A type of data that cannot be accepted. */
  WSUV_CLOSE_NO_STATUS = 1005,           /**< Never sent: the close frame had no code. */
  WSUV_CLOSE_ABNORMAL = 1006,            /**< Never sent: the connection ended without a close. */
  WSUV_CLOSE_INVALID_PAYLOAD = 1007,     /**< Data that does not fit its type, such as bad UTF-8. */
  WSUV_CLOSE_POLICY_VIOLATION = 1008,    /**< A policy of the endpoint is violated. */
  WSUV_CLOSE_TOO_BIG = 1009,             /**< A message too big to process. */
  WSUV_CLOSE_MANDATORY_EXTENSION = 1010, /**< The client needs a missing extension. */
  WSUV_CLOSE_INTERNAL_ERROR = 1011,      /**< An unexpected condition. */
  WSUV_CLOSE_SERVICE_RESTART = 1012,     /**< The server restarts. */
  WSUV_CLOSE_TRY_AGAIN_LATER = 1013,     /**< The server is overloaded. */
  WSUV_CLOSE_BAD_GATEWAY = 1014,         /**< A gateway got a bad answer. */
  WSUV_CLOSE_TLS_HANDSHAKE = 1015        /**< Never sent: TLS failed. */
} wsuv_close_code_t;

/** The longest reason that fits into a close frame, in bytes (RFC 6455 5.5). */
#define WSUV_CLOSE_REASON_MAX 123

/** The longest payload of a control frame, in bytes (RFC 6455 5.5). */
#define WSUV_CONTROL_MAX 125

/** @name Helpers
 * @{ */

/**
 * Copy a frame with its payload into one block of memory, which can be kept for any time.
 * @param frame any frame
 * @param allocator NULL: the C library's
 * @return a frame that wsuv_frame_free() frees; its payload is followed by a NUL that `len` does
 *         not count. NULL: there is no memory, or `size` is that of no version of wsuv_frame_t
 */
WSUV_EXTERN wsuv_frame_t *wsuv_frame_copy(const wsuv_frame_t *frame,
                                          const wsuv_allocator_t *allocator);

/** Free a frame of wsuv_frame_copy(), with the same allocator. NULL is allowed. */
WSUV_EXTERN void wsuv_frame_free(wsuv_frame_t *frame, const wsuv_allocator_t *allocator);

/**
 * Read the payload of a text frame into a terminated string.
 * @param frame of type text; only a whole message is sure to be valid UTF-8
 * @param buf memory for the string
 * @param size its bytes; `frame->len + 1` are enough
 * @return 0; `UV_EINVAL`: no text frame; `WSUV_EUTF8`: not valid UTF-8 (RFC 6455 8.1);
 *         `UV_ENOBUFS`: it does not fit. After an error nothing was written
 */
WSUV_EXTERN int wsuv_frame_read_text(const wsuv_frame_t *frame, char *buf, size_t size);

/**
 * Read the payload of a close frame (RFC 6455 5.5.1).
 * @param frame of type close
 * @param[out] code #WSUV_CLOSE_NO_STATUS if it has none
 * @param[out] reason points into the payload, not terminated; may be NULL
 * @param[out] reason_len its bytes; may be NULL
 * @return 0; `UV_EINVAL`: no close frame; `WSUV_EPROTOCOL`: one byte, or a code that may not be
 *         sent; `WSUV_EUTF8`: the reason is not valid UTF-8
 */
WSUV_EXTERN int wsuv_frame_read_close(const wsuv_frame_t *frame, uint16_t *code,
                                      const char **reason, size_t *reason_len);
/** @} */

/**
 * The name of a registered close code, such as "normal closure".
 * @return static storage; "" for codes that are not registered.
 */
WSUV_EXTERN const char *wsuv_close_code_name(unsigned code);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
