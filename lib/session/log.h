#ifndef WS_SESSION_LOG_H
#define WS_SESSION_LOG_H

/* Lines for the user's log hook. */

#include <wsuv/session.h>

#include "proto/frame.h"

/* Whether a line of this level would be seen: ask before the work of making one. */
bool log_wants(const wsuv_client_t *client, wsuv_log_level_t level);

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void log_line(const wsuv_session_t *session, wsuv_log_level_t level, const char *format, ...);

/* A trace hook for conn, whose argument is the session. */
void log_frame(void *session, bool outgoing, const frame_header *h);

/* Each line of a request or answer, with a mark before it. */
void log_head(const wsuv_session_t *session, char mark, const char *text, size_t len);

#endif
