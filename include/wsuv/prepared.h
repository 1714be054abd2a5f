#ifndef WSUV_PREPARED_H
#define WSUV_PREPARED_H

/**
 * @file wsuv/prepared.h
 * @brief Prepared messages: made once, sent to many sessions.
 *
 * A prepared message is checked and copied once, and compressed once for each window size and level
 * that its sessions have agreed upon, not once for each session. It is masked anew each time
 * (RFC 6455 5.3).
 * @code
 * wsuv_prepared_t *news;
 * wsuv_prepared_new(&news, WSUV_FRAME_TEXT, text, len, NULL);
 * for (size_t i = 0; i < count; i++) wsuv_send_prepared(sessions[i], news, NULL, NULL);
 * wsuv_prepared_free(news);
 * @endcode
 *
 * Compressed by itself it becomes longer than behind others like it: with context takeover a message
 * to a single session is better sent the usual way.
 */

#include <stddef.h>

#include <wsuv/export.h>
#include <wsuv/frame.h>
#include <wsuv/hooks.h>
#include <wsuv/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A message to be sent to many sessions, of any client; opaque. One thread at a time may use it. */
typedef struct wsuv_prepared wsuv_prepared_t;

/**
 * Prepare a message.
 * @param[out] prepared the message; freed by wsuv_prepared_free()
 * @param type #WSUV_FRAME_TEXT or #WSUV_FRAME_BINARY
 * @param data payload; copied
 * @param len bytes at @p data
 * @param allocator for the message and its compressed forms; its functions and its argument must be
 *        good until it is freed. NULL: the C library's
 * @return 0; `UV_EINVAL`: another type; `WSUV_EUTF8`: text that is not UTF-8; `UV_ENOMEM`
 */
WSUV_EXTERN int wsuv_prepared_new(wsuv_prepared_t **prepared, wsuv_frame_type_t type,
                                  const void *data, size_t len,
                                  const wsuv_allocator_t *allocator);

/** Free a prepared message: at any time, since sends have copied it. NULL is fine. */
WSUV_EXTERN void wsuv_prepared_free(wsuv_prepared_t *prepared);

/**
 * Send a prepared message. It stays the caller's.
 *
 * In a session with permessage-deflate alone it goes out as it was compressed for all; with other
 * extensions it runs through them like any message. With context takeover the next message is
 * compressed as if it were the first.
 * @param session the session
 * @param prepared the message
 * @param cb called when it is in the kernel's hands or dropped; NULL: none
 * @param arg handed to @p cb
 * @return as other sends of a whole message
 */
WSUV_EXTERN int wsuv_send_prepared(wsuv_session_t *session, wsuv_prepared_t *prepared,
                                   wsuv_send_cb cb, void *arg);

#ifdef __cplusplus
}
#endif

#endif
