#ifndef WS_SESSION_LOG_H
#define WS_SESSION_LOG_H

/* Lines for the log hook of the program. Every line is escaped (base/escape.h), so texts of the
   peer may be in it. */

#include <wsuv/session.h>

#include "base/why.h"
#include "proto/frame/frame.h"

/* Where lines go, and which session they are about. */
typedef struct log_to {
  const wsuv_config_t *config; /* The endpoint's configuration has the log hook and the level. */
  /* The lines are about this session, which is only passed to the hook. */
  const wsuv_session_t *session;
} log_to;

/* Whether lines of this level are wanted. Call it before a line is made that takes much time to
   make. */
bool log_wants(const wsuv_config_t *config, wsuv_log_level_t level);

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void log_line(log_to to, wsuv_log_level_t level, const char *format, ...);

/* Log why a call returns an error, which on_close does not report; "": nothing is logged. Returns
   the error. */
int log_refusal(log_to to, int err, const ws_why *why);

/* Log a frame, sent or received. */
void log_frame(log_to to, bool outgoing, const frame_header *h);

/* Log bytes of its payload that begin at an offset in it, in hexadecimal and ASCII. */
void log_payload(log_to to, bool outgoing, size_t offset, const uint8_t *payload, size_t len);

/* Log a request line by line, or the fields of a response, with a mark before each line. Secrets
   are left out: the query of the URL, and the values of the fields in a table in log.c. */
void log_request(log_to to, const char *text, size_t len);
void log_field(log_to to, const wsuv_header_t *field);

#endif
