#include "net/proxy_header.h"

/* Reads version 1 when its line is complete, and version 2 byte by byte, so that its options need
   no memory. */

#include <arpa/inet.h>
#include <string.h>

#include "base/error.h"

/*   Version 1:   PROXY TCP4 203.0.113.7 198.51.100.1 56324 443 CRLF
                  PROXY UNKNOWN ... CRLF

     Version 2:   0        12       13       14       16
                  +--------+--------+--------+--------+-----------------------------+---------+
                  | "\r\n\r\n\0\r\nQUIT\n"   | version, family, length | addresses  | options |
                  +--------+--------+--------+--------+-----------------------------+---------+
     options:     type (1), length (2), value */

enum {
  V1_MIN = sizeof "PROXY UNKNOWN\r\n" - 1,
  V1_SPACES = 5, /* in a line with addresses */
  SIGNATURE = 12,
  FIXED = 16,
  OPTION_HEAD = 3,
  OPTION_CRC32C = 0x03,
  CRC32C_SIZE = 4
};

static const char v1_begin[] = "PROXY ";
static const uint8_t v2_begin[SIGNATURE] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                            0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

void proxy_header_init(proxy_header *h) {
  *h = (proxy_header){.detail = "", .crc = UINT32_MAX};
}

static bool is_v2(const proxy_header *h) {
  return h->bytes[0] == v2_begin[0];
}

static int malformed(proxy_header *h, const char *detail) {
  h->detail = detail;
  return WS_EINVAL;
}

size_t proxy_header_wants(const proxy_header *h) {
  size_t spaces = 0;
  if (h->len < V1_MIN) return V1_MIN - h->len;
  if (is_v2(h)) return h->len < FIXED ? FIXED - h->len : h->total - h->len;
  if (h->bytes[h->len - 1] == '\r') return 1;
  for (size_t i = 0; i < h->len; i++) spaces += h->bytes[i] == ' ';
  bool addresses = h->bytes[sizeof v1_begin - 1] == 'T' && spaces < V1_SPACES;
  return 2 + (addresses ? 2 * (V1_SPACES - spaces) : 0); /* fields, with a space before each */
}

/* --- version 1 --- */

/* Cut the next field off, up to a space or the end. It is terminated. */
static char *take_field(char **rest) {
  char *field = *rest, *space = field != NULL ? strchr(field, ' ') : NULL;
  if (space != NULL) *space = '\0';
  *rest = space != NULL ? space + 1 : NULL;
  return field;
}

/* Digits, without zeros before them. */
static bool read_port(const char *s, uint16_t *port) {
  unsigned value = 0;
  if (s == NULL || *s == '\0' || strlen(s) > 5 || (s[0] == '0' && s[1] != '\0')) return false;
  for (; *s >= '0' && *s <= '9'; s++) value = value * 10 + (unsigned) (*s - '0');
  *port = (uint16_t) value;
  return *s == '\0' && value <= UINT16_MAX;
}

static bool read_v1_addresses(proxy_header *h, char *rest) {
  const char *family = take_field(&rest), *source = take_field(&rest), *to = take_field(&rest);
  const char *port = take_field(&rest), *to_port = take_field(&rest);
  uint8_t to_bytes[16];
  uint16_t unused;
  h->address.ipv6 = strcmp(family, "TCP6") == 0;
  if (!h->address.ipv6 && strcmp(family, "TCP4") != 0) return false;
  const int af = h->address.ipv6 ? AF_INET6 : AF_INET;
  h->source = PROXY_SOURCE_ADDRESS;
  return source != NULL && to != NULL && inet_pton(af, source, h->address.bytes) == 1 &&
         inet_pton(af, to, to_bytes) == 1 && read_port(port, &h->address.port) &&
         read_port(to_port, &unused) && rest == NULL;
}

/* The line is complete, with its CRLF. */
static int read_v1(proxy_header *h) {
  static const char unknown[] = "UNKNOWN";
  char *line = (char *) h->bytes, *rest = line + sizeof v1_begin - 1;
  line[h->len - 2] = '\0';
  if (strlen(line) != h->len - 2) return malformed(h, "zero byte in the line");
  if (strncmp(rest, unknown, sizeof unknown - 1) == 0) {
    const char behind = rest[sizeof unknown - 1];
    h->source = PROXY_SOURCE_UNKNOWN;
    return behind == '\0' || behind == ' ' ? 1 : malformed(h, "unknown family");
  }
  return read_v1_addresses(h, rest) ? 1 : malformed(h, "malformed addresses");
}

/* This is the byte at this place of the header. */
static int feed_v1(proxy_header *h, size_t at, uint8_t byte) {
  if (at < sizeof v1_begin - 1 && byte != (uint8_t) v1_begin[at]) {
    return malformed(h, "no PROXY header");
  }
  if (byte == '\n') {
    bool crlf = h->len > sizeof v1_begin && h->bytes[h->len - 2] == '\r';
    return crlf ? read_v1(h) : malformed(h, "line without CR");
  }
  if (h->len > 1 && h->bytes[h->len - 2] == '\r') return malformed(h, "CR inside of the line");
  return h->len < PROXY_HEADER_V1_MAX ? 0 : malformed(h, "line is too long");
}

