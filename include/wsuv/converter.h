#ifndef WSUV_CONVERTER_H
#define WSUV_CONVERTER_H

/**
 * @file wsuv/converter.h
 * @brief Content converters: values of the program's own as messages, and back.
 *
 * A converter is installed in the configuration. The library brings none: it knows no JSON, and
 * what it would choose would not be what the program uses already.
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
 * How values are converted. Initialise with wsuv_converter_init(). Copied, with what `arg` points
 * to left where it is: that must be valid as long as the client, or, in the configuration of a
 * request, as the session. The functions run inside
 * wsuv_send_serialized() and wsuv_message_deserialize() and may not call wsuv, but for its helpers
 * for frames. What `type` means is a matter between the program and its converter: a schema, a
 * table of fields, or nothing.
 */
typedef struct wsuv_converter {
  size_t size; /**< `sizeof(wsuv_converter_t)` of the caller. */
  void *arg;   /**< Handed to the functions. */
  /**
   * Make a text or binary message of a value: set `data` and `len` of @p frame, and `type` unless
   * it is text. 0, or any negative number: it cannot be converted, and nothing is left to free.
   */
  int (*serialize)(void *arg, const void *value, const void *type, wsuv_frame_t *frame);
  /**
   * Free what serialize allocated for @p frame. Called once for each 0 that it returned, before
   * wsuv_send_serialized() returns, whether the message was queued or refused. NULL: there is
   * nothing to free.
   */
  void (*release)(void *arg, wsuv_frame_t *frame);
  /** Whether a message is one that deserialize understands. NULL: all are. */
  bool (*is_applicable)(void *arg, const wsuv_frame_t *frame);
  /**
   * Make a value of a message and put it, or a pointer to it, where @p value points. Whatever it
   * allocates is the caller's. 0, or any negative number: it cannot be converted.
   */
  int (*deserialize)(void *arg, const wsuv_frame_t *frame, const void *type, void *value);
} wsuv_converter_t;

/** Fill in a converter without functions. */
static inline void wsuv_converter_init(wsuv_converter_t *converter) {
  memset(converter, 0, sizeof(*converter));
  converter->size = sizeof(*converter);
}

/**
 * Send a value as a whole message, made of it by the session's converter.
 * @param session the session
 * @param value handed to the converter
 * @param type handed to the converter
 * @param cb called when it is in the kernel's hands or dropped; NULL: none
 * @param arg handed to @p cb
 * @return as wsuv_send(); `WSUV_ENOCONVERTER`: none is installed that can; `WSUV_ECONVERT`: it says
 *         that it cannot, or made something that is no whole text or binary message. Unless the
 *         session is open, the converter is not asked
 */
WSUV_EXTERN int wsuv_send_serialized(wsuv_session_t *session, const void *value, const void *type,
                                     wsuv_send_cb cb, void *arg);

/**
 * Make a value of a message, by the session's converter. The message stays as it is, also when
 * that fails.
 * @param session the session
 * @param received in `on_message`, or any that is valid
 * @param type handed to the converter
 * @param[out] value handed to the converter
 * @return 0; `WSUV_ENOCONVERTER`: none is installed that can; `WSUV_ENOTAPPLICABLE`: it does not
 *         understand such messages; `WSUV_ECONVERT`: it says that this one cannot be converted
 */
WSUV_EXTERN int wsuv_message_deserialize(wsuv_session_t *session, const wsuv_message_t *received,
                                         const void *type, void *value);

#ifdef __cplusplus
}
#endif

#endif
