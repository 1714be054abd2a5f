#include "sim/watch.h"

#include <string.h>

/* A state machine for each direction: the head of HTTP, then headers of frames and payload. */

static size_t skip_head(watched *w, const uint8_t *data, size_t len) {
  static const char end[] = "\r\n\r\n";
  for (size_t i = 0; i < len; i++) {
    if (w->have < WATCH_HEADER_MAX) w->header[w->have++] = data[i];
    if (data[i] == (uint8_t) end[w->head_end]) {
      w->head_end++;
    } else {
      w->head_end = data[i] == '\r' ? 1 : 0;
    }
    if (w->head_end == 4) {
      w->open = true;
      w->refused = memcmp(w->header, "GET /plain", 10) == 0 ||
                   (memcmp(w->header, "HTTP", 4) == 0 && memcmp(w->header + 9, "101", 3) != 0);
      w->have = 0;
      return i + 1;
    }
  }
  return len;
}

/* The bytes that the header has, as far as they can be told by now. */
static size_t header_size(const watched *w) {
  if (w->have < 2) return 2;
  const unsigned length = w->header[1] & 0x7f;
  return 2 + (length == 126 ? 2u : length == 127 ? 8u : 0u) + (w->header[1] >> 7) * 4u;
}

static uint64_t payload_length(const watched *w) {
  const unsigned length = w->header[1] & 0x7f;
  if (length < 126) return length;
  uint64_t value = 0;
  for (size_t i = 2; i < (length == 126 ? 4u : 10u); i++) value = value << 8 | w->header[i];
  return value;
}

static size_t take_header(watched *w, const uint8_t *data, size_t len, watch_cb cb, void *arg) {
  size_t used = 0;
  while (used < len && w->have < header_size(w)) w->header[w->have++] = data[used++];
  const size_t size = header_size(w);
  if (w->have < size) return used;
  const bool masked = w->header[1] >> 7 != 0;
  uint32_t key = 0;
  if (masked) memcpy(&key, w->header + size - 4, 4);
  w->payload = payload_length(w);
  w->have = 0;
  w->frames++;
  cb(arg, w, masked, key);
  return used;
}

void watch_bytes(watched *w, const uint8_t *data, size_t len, watch_cb cb, void *arg) {
  while (len > 0 && !w->refused) {
    size_t n;
    if (!w->open) {
      n = skip_head(w, data, len);
    } else if (w->payload > 0) {
      n = w->payload < len ? (size_t) w->payload : len;
      w->payload -= n;
    } else {
      n = take_header(w, data, len, cb, arg);
    }
    data += n;
    len -= n;
  }
}

bool watch_key_repeats(watched *w, uint32_t key) {
  bool repeats = false;
  const size_t seen = w->frames - 1;
  for (size_t i = 0; i < WATCH_KEYS && i < seen; i++) repeats = repeats || w->keys[i] == key;
  w->keys[seen % WATCH_KEYS] = key;
  return repeats;
}
