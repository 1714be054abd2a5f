#ifndef WS_SESSION_LOG_H
#define WS_SESSION_LOG_H

/* Lines for the user's log hook. */

#include <wsuv/session.h>

#include "proto/frame/frame.h"

/* Whether a line of this level would be seen: ask before the work of making one. */
bool log_wants(const wsuv_client_t *client, wsuv_log_level_t level);

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void log_line(const wsuv_session_t *session, wsuv_log_level_t level, const char *format, ...);

/* A trace hook for conn, whose argument is the session. */
void log_frame(void *session, bool outgoing, const frame_header *h);

/* The same for the beginning of a payload: lines of bytes in hexadecimal and ASCII. */
void log_payload(void *session, bool outgoing, const uint8_t *payload, size_t len);

/* Each line of a request, and each field of an answer, with a mark before it. Values that would let
   a reader of the log act in the user's name are left out. */
void log_request(const wsuv_session_t *session, const char *text, size_t len);
void log_field(const wsuv_session_t *session, const wsuv_header_t *field);

#endif
