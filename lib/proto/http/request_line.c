#include "proto/http/request_line.h"

/* Parses a request line exactly as its grammar has it. Judges neither method nor target.

     request-line = method SP request-target SP HTTP-version        RFC 9112 3
     HTTP-version = "HTTP/" DIGIT "." DIGIT                                  2.3 */

#include <string.h>

#include "proto/http/ascii.h"
#include "proto/http/headers.h"

static bool take_word(ws_text *rest, ws_text *word) {
  const char *space = rest->len > 0 ? memchr(rest->base, ' ', rest->len) : NULL;
  if (space == NULL) return false;
  *word = (ws_text){rest->base, (size_t) (space - rest->base)};
  rest->base += word->len + 1;
  rest->len -= word->len + 1;
  return word->len > 0;
}

static bool parse_version(ws_text s, unsigned *version) {
  static const char name[] = "HTTP/";
  enum { MAJOR = sizeof name - 1, DOT, MINOR, LEN };
  if (s.len != LEN || memcmp(s.base, name, MAJOR) != 0 || s.base[DOT] != '.') return false;
  if (!ascii_is_digit(s.base[MAJOR]) || !ascii_is_digit(s.base[MINOR])) return false;
  *version = 10 * (unsigned) (s.base[MAJOR] - '0') + (unsigned) (s.base[MINOR] - '0');
  return true;
}

static bool has_controls(ws_text s) {
  for (size_t i = 0; i < s.len; i++) {
    unsigned char c = (unsigned char) s.base[i];
    if (c < ' ' || c == 0x7f) return true;
  }
  return false;
}

bool request_line_parse(request_line *line, ws_text text) {
  return take_word(&text, &line->method) && header_is_token(line->method.base, line->method.len) &&
         take_word(&text, &line->target) && !has_controls(line->target) &&
         parse_version(text, &line->version);
}
