#include "base/why.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"

/* Knows nothing of what the words say. */

int ws_why_set(ws_why *why, int err, const char *format, ...) {
  char raw[WHY_SIZE];
  va_list args;
  if (why == NULL) return err;
  va_start(args, format);
  (void) vsnprintf(raw, sizeof raw, format, args);
  va_end(args);
  (void) escape_text(why->text, sizeof why->text, raw, strlen(raw));
  return err;
}
