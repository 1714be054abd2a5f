#include "support/frames.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void make_room(bytes *b, size_t n) {
  if (b->cap - b->len > n) return;
  b->cap = 2 * b->cap + n + 64;
  b->base = realloc(b->base, b->cap);
  if (b->base == NULL) abort();
}

void bytes_add(bytes *b, const void *p, size_t n) {
  make_room(b, n);
  if (n != 0) memcpy(b->base + b->len, p, n);
  b->len += n;
  b->base[b->len] = 0;
}

void bytes_print(bytes *b, const char *format, ...) {
  char line[256];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(line, sizeof line, format, args);
  va_end(args);
  if (n < 0 || (size_t) n >= sizeof line) abort();
  bytes_add(b, line, (size_t) n);
}

const char *bytes_text(const bytes *b) {
  return b->base != NULL ? (const char *) b->base : "";
}

void bytes_free(bytes *b) {
  free(b->base);
  *b = (bytes){0};
}

uint8_t *bytes_exact(const uint8_t *p, size_t n) {
  uint8_t *copy = malloc(n);
  if (copy == NULL && n != 0) abort();
  if (n != 0) memcpy(copy, p, n);
  return copy;
}

/* SplitMix64. */
uint64_t seeded(uint64_t *seed) {
  uint64_t z = *seed += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

size_t seeded_below(uint64_t *seed, size_t bound) {
  return (size_t) (seeded(seed) % bound);
}

void bytes_noise(bytes *b, uint64_t *seed, size_t n) {
  for (; n > 0; n--) bytes_add(b, &(uint8_t){(uint8_t) seeded(seed)}, 1);
}

static length_form shortest(uint64_t length) {
  return length < 126 ? LENGTH_7 : length < 65536 ? LENGTH_16 : LENGTH_64;
}

static void add_number(bytes *out, uint64_t value, int size) {
  for (int i = size - 1; i >= 0; i--) bytes_add(out, &(uint8_t){(uint8_t) (value >> 8 * i)}, 1);
}

void frames_header(bytes *out, const frame_spec *spec, uint64_t length) {
  length_form form = spec->form == LENGTH_SHORTEST ? shortest(length) : spec->form;
  uint64_t small = form == LENGTH_7 ? length : form == LENGTH_16 ? 126 : 127;
  add_number(out, (spec->fin ? 0x80u : 0) | (unsigned) spec->rsv << 4 | spec->opcode, 1);
  add_number(out, (spec->masked ? 0x80u : 0) | small, 1);
  if (form == LENGTH_16) add_number(out, length, 2);
  if (form == LENGTH_64) add_number(out, length, 8);
  if (spec->masked) bytes_add(out, spec->key, 4);
}

static void toggle_mask(uint8_t *p, size_t n, const uint8_t key[4]) {
  for (size_t i = 0; i < n; i++) p[i] ^= key[i % 4];
}

void frames_build(bytes *out, const frame_spec *spec, const void *payload, size_t len) {
  frames_header(out, spec, len);
  bytes_add(out, payload, len);
  if (spec->masked) toggle_mask(out->base + out->len - len, len, spec->key);
}

static uint64_t take_number(const uint8_t *p, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; i++) value = value << 8 | p[i];
  return value;
}

size_t frames_parse(seen_frame *seen, uint8_t *p, size_t n) {
  if (n < 2) return 0;
  size_t extra = (p[1] & 0x7f) == 126 ? 2 : (p[1] & 0x7f) == 127 ? 8 : 0;
  bool masked = (p[1] & 0x80) != 0;
  size_t size = 2 + extra + (masked ? 4 : 0);
  if (n < size) return 0;
  seen->spec = (frame_spec){.opcode = p[0] & 15, .rsv = p[0] >> 4 & 7, .fin = p[0] >> 7 != 0};
  seen->spec.masked = masked;
  seen->spec.form = extra == 0 ? LENGTH_7 : extra == 2 ? LENGTH_16 : LENGTH_64;
  seen->length = extra == 0 ? p[1] & 0x7f : take_number(p + 2, extra);
  seen->header_size = size;
  seen->payload = p + size;
  if (seen->length > n - size) return 0;
  if (masked) memcpy(seen->spec.key, p + size - 4, 4);
  if (masked) toggle_mask(seen->payload, (size_t) seen->length, seen->spec.key);
  return size + (size_t) seen->length;
}

/* Scripts. */

static const struct {
  const char *name;
  uint8_t opcode;
} names[] = {{"CONT", 0}, {"TEXT", 1}, {"BIN", 2}, {"CLOSE", 8}, {"PING", 9}, {"PONG", 10}};

static void bad_script(const char *at) {
  fprintf(stderr, "script: cannot read '%.40s'\n", at);
  abort();
}

static uint8_t read_name(const char **s) {
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    size_t len = strlen(names[i].name);
    if (strncmp(*s, names[i].name, len) != 0) continue;
    *s += len;
    return names[i].opcode;
  }
  if (strncmp(*s, "OP", 2) != 0) bad_script(*s);
  char *end;
  uint8_t opcode = (uint8_t) strtoul(*s + 2, &end, 10);
  *s = end;
  return opcode;
}

