#include <wsuv/access_line.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <wsuv/error.h>
#include <wsuv/server.h>
#include <wsuv/stats.h>

#include "base/escape.h"
#include "net/address.h"
#include "session/session.h"

/* Makes the line of an access log. Each part has a limit, and the sum of all is less than
   WSUV_ACCESS_LINE_SIZE, so nothing is cut but values of the peer. */

enum { VALUE_SIZE = 384, TIME_SIZE = 40, US_IN_MS = 1000, MS_IN_S = 1000, DAY_S = 86400 };

#define TIME_LAST_S INT64_C(253402300799) /* the end of the year 9999 */

static const char nothing[] = "-";
static const char mapped[] = "::ffff:"; /* before an IPv4 address (RFC 5952 5) */

/* Escape a value so that it can stand between quotes. */
static void quote_value(char dst[VALUE_SIZE], const char *s, size_t len) {
  size_t at = 0, done = 0;
  while (done < len) {
    size_t plain = strcspn(s + done, "\"\\");
    if (plain > len - done) plain = len - done;
    at += escape_text(dst + at, VALUE_SIZE - at, s + done, plain);
    done += plain;
    if (done == len || VALUE_SIZE - at < sizeof "\\x22") break;
    at += (size_t) snprintf(dst + at, VALUE_SIZE - at, "\\x%02x", (unsigned char) s[done++]);
  }
  dst[at] = '\0';
}

static void write_value(char dst[VALUE_SIZE], const char *s) {
  if (s == NULL || *s == '\0') s = nothing;
  quote_value(dst, s, strlen(s));
}

static void write_path(char dst[VALUE_SIZE], const char *target) {
  if (target == NULL)
    write_value(dst, NULL);
  else
    quote_value(dst, target, strcspn(target, "?"));
}

static const char *write_address(char text[ADDRESS_TEXT_SIZE], const wsuv_session_t *session) {
  wsuv_origin_t origin;
  wsuv_origin_init(&origin);
  if (wsuv_session_origin(session, &origin) < 0) return nothing;
  if (origin.address.ss_family == AF_UNIX) return "unix";
  address_print(text, &origin.address);
  bool is_mapped = strncmp(text, mapped, sizeof mapped - 1) == 0 && strchr(text, '.') != NULL;
  return is_mapped ? text + sizeof mapped - 1 : text;
}

static bool is_leap(unsigned year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* As in "29/Nov/2026:21:45:01 +0000": neither the locale nor the time zone counts. */
static void write_time(char text[TIME_SIZE], int64_t time_s) {
  static const char names[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  static const unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  memcpy(text, nothing, sizeof nothing);
  if (time_s < 0 || time_s > TIME_LAST_S) return;
  const unsigned second = (unsigned) (time_s % DAY_S);
  unsigned day = (unsigned) (time_s / DAY_S), year = 1970, month = 0;
  for (; day >= 365u + is_leap(year); year++) day -= 365u + is_leap(year);
  for (;; month++) {
    unsigned length = lengths[month] + (month == 1 && is_leap(year));
    if (day < length) break;
    day -= length;
  }
  (void) snprintf(text, TIME_SIZE, "%02u/%s/%04u:%02u:%02u:%02u +0000", day + 1, names[month], year,
                  second / 3600, second / 60 % 60, second % 60);
}

/* The code that the session was closed with, and who has closed it. */
static unsigned close_code(const wsuv_close_info_t *info, const char **by) {
  *by = info->by_peer ? "peer" : info->sent_code != 0 ? "us" : "none";
  if (info->by_peer) return info->code;
  return info->sent_code != 0 ? info->sent_code : WSUV_CLOSE_ABNORMAL;
}

size_t wsuv_access_line(const wsuv_session_t *session, const wsuv_close_info_t *info,
                        int64_t time_s, char line[WSUV_ACCESS_LINE_SIZE]) {
  char address[ADDRESS_TEXT_SIZE], time[TIME_SIZE];
  char path[VALUE_SIZE], origin[VALUE_SIZE], agent[VALUE_SIZE], subprotocol[VALUE_SIZE];
  const char *by;
  wsuv_stats_t stats;
  wsuv_stats_init(&stats);
  (void) wsuv_session_get_stats(session, &stats); /* It fails for a wrong size only. */
  const unsigned long long ms = stats.open_us / US_IN_MS;
  const unsigned code = close_code(info, &by);
  write_time(time, time_s);
  write_path(path, wsuv_session_target(session));
  write_value(origin, wsuv_session_request_header(session, "Origin"));
  write_value(agent, wsuv_session_request_header(session, "User-Agent"));
  write_value(subprotocol, wsuv_session_subprotocol(session));
  int len = snprintf(
      line, WSUV_ACCESS_LINE_SIZE,
      "%s - - [%s] \"GET %s HTTP/1.1\" %s %llu \"%s\" \"%s\" subprotocol=\"%s\" close=%u by=%s "
      "result=%s seconds=%llu.%03llu in=%llu/%llu out=%llu/%llu",
      write_address(address, session), time, path, session->opened ? "101" : nothing,
      (unsigned long long) stats.wire_sent, origin, agent, subprotocol, code, by,
      wsuv_err_name(info->status), ms / MS_IN_S, ms % MS_IN_S,
      (unsigned long long) stats.messages_received, (unsigned long long) stats.payload_received,
      (unsigned long long) stats.messages_sent, (unsigned long long) stats.payload_sent);
  return (size_t) len;
}
