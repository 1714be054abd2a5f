#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "sim/way.h"
#include "testkit/check.h"

/* Credentials that can be recognized, plain and in base64. */

static const char mark[] = "sEcReT"; /* a multiple of three bytes, */
static const char mark64[] = "c0VjUmVU";
static const char *const owners[] = {"P0.", "P1.", "CA.", "CB.", "CS.", "TA.", "TB.", "KA.", "KB."};

enum { OWNERS = sizeof owners / sizeof *owners, OWNER = 3, OWNER64 = 4 };

void way_secret(char *out, size_t size, const char *owner, const char *rest) {
  (void) snprintf(out, size, "%s%s%s", mark, owner, rest); /* it fits */
}

void way_secret_login(char *out, size_t size, const char *owner) {
  char plain[64];
  const int len = snprintf(plain, sizeof plain, "%s%su:%s%sw", mark, owner, mark, owner);
  const size_t coded = base64_encoded_len((size_t) len);
  CHECK(coded < size);
  base64_encode(out, plain, (size_t) len);
  out[coded] = '\0';
}

/* Whose secret begins at `text`; NULL: nobody's. */
static const char *owner_at(const char *text, size_t len) {
  char coded[OWNER64];
  const bool plain = len >= sizeof mark - 1 && memcmp(text, mark, sizeof mark - 1) == 0;
  const bool in64 = len >= sizeof mark64 - 1 && memcmp(text, mark64, sizeof mark64 - 1) == 0;
  if (!plain && !in64) return NULL;
  text += plain ? sizeof mark - 1 : sizeof mark64 - 1;
  for (size_t i = 0; i < OWNERS; i++) {
    base64_encode(coded, owners[i], OWNER);
    if (plain && strncmp(text, owners[i], OWNER) == 0) return owners[i];
    if (in64 && strncmp(text, coded, OWNER64) == 0) return owners[i];
  }
  return "??."; /* it was cut */
}

bool way_secret_astray(const void *text, size_t len, const char *allowed, char owner[4]) {
  const char *p = text;
  for (size_t i = 0; i < len; i++) {
    const char *found = owner_at(p + i, len - i);
    if (found == NULL || strstr(allowed, found) != NULL) continue;
    memcpy(owner, found, OWNER + 1);
    return true;
  }
  return false;
}