static void read_marks(const char **s, frame_spec *spec) {
  for (;; (*s)++) {
    if (**s == '-') {
      spec->fin = false;
    } else if (**s == '^') {
      spec->masked = !spec->masked;
    } else if (**s == '{') {
      spec->rsv = (uint8_t) (*++*s - '0');
      ++*s;
    } else if (**s == ':') {
      spec->form = *++*s == '7' ? LENGTH_7 : **s == '1' ? LENGTH_16 : LENGTH_64;
      if (spec->form != LENGTH_7) ++*s;
    } else {
      return;
    }
  }
}

static const char *read_hex(const char *s, bytes *piece) {
  static const char digits[] = "0123456789abcdef";
  while (*s != 0 && strchr(digits, *s) != NULL) {
    const char *lo = s[1] != 0 ? strchr(digits, s[1]) : NULL;
    if (lo == NULL) bad_script(s);
    add_number(piece, (uint64_t) ((strchr(digits, *s) - digits) << 4 | (lo - digits)), 1);
    s += 2;
  }
  return s;
}

static size_t smaller(size_t a, size_t b) {
  return a < b ? a : b;
}

/* Append the piece again and again until it has given `total` bytes; the last copy may be cut. Each
   step copies all that is there, so that 40,000 single bytes take 16 steps. */
static void add_repeated(bytes *out, const bytes *piece, size_t total) {
  make_room(out, total); /* so that nothing moves while it is copied from */
  const size_t begin = out->len, first = smaller(piece->len, total);
  bytes_add(out, piece->base, first);
  for (size_t done = first; done < total; done = out->len - begin)
    bytes_add(out, out->base + begin, smaller(done, total - done));
}

/* One piece of payload, with its repetition. */
static const char *read_piece(const char *s, bytes *payload) {
  bytes piece = {0};
  char *end = NULL;
  if (*s == '"') {
    end = strchr(s + 1, '"');
    if (end == NULL) bad_script(s);
    bytes_add(&piece, s + 1, (size_t) (end - s - 1));
    s = end + 1;
  } else if (*s == '#') {
    add_number(&piece, strtoul(s + 1, &end, 10), 2);
    s = end;
  } else {
    s = read_hex(s, &piece);
  }
  if (piece.base == NULL) bad_script(s);
  size_t total = piece.len;
  if (*s == '*') total *= strtoul(s + 1, &end, 10), s = end;
  if (*s == '~') total = strtoul(s + 1, &end, 10), s = end;
  add_repeated(payload, &piece, total);
  bytes_free(&piece);
  return s;
}

static const char *skip_blank(const char *s) {
  return s + strspn(s, " \n/");
}

void frames_script(bytes *out, const char *script, bool masked) {
  uint64_t seed = 1;
  for (const char *s = skip_blank(script); *s != 0;) {
    frame_spec spec = {.fin = true, .masked = masked};
    bytes payload = {0};
    uint64_t key = seeded(&seed);
    memcpy(spec.key, &key, 4);
    spec.opcode = read_name(&s);
    read_marks(&s, &spec);
    for (s = skip_blank(s); *s != 0 && *s != ';'; s = skip_blank(s)) s = read_piece(s, &payload);
    frames_build(out, &spec, payload.base, payload.len);
    bytes_free(&payload);
    if (*s == ';') s = skip_blank(s + 1);
  }
}

bytes frames_of(const char *script, bool masked) {
  bytes out = {0};
  frames_script(&out, script, masked);
  return out;
}

/* Frames as text. */

static uint64_t hash(const uint8_t *p, size_t n) {
  uint64_t h = 0xcbf29ce484222325u;
  for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * 0x100000001b3u;
  return h;
}

static const char *name_of(uint8_t opcode) {
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].opcode == opcode) return names[i].name;
  return "OP?";
}

void frames_render(bytes *text, uint8_t opcode, bool fin, uint8_t rsv, const uint8_t *payload,
                   size_t len) {
  bytes_print(text, "%s%s", name_of(opcode), fin ? "" : "-");
  if (rsv != 0) bytes_print(text, "{%u}", rsv);
  bytes_print(text, " %zu:", len);
  for (size_t i = 0; i < len && i < 32; i++) bytes_print(text, "%02x", payload[i]);
  if (len > 32) bytes_print(text, "... %016llx", (unsigned long long) hash(payload, len));
  bytes_print(text, "\n");
}

void frames_render_stream(bytes *text, uint8_t *p, size_t n, bool masked, bool codes_only) {
  seen_frame f;
  for (size_t size; (size = frames_parse(&f, p, n)) != 0; p += size, n -= size) {
    size_t len = (size_t) f.length;
    if (f.spec.opcode == 8 && codes_only && len > 2) len = 2;
    if (f.spec.masked != masked) bytes_print(text, "(%smasked) ", masked ? "un" : "");
    if (f.spec.form != shortest(f.length)) bytes_print(text, "(not minimal) ");
    frames_render(text, f.spec.opcode, f.spec.fin, f.spec.rsv, f.payload, len);
  }
  if (n != 0) bytes_print(text, "PARTIAL %zu\n", n);
}
