#ifndef EXAMPLES_WSUV_REPORT_H
#define EXAMPLES_WSUV_REPORT_H

/* What wsuv tells on standard error. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wsuv.h>

/* A line behind "wsuv: ". */
__attribute__((format(printf, 1, 2))) void report(const char *format, ...);

/* A line of the library's log, for -v: behind "* ". */
void report_log(const char *text);

/* Where the session is connected to, and what the opening handshake agreed upon; for -v.
   Subprotocols and compression may have been offered. */
void report_open(const wsuv_session_t *session, bool subprotocols, bool compression);

/* The one line that says why the session ended, unless in good order; with the first line of a
   refusal's body, if it is text, unless `body` is false. */
void report_close(const wsuv_close_info_t *info, bool body);

/* Nobody reads standard output, and the server has ended the connection meanwhile. */
void report_blocked(uint64_t blocked_ms);

/* The one line for a session that was closed in order, and what is missing nevertheless. */
void report_unfinished(const wsuv_close_info_t *info, const char *missing);

/* What else is known at the end: address and certificate if the session did not open, body of a
   refusal, name of the close code, round-trip times; for -v. */
void report_details(const wsuv_session_t *session, const wsuv_close_info_t *info);

/* A pong, for --slash. */
void report_pong(const void *data, size_t len);

/* What the session has done, in figures; for --stats. */
void report_stats(const wsuv_session_t *session);

/* Closed by the closing handshake, by the peer with 1000, 1001 or no code. */
bool closed_in_order(const wsuv_close_info_t *info);

/* By a response of the server, or of a proxy. */
bool was_refused(const wsuv_close_info_t *info);

#endif
