#ifndef WS_PROTO_FRAME_UTF8_H
#define WS_PROTO_FRAME_UTF8_H

/* UTF-8 (RFC 3629), checked as it arrives: a sequence that cannot become valid any more is found
   with the byte that makes it so, however the text is cut. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Between two pieces: what the next byte must be. Zeroed is the beginning. */
typedef struct utf8_state {
  uint8_t need;   /* continuation bytes that are missing; 0: between characters */
  uint8_t lo, hi; /* the range of the next one, while need is not 0 */
} utf8_state;

/* Take a piece. False: invalid, and the state is of no use any more. */
bool utf8_feed(utf8_state *state, const uint8_t *p, size_t n);

/* The two ways that utf8_feed chooses from. The second is for processors with AVX2 and for pieces
   of at least UTF8_AVX2_MIN bytes only. */
bool utf8_feed_scalar(utf8_state *state, const uint8_t *p, size_t n);

#if defined(__x86_64__) && defined(__GNUC__)
#define UTF8_HAS_AVX2 1
enum { UTF8_AVX2_MIN = 40 };
bool utf8_feed_avx2(utf8_state *state, const uint8_t *p, size_t n);
#endif

/* Between characters: the text may end here. */
static inline bool utf8_complete(const utf8_state *state) {
  return state->need == 0;
}

/* A whole text. */
static inline bool utf8_valid(const uint8_t *p, size_t n) {
  utf8_state state = {0, 0, 0};
  return utf8_feed(&state, p, n) && utf8_complete(&state);
}

#endif