/* --- version 2 --- */

/* CRC-32C (RFC 9260 A), bit by bit: headers are short. */
static uint32_t crc32c(uint32_t crc, uint8_t byte) {
  crc ^= byte;
  for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0);
  return crc;
}

/* How many bytes the addresses of a family and a transport have; -1: there is no such pair. */
static int addresses_size(uint8_t family) {
  switch (family) {
  case 0x00: return 0; /* unspecified */
  case 0x11:           /* TCP over IPv4 */
  case 0x12: return 12;
  case 0x21: /* TCP over IPv6 */
  case 0x22: return 36;
  case 0x31: /* Unix stream sockets */
  case 0x32: return 216;
  default: return -1;
  }
}

static bool is_local(const proxy_header *h) {
  return (h->bytes[SIGNATURE] & 0x0f) == 0;
}

static int check_fixed(proxy_header *h) {
  const uint8_t command = h->bytes[SIGNATURE];
  const int size = addresses_size(h->bytes[SIGNATURE + 1]);
  if (command >> 4 != 2) return malformed(h, "version is not 2");
  if ((command & 0x0f) > 1) return malformed(h, "unknown command");
  const size_t len = (size_t) h->bytes[14] << 8 | h->bytes[15];
  h->total = FIXED + len;
  if (h->total > PROXY_HEADER_V2_MAX) return malformed(h, "header is too long");
  if (is_local(h)) return 0;
  if (size < 0) return malformed(h, "unknown family");
  return len >= (size_t) size ? 0 : malformed(h, "header is too short for its addresses");
}

/* Returns what the byte counts as in the CRC. */
static uint8_t feed_option(proxy_header *h, uint8_t byte) {
  if (h->option_len < OPTION_HEAD) {
    h->option[h->option_len++] = byte;
    if (h->option_len < OPTION_HEAD) return byte;
    h->option_left = (size_t) h->option[1] << 8 | h->option[2];
    if (h->option[0] == OPTION_CRC32C && h->option_left != CRC32C_SIZE) h->wrong_option = true;
    if (h->option_left == 0) h->option_len = 0;
    return byte;
  }
  bool crc = h->option[0] == OPTION_CRC32C;
  if (crc) h->sent_crc = h->sent_crc << 8 | byte;
  h->has_crc = h->has_crc || crc;
  if (--h->option_left == 0) h->option_len = 0;
  return crc ? 0 : byte;
}

static int read_v2(proxy_header *h) {
  const uint8_t family = h->bytes[SIGNATURE + 1];
  if (is_local(h)) {
    h->source = PROXY_SOURCE_PROXY; /* what else it says does not count */
    return 1;
  }
  if (h->option_len > 0) return malformed(h, "option is longer than the header");
  if (h->wrong_option) return malformed(h, "checksum of another length");
  if (h->has_crc && h->sent_crc != (h->crc ^ UINT32_MAX)) return malformed(h, "wrong checksum");
  h->source = PROXY_SOURCE_UNKNOWN;
  if (family != 0x11 && family != 0x21) return 1;
  h->source = PROXY_SOURCE_ADDRESS;
  h->address.ipv6 = family == 0x21;
  const size_t size = h->address.ipv6 ? 16 : 4;
  const uint8_t *port = h->bytes + FIXED + 2 * size;
  memcpy(h->address.bytes, h->bytes + FIXED, size);
  h->address.port = (uint16_t) (port[0] << 8 | port[1]);
  return 1;
}

static int feed_v2(proxy_header *h, size_t at, uint8_t byte) {
  uint8_t counted = byte;
  if (at < SIGNATURE && byte != v2_begin[at]) return malformed(h, "no PROXY header");
  if (h->len == FIXED) {
    int err = check_fixed(h);
    if (err < 0) return err;
  }
  if (h->len > FIXED && !is_local(h)) {
    const size_t addresses = FIXED + (size_t) addresses_size(h->bytes[SIGNATURE + 1]);
    if (h->len > addresses) counted = feed_option(h, byte);
  }
  h->crc = crc32c(h->crc, counted);
  return h->total != 0 && h->len == h->total ? read_v2(h) : 0;
}

int proxy_header_feed(proxy_header *h, const uint8_t *data, size_t len, size_t *used) {
  int result = 0;
  for (*used = 0; *used < len && result == 0; ++*used) {
    const uint8_t byte = data[*used];
    const size_t at = h->len++;
    if (at < PROXY_HEADER_V1_MAX) h->bytes[at] = byte;
    result = is_v2(h) ? feed_v2(h, at, byte) : feed_v1(h, at, byte);
  }
  return result;
}
