#include "net/tls/tls_flood.h"

#include <stdio.h>

/* Counts records and messages without data. One that begins is one more, before it is known what it
   is: as many as are allowed, and one of data behind them. */

static bool tls_flood_count(tls_flood *f) {
  if (++f->dataless <= TLS_DATALESS_MAX + 1) return true;
  f->kind = TLS_FLOOD_DATALESS;
  return false;
}

bool tls_flood_add_record(tls_flood *f) {
  f->messages = 0;
  return tls_flood_count(f);
}

bool tls_flood_add_message(tls_flood *f) {
  return f->messages++ == 0 || tls_flood_count(f);
}

void tls_flood_reset(tls_flood *f) {
  f->dataless = 0;
}

void tls_flood_describe(const tls_flood *f, const char *last, char *text, size_t size) {
  if (f->kind == TLS_FLOOD_UNREAD) {
    (void) snprintf(text, size, "TLS requests whose answers are not read");
  } else {
    (void) snprintf(text, size, "more than %d TLS records in a row without data%s%s",
                    TLS_DATALESS_MAX, last != NULL ? ", the last one " : "",
                    last != NULL ? last : "");
  }
}
