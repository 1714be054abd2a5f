#include "proto/frame/frame.h"

#include <string.h>

#include "base/error.h"

/* Frame headers to and from bytes.

      0                   1                   2                   3
      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
     +-+-+-+-+-------+-+-------------+-------------------------------+
     |F|R|R|R| opcode|M|  length     |  16 bits of length, if 126;   |
     |I|S|S|S|  (4)  |A|   (7)       |  64 bits of length, if 127    |
     |N|V|V|V|       |S|             |                               |
     | |1|2|3|       |K|             |                               |
     +-+-+-+-+-------+-+-------------+-------------------------------+
     |  masking key (4 bytes), if MASK; then the payload             |
     +---------------------------------------------------------------+
                                                       RFC 6455 5.2 */

enum { LENGTH_16 = 126, LENGTH_64 = 127 };

static bool opcode_known(uint8_t opcode) {
  return opcode <= OPCODE_BINARY || (opcode >= OPCODE_CLOSE && opcode <= OPCODE_PONG);
}

static const char *check_first_byte(const frame_header *h, uint8_t rsv_allowed) {
  if ((h->rsv & ~rsv_allowed) != 0) return "reserved bit set";
  if (!opcode_known(h->opcode)) return "unknown opcode";
  if (!opcode_is_control(h->opcode)) return NULL;
  if (!h->fin) return "fragmented control frame";
  if (h->rsv != 0) return "reserved bit set in a control frame";
  return NULL;
}

static const char *check_second_byte(const frame_header *h, uint8_t length7, ws_role from) {
  if (from == WS_SERVER && h->masked) return "masked frame from the server";
  if (from == WS_CLIENT && !h->masked) return "unmasked frame from the client";
  if (opcode_is_control(h->opcode) && length7 > FRAME_CONTROL_MAX) {
    return "control frame with more than 125 bytes";
  }
  return NULL;
}

/* Big-endian. */
static uint64_t read_length(const uint8_t *p, size_t n) {
  uint64_t v = 0;
  for (size_t i = 0; i < n; i++) v = v << 8 | p[i];
  return v;
}

/* Check a 64-bit length as far as it has come: bytes 2 to 9 of the header. */
static const char *check_length_64(const uint8_t *p, size_t n) {
  static const uint8_t zeros[6];
  if (n > 2 && (p[2] & 0x80) != 0) return "length with the top bit set";
  if (n >= 8 && memcmp(p + 2, zeros, sizeof zeros) == 0) return "length not minimal";
  return NULL;
}

static int bad(const char **why, const char *text) {
  *why = text;
  return WSUV_EPROTOCOL;
}

static size_t length_size(uint8_t length7) {
  if (length7 < LENGTH_16) return 0;
  return length7 == LENGTH_16 ? 2 : 8;
}

int frame_header_read(frame_header *h, const uint8_t *p, size_t n, ws_role from,
                      uint8_t rsv_allowed, const char **why) {
  const char *wrong;
  if (n == 0) return 0;
  h->fin = (p[0] & FRAME_FIN_BIT) != 0;
  h->rsv = (p[0] >> 4) & 7;
  h->opcode = p[0] & 15;
  if ((wrong = check_first_byte(h, rsv_allowed)) != NULL) return bad(why, wrong);
  if (n == 1) return 0;
  uint8_t length7 = p[1] & 127;
  h->masked = (p[1] & FRAME_MASK_BIT) != 0;
  if ((wrong = check_second_byte(h, length7, from)) != NULL) return bad(why, wrong);

  size_t extended = length_size(length7);
  if (extended == 0) {
    h->length = length7;
  } else {
    if (extended == 8 && (wrong = check_length_64(p, n)) != NULL) return bad(why, wrong);
    if (n < 2 + extended) return 0;
    h->length = read_length(p + 2, extended);
    if (h->length < LENGTH_16) return bad(why, "length not minimal");
  }
  size_t size = 2 + extended + (h->masked ? 4 : 0);
  if (n < size) return 0;
  if (h->masked) memcpy(h->key.b, p + 2 + extended, 4);
  h->size = (uint8_t) size;
  return (int) size;
}

size_t frame_length_write(uint8_t *p, uint64_t length, uint8_t mask_bit) {
  size_t bytes = length < 0x10000 ? 2 : 8;
  p[0] = mask_bit | (bytes == 2 ? LENGTH_16 : LENGTH_64);
  for (size_t i = 0; i < bytes; i++) p[1 + i] = (uint8_t) (length >> (8 * (bytes - 1 - i)));
  return 1 + bytes;
}
