#include "net/address_ranges.h"

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "net/address.h"

/* Addresses are compared as bits of IPv6, into which IPv4 is mapped. */

enum { BITS = 128, MAPPED_BITS = 96 };

struct address_range {
  bool local;        /* The range has all Unix sockets, and nothing else. */
  unsigned bits;     /* So many bits of `bytes` are compared. */
  uint8_t bytes[16]; /* These are the first bits of its addresses; the others are 0. */
};

/* False: it is no IP address. */
static bool map_address(const struct sockaddr_storage *addr, uint8_t bytes[16]) {
  const struct sockaddr_in *in = (const struct sockaddr_in *) addr;
  const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) addr;
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  if (addr->ss_family == AF_INET6) {
    memcpy(bytes, &in6->sin6_addr, 16);
    return true;
  }
  memcpy(bytes, mapped, sizeof mapped);
  memcpy(bytes + sizeof mapped, &in->sin_addr, 4);
  return addr->ss_family == AF_INET;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits) {
  const unsigned whole = bits / 8, rest = bits % 8;
  if (memcmp(a, b, whole) != 0) return false;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

/* Digits, without zeros before them. False: it is no number up to `max`. */
static bool read_bits(const char *s, unsigned max, unsigned *bits) {
  size_t digits = strspn(s, "0123456789");
  if (digits == 0 || digits > 3 || s[digits] != '\0' || (s[0] == '0' && digits > 1)) return false;
  for (*bits = 0; *s != '\0'; s++) *bits = *bits * 10 + (unsigned) (*s - '0');
  return *bits <= max;
}

/* Read a range, whose bits behind the prefix are not looked at. */
static const char *read_range(address_range *range, const char *text) {
  struct sockaddr_storage addr;
  char literal[INET6_ADDRSTRLEN];
  const size_t len = strcspn(text, "/");
  *range = (address_range){.local = strcmp(text, "unix:") == 0};
  if (range->local) return NULL;
  if (len >= sizeof literal || strchr(text, '%') != NULL) return "malformed address";
  memcpy(literal, text, len);
  literal[len] = '\0';
  if (!address_parse(&addr, literal, 0)) return "malformed address";
  const unsigned max = addr.ss_family == AF_INET ? BITS - MAPPED_BITS : BITS;
  unsigned bits = max;
  if (text[len] == '/' && !read_bits(text + len + 1, max, &bits)) return "malformed prefix length";
  (void) map_address(&addr, range->bytes); /* it is an IP address */
  range->bits = bits + BITS - max;
  return NULL;
}

static const char *parse_range(address_range *range, const char *text) {
  static const uint8_t zero[16];
  uint8_t rest[16];
  const char *wrong = read_range(range, text);
  if (wrong != NULL || range->local) return wrong;
  memcpy(rest, range->bytes, sizeof rest);
  memset(rest, 0, range->bits / 8);
  if (range->bits % 8 != 0) rest[range->bits / 8] &= (uint8_t) (0xff >> range->bits % 8);
  return memcmp(rest, zero, sizeof zero) == 0 ? NULL : "address has bits behind its prefix";
}

const char *address_range_wrong(const char *text) {
  address_range range;
  return parse_range(&range, text);
}

int address_range_has(const char *text, const struct sockaddr_storage *addr) {
  address_range range;
  uint8_t bytes[16];
  if (read_range(&range, text) != NULL || range.local) return WS_EINVAL;
  if (addr == NULL || (addr->ss_family == AF_INET && range.bits < MAPPED_BITS)) return 0;
  return map_address(addr, bytes) && same_bits(range.bytes, bytes, range.bits);
}

int address_ranges_init(address_ranges *r, const wsuv_allocator_t *alloc, const char *const *texts,
                        size_t count) {
  *r = (address_ranges){.alloc = alloc};
  if (count == 0) return 0;
  if (count > SIZE_MAX / sizeof *r->list) return WS_ENOMEM;
  r->list = ws_malloc(alloc, count * sizeof *r->list);
  if (r->list == NULL) return WS_ENOMEM;
  for (; r->count < count; r->count++) {
    (void) parse_range(&r->list[r->count], texts[r->count]); /* it was checked */
  }
  return 0;
}

void address_ranges_free(address_ranges *r) {
  ws_free(r->alloc, r->list);
  r->list = NULL;
  r->count = 0;
}

bool address_ranges_have(const address_ranges *r, const struct sockaddr_storage *addr) {
  uint8_t bytes[16];
  const bool local = addr->ss_family == AF_UNIX;
  if (r->count == 0 || (!map_address(addr, bytes) && !local)) return false;
  for (size_t i = 0; i < r->count; i++) {
    const address_range *range = &r->list[i];
    if (range->local != local) continue;
    if (local || same_bits(range->bytes, bytes, range->bits)) return true;
  }
  return false;
}
