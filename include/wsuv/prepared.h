#ifndef WSUV_PREPARED_H
#define WSUV_PREPARED_H

/**
 * @file wsuv/prepared.h
 * @brief Prepared messages: made once, sent to many sessions.
 *
 * A prepared message is checked and copied once, and compressed once for each window size and level
 * that its sessions have negotiated, not once for each session. Clients share the compressed
 * message only if they have the same options for what to compress (wsuv/deflate.h). Each session
 * masks it with a key of its own (RFC 6455 5.3).
 * @code
 * wsuv_prepared_t *news;
 * wsuv_prepared_new(&news, WSUV_FRAME_TEXT, text, len, NULL);
 * for (size_t i = 0; i < count; i++) wsuv_send_prepared(sessions[i], news, NULL, NULL);
 * wsuv_prepared_free(news);
 * @endcode
 *
 * It is compressed without the context of earlier messages, so the compressed message is longer.
 * With context takeover, do not prepare a message that is sent to a single session only.
 */

#include <stddef.h>

#include <wsuv/export.h>
#include <wsuv/frame.h>
#include <wsuv/hooks.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @addtogroup messages
 * @{
 */

/**
 * A message for many sessions, of any client or server; opaque. Only one thread at a time may use
 * it.
 */
typedef struct wsuv_prepared wsuv_prepared_t;

/**
 * Prepare a message.
 * @param[out] prepared the message; freed by wsuv_prepared_free()
 * @param type #WSUV_FRAME_TEXT or #WSUV_FRAME_BINARY
 * @param data payload; copied
 * @param len bytes at @p data
 * @param allocator for the message and its compressed forms; its functions and its argument must
 *        be valid until it is freed. NULL: the C library's
 * @return 0; `UV_EINVAL`: another type; `WSUV_EUTF8`: text that is not UTF-8; `UV_ENOMEM`
 */
WSUV_EXTERN int wsuv_prepared_new(wsuv_prepared_t **prepared, wsuv_frame_type_t type,
                                  const void *data, size_t len, const wsuv_allocator_t *allocator);

/**
 * Free a prepared message, at any time: wsuv_send_prepared() copies it. NULL is allowed.
 */
WSUV_EXTERN void wsuv_prepared_free(wsuv_prepared_t *prepared);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
