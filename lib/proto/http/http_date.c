#include "proto/http/http_date.h"

#include <stddef.h>
#include <string.h>

#include "base/view.h"
#include "proto/http/ascii.h"

/* Reads dates without the C library, whose locale would change them.

     Sun, 06 Nov 1994 08:49:37 GMT    IMF-fixdate       RFC 9110 5.6.7
     Sunday, 06-Nov-94 08:49:37 GMT   of RFC 850
     Sun Nov  6 08:49:37 1994         of asctime

   The rules for cookies take a date apart at its delimiters. The first part that can be a time, a
   day, a month, a year is it, whatever their order. */

enum { DAY_S = 86400, HOUR_S = 3600, MINUTE_S = 60 };

/* What was found so far. */
typedef struct date_parts {
  int hour, minute, second, day, month, year;
  bool has_time, has_day, has_month, has_year;
} date_parts;

static bool is_delimiter(char c) {
  const unsigned char n = (unsigned char) c;
  return n == 0x09 || (n >= 0x20 && n <= 0x2f) || (n >= 0x3b && n <= 0x40) ||
         (n >= 0x5b && n <= 0x60) || (n >= 0x7b && n <= 0x7e);
}

/* Read a number of `least` to `most` digits. How many there are; 0: there is no such number. */
static size_t read_digits(ws_text s, size_t least, size_t most, int *number) {
  size_t n = 0;
  *number = 0;
  while (n < s.len && ascii_is_digit(s.base[n])) {
    if (n == most) return 0;
    *number = *number * 10 + (s.base[n++] - '0');
  }
  return n >= least ? n : 0;
}

/* hh:mm:ss; what is behind it does not count, if it begins with no digit. */
static bool read_time(ws_text part, date_parts *d) {
  int *const numbers[] = {&d->hour, &d->minute, &d->second};
  for (size_t i = 0; i < 3; i++) {
    const size_t n = read_digits(part, 1, 2, numbers[i]);
    if (n == 0) return false;
    part.base += n;
    part.len -= n;
    if (i == 2) break;
    if (part.len == 0 || part.base[0] != ':') return false;
    part.base++;
    part.len--;
  }
  return true;
}

static bool read_month(ws_text part, int *month) {
  static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
  for (int i = 0; i < 12 && part.len >= 3; i++) {
    size_t n = 0;
    while (n < 3 && ascii_lower(part.base[n]) == names[3 * i + (int) n]) n++;
    if (n < 3) continue;
    *month = i + 1;
    return true;
  }
  return false;
}

static void take_part(ws_text part, date_parts *d) {
  if (!d->has_time && read_time(part, d)) {
    d->has_time = true;
  } else if (!d->has_day && read_digits(part, 1, 2, &d->day) > 0) {
    d->has_day = true;
  } else if (!d->has_month && read_month(part, &d->month)) {
    d->has_month = true;
  } else if (!d->has_year && read_digits(part, 2, 4, &d->year) > 0) {
    d->has_year = true;
  }
}

static bool is_leap(int year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_of(int month, int year) {
  static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return days[month - 1] + (month == 2 && is_leap(year));
}

static bool date_is_valid(date_parts *d) {
  if (!d->has_time || !d->has_day || !d->has_month || !d->has_year) return false;
  if (d->year >= 70 && d->year <= 99) d->year += 1900;
  if (d->year <= 69) d->year += 2000;
  return d->year >= 1601 && d->hour <= 23 && d->minute <= 59 && d->second <= 60 && d->day >= 1 &&
         d->day <= days_of(d->month, d->year);
}

/* Days from 1 January of the year 1 to that of another year. */
static int64_t days_before(int year) {
  const int64_t y = year - 1;
  return y * 365 + y / 4 - y / 100 + y / 400;
}

static int64_t to_seconds(const date_parts *d) {
  int64_t days = days_before(d->year) - days_before(1970) + d->day - 1;
  for (int month = 1; month < d->month; month++) days += days_of(month, d->year);
  return days * DAY_S + d->hour * HOUR_S + d->minute * MINUTE_S + d->second;
}

bool http_date_read(const char *text, int64_t *seconds) {
  date_parts d = {0};
  while (*text != '\0') {
    size_t len = 0;
    while (text[len] != '\0' && !is_delimiter(text[len])) len++;
    if (len > 0) take_part((ws_text){text, len}, &d);
    text += len > 0 ? len : 1;
  }
  if (!date_is_valid(&d)) return false;
  *seconds = to_seconds(&d);
  return true;
}

int64_t http_date_of(const header_store *fields, int64_t clock_s) {
  const char *date = header_store_get(fields, "Date", 0);
  int64_t seconds;
  return date != NULL && http_date_read(date, &seconds) ? seconds : clock_s;
}

/* A number of seconds, or a date. */
uint64_t http_retry_after_ms(const header_store *fields, int64_t clock_s) {
  const char *text = header_store_get(fields, "Retry-After", 0);
  int64_t delay_s = 0, date;
  if (text == NULL) return 0;
  if (ascii_is_digit(*text)) {
    for (; ascii_is_digit(*text); text++) {
      if (delay_s <= INT32_MAX) delay_s = delay_s * 10 + (*text - '0');
    }
    if (*text != '\0') return 0;
  } else if (http_date_read(text, &date)) {
    delay_s = date - http_date_of(fields, clock_s);
  }
  if (delay_s <= 0) return 0;
  return (uint64_t) (delay_s < INT32_MAX ? delay_s : INT32_MAX) * 1000;
}
