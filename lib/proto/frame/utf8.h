#ifndef WS_PROTO_FRAME_UTF8_H
#define WS_PROTO_FRAME_UTF8_H

/* UTF-8 (RFC 3629), checked as it arrives. A sequence that cannot become valid any more is found at
   the byte that makes it so, wherever the text is cut. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The state between two pieces: what the next byte must be. All zero at the start. */
typedef struct utf8_state {
  uint8_t need;   /* This many continuation bytes are missing; 0 at the start of a character. */
  uint8_t lo, hi; /* The next byte must be in this range, if `need` is not 0. */
} utf8_state;

/* Check a piece. false: invalid, and the state must not be used again. */
bool utf8_feed(utf8_state *state, const uint8_t *p, size_t n);

/* The two implementations of utf8_feed. The second needs a processor with AVX2 and at least
   UTF8_AVX2_MIN bytes. */
bool utf8_feed_scalar(utf8_state *state, const uint8_t *p, size_t n);

#if defined(__x86_64__) && defined(__GNUC__)
#define UTF8_HAS_AVX2 1
enum { UTF8_AVX2_MIN = 40 };
bool utf8_feed_avx2(utf8_state *state, const uint8_t *p, size_t n);
#endif

/* At the end of a character: the text may end here. */
static inline bool utf8_complete(const utf8_state *state) {
  return state->need == 0;
}

/* Check a whole text. */
static inline bool utf8_valid(const uint8_t *p, size_t n) {
  utf8_state state = {0, 0, 0};
  return utf8_feed(&state, p, n) && utf8_complete(&state);
}

#endif
