#ifndef WS_SESSION_LOG_H
#define WS_SESSION_LOG_H

/* Lines for the log hook of the program. */

#include <wsuv/session.h>

#include "proto/frame/frame.h"

/* Where lines go, and which session they are about. */
typedef struct log_to {
  const wsuv_config_t *config;   /* of the endpoint; it has the hook */
  const wsuv_session_t *session; /* handed to the hook; not looked into */
} log_to;

/* Whether a line of this level would be seen: ask before the work of making one. */
bool log_wants(const wsuv_config_t *config, wsuv_log_level_t level);

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void log_line(log_to to, wsuv_log_level_t level, const char *format, ...);

/* A frame, in either direction. */
void log_frame(log_to to, bool outgoing, const frame_header *h);

/* The beginning of its payload: lines of bytes in hexadecimal and ASCII. */
void log_payload(log_to to, bool outgoing, const uint8_t *payload, size_t len);

/* Each line of a request, and each field of a response, with a mark before it. Values that would
   let a reader of the log act in the name of the user are left out. */
void log_request(log_to to, const char *text, size_t len);
void log_field(log_to to, const wsuv_header_t *field);

#endif
