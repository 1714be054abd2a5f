#ifndef WSUV_CONVERTER_H
#define WSUV_CONVERTER_H

/**
 * @file wsuv/converter.h
 * @brief Content converters: make messages from the program's values, and values from messages.
 *
 * A converter is installed in the configuration. The library has no converter of its own, for
 * example for JSON: the program usually has a library for its format already.
 */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <wsuv/export.h>
#include <wsuv/frame.h>
#include <wsuv/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @addtogroup converters
 * @{
 */

/**
 * How values are converted. Initialise with wsuv_converter_init(). The structure is copied, but not
 * what `arg` points to: that must be valid as long as the client or server or, in the configuration
 * of a request or a decision, as the session. The functions run inside wsuv_send_serialized() and
 * wsuv_message_deserialize(), and may call no function of wsuv except the helpers for frames. The
 * program and its converter decide what `type` means: a schema, a table of fields, or nothing.
 */
typedef struct wsuv_converter {
  size_t size; /**< `sizeof(wsuv_converter_t)` of the caller. */
  void *arg;   /**< Handed to the functions. */
  /**
   * Make a text or binary message from a value: set `data` and `len` of @p frame, and `type` unless
   * it is text. Returns 0; or any negative number if the value cannot be converted; then it
   * must leave nothing to free, because #release is not called.
   */
  int (*serialize)(void *arg, const void *value, const void *type, wsuv_frame_t *frame);
  /**
   * Free what serialize allocated for @p frame. Called once each time that serialize has returned
   * 0, before wsuv_send_serialized() returns, whether the message was queued or refused. NULL:
   * there is nothing to free.
   */
  void (*release)(void *arg, wsuv_frame_t *frame);
  /** Whether a message is one that deserialize understands. NULL: all are. */
  bool (*is_applicable)(void *arg, const wsuv_frame_t *frame);
  /**
   * Make a value from a message, and write it, or a pointer to it, to @p value. The caller of
   * wsuv_message_deserialize() owns memory that is allocated for it. Returns 0; or any negative
   * number if the message cannot be converted.
   */
  int (*deserialize)(void *arg, const wsuv_frame_t *frame, const void *type, void *value);
} wsuv_converter_t;

/** Fill in a converter without functions. */
static inline void wsuv_converter_init(wsuv_converter_t *converter) {
  memset(converter, 0, sizeof(*converter));
  converter->size = sizeof(*converter);
}

/**
 * Make a message from a value, with the session's converter, and send it as a whole message.
 * @param session the session
 * @param value handed to the converter
 * @param type handed to the converter
 * @param cb called when the kernel has taken it, or when it is dropped; NULL: none
 * @param arg handed to @p cb
 * @return as wsuv_send(); `WSUV_ENOCONVERTER`: there is none with `serialize`; `WSUV_ECONVERT`: it
 *         has failed, or made something else than a whole text or binary message. If the session is
 *         not open, the converter is not called
 */
WSUV_EXTERN int wsuv_send_serialized(wsuv_session_t *session, const void *value, const void *type,
                                     wsuv_send_cb cb, void *arg);

/**
 * Make a value from a message, with the session's converter. The message is not changed, even if
 * this fails.
 * @param session the session
 * @param received the message that `on_message` got, or any other valid message
 * @param type handed to the converter
 * @param[out] value handed to the converter
 * @return 0; `WSUV_ENOCONVERTER`: there is none with `deserialize`; `WSUV_ENOTAPPLICABLE`:
 *         `is_applicable` has returned false; `WSUV_ECONVERT`: `deserialize` has failed
 */
WSUV_EXTERN int wsuv_message_deserialize(wsuv_session_t *session, const wsuv_message_t *received,
                                         const void *type, void *value);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
