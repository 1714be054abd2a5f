#ifndef WSUV_FRAME_H
#define WSUV_FRAME_H

/**
 * @file wsuv/frame.h
 * @brief Frames, messages and close codes (RFC 6455 5 and 7).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a frame carries: the opcodes of RFC 6455 5.2. */
typedef enum wsuv_frame_type {
  WSUV_FRAME_TEXT = 1,   /**< UTF-8 text. */
  WSUV_FRAME_BINARY = 2, /**< Any bytes. */
  WSUV_FRAME_CLOSE = 8,  /**< The closing handshake: code and reason. */
  WSUV_FRAME_PING = 9,   /**< To be answered by a pong with the same payload. */
  WSUV_FRAME_PONG = 10   /**< Answer to a ping, or a sign of life. */
} wsuv_frame_type_t;

/** One frame that is to be sent. Initialise with wsuv_frame_init(). */
typedef struct wsuv_frame {
  size_t size;            /**< `sizeof(wsuv_frame_t)` of the caller. */
  wsuv_frame_type_t type; /**< For the later fragments of a message: the message's type again. */
  bool fin;               /**< Last (or only) fragment of a message; control frames: always true. */
  const void *data;       /**< Payload; may be NULL when #len is 0. Copied by the call. */
  size_t len;             /**< Bytes of payload. */
} wsuv_frame_t;

/** Fill in a frame that is a whole message. @p data is not copied before the frame is sent. */
static inline void wsuv_frame_init(wsuv_frame_t *frame, wsuv_frame_type_t type, const void *data,
                                   size_t len) {
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

/** Close codes (RFC 6455 7.4.1 and the IANA registry). */
typedef enum wsuv_close_code {
  WSUV_CLOSE_NORMAL = 1000,              /**< The purpose is fulfilled. */
  WSUV_CLOSE_GOING_AWAY = 1001,          /**< Server goes down, or the page is left. */
  WSUV_CLOSE_PROTOCOL_ERROR = 1002,      /**< The peer violated the protocol. */
  WSUV_CLOSE_UNSUPPORTED_DATA = 1003,    /**< A type of data that cannot be accepted. */
  WSUV_CLOSE_NO_STATUS = 1005,           /**< Never sent: the close frame had no code. */
  WSUV_CLOSE_ABNORMAL = 1006,            /**< Never sent: the connection ended without a close. */
  WSUV_CLOSE_INVALID_PAYLOAD = 1007,     /**< Data that does not fit its type, as bad UTF-8. */
  WSUV_CLOSE_POLICY_VIOLATION = 1008,    /**< A policy of the endpoint is violated. */
  WSUV_CLOSE_TOO_BIG = 1009,             /**< A message too big to process. */
  WSUV_CLOSE_MANDATORY_EXTENSION = 1010, /**< The client misses an extension. */
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

/**
 * The name of a registered close code, as "normal closure".
 * @return static storage; "" for codes that are not registered.
 */
WSUV_EXTERN const char *wsuv_close_code_name(unsigned code);

#ifdef __cplusplus
}
#endif

#endif
