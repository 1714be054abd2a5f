#ifndef WSUV_HOOKS_H
#define WSUV_HOOKS_H

/**
 * @file wsuv/hooks.h
 * @brief What a program can replace: the allocator, the source of random bytes, the log.
 *
 * Hooks run inside calls of wsuv and may not call functions of wsuv, except wsuv_session_data() and
 * wsuv_client_data() or wsuv_server_data().
 */

#include <stddef.h>

#include <wsuv/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @addtogroup hooks
 * @{
 */

struct wsuv_session;

/**
 * Memory. The three functions behave as those of the same name in the C library; `free` accepts
 * NULL. They are called on the loop's thread, and on every thread that calls wsuv_client_post()
 * or wsuv_server_post().
 */
typedef struct wsuv_allocator {
  void *(*malloc)(size_t size, void *arg);             /**< As `malloc`. */
  void *(*realloc)(void *ptr, size_t size, void *arg); /**< As `realloc`. */
  void (*free)(void *ptr, void *arg);                  /**< As `free`. */
  void *arg;                                           /**< Handed to each of them. */
} wsuv_allocator_t;

/**
 * Random bytes from a cryptographically secure source (RFC 6455 10.3). Masking keys are not taken
 * one by one: from a seed of 32 bytes, ChaCha20 (RFC 8439) makes up to 2,048.
 * @param buf where they go
 * @param len how many
 * @param arg as configured
 * @return 0; any other value: there are no random bytes, and the session ends with `WSUV_ERANDOM`
 */
typedef int (*wsuv_random_fn)(void *buf, size_t len, void *arg);

/** How important a line of the log is. */
typedef enum wsuv_log_level {
  /**
   * A client's session failed, or a call was refused because of its arguments. How a server's
   * session ended is #WSUV_LOG_INFO, because what peers do is no error of a server.
   */
  WSUV_LOG_ERROR = 0,
  WSUV_LOG_WARN = 1,  /**< Something is unsafe or unusual. */
  WSUV_LOG_INFO = 2,  /**< Stages of a session, handshake lines, close reasons. */
  WSUV_LOG_DEBUG = 3, /**< Each frame. */
  /**
   * The first bytes of each frame's payload (wsuv_config::log_payload_size, default 64); of a
   * payload that arrives in pieces, those of the first piece. Compressed messages are shown
   * compressed. Secrets are shown, too.
   */
  WSUV_LOG_TRACE = 4
} wsuv_log_level_t;

/**
 * A line of the log. Secrets are left out: queries and credentials of URLs, and the values of
 * `Authorization`, `Proxy-Authorization`, `Authentication-Info`, `Proxy-Authentication-Info`,
 * `Cookie`, `Set-Cookie` and `Sec-WebSocket-Protocol`; only #WSUV_LOG_TRACE may show some.
 * @param level its importance
 * @param session the session that it is about, or NULL
 * @param text one line without its end, in UTF-8; control characters and bytes that are not UTF-8
 *        are escaped ("\x1b"); valid until the hook returns
 * @param arg as configured
 */
typedef void (*wsuv_log_fn)(wsuv_log_level_t level, const struct wsuv_session *session,
                            const char *text, void *arg);

/**
 * A log, ready made: writes each line to standard error, such as "wsuv: info: 0x5581e0: connected".
 * The pointer is the session's; it is left out of lines that are about none.
 * @param level see wsuv_log_fn
 * @param session see wsuv_log_fn
 * @param text see wsuv_log_fn
 * @param arg a string that is written in place of "wsuv"; NULL: "wsuv"
 */
WSUV_EXTERN void wsuv_log_stderr(wsuv_log_level_t level, const struct wsuv_session *session,
                                 const char *text, void *arg);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
