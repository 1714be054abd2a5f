#ifndef WS_PROTO_HTTP_HTTP_DATE_H
#define WS_PROTO_HTTP_HTTP_DATE_H

/* Dates of HTTP and of cookies, and the delay that Retry-After asks for. */

#include <stdbool.h>
#include <stdint.h>

#include "proto/http/headers.h"

/* Read a date by the rules for cookies (RFC 6265 5.1.1), which include the three forms of HTTP
   (RFC 9110 5.6.7). *seconds are since 1970. False: it is malformed. */
bool http_date_read(const char *text, int64_t *seconds);

/* The time of a response: its Date, or else `clock_s`, the time of the system's clock. */
int64_t http_date_of(const header_store *fields, int64_t clock_s);

/* Retry-After of a response (RFC 9110 10.2.3), in milliseconds, at most 2147483647000. 0: there is
   none, or it is malformed, or in the past. */
uint64_t http_retry_after_ms(const header_store *fields, int64_t clock_s);

#endif
