#include "proto/extension/sink.h"

/* Sinks for the output of extensions, and the most common one: a growing block. */

#include <assert.h>
#include <string.h>

#include "base/error.h"

int wsuv_sink_reserve(wsuv_sink_t *sink, size_t want, uint8_t **dst, size_t *room) {
  if (sink->left < want || sink->left == 0) {
    int err = sink->more(sink, want > 0 ? want : 1);
    if (err < 0) return err;
  }
  *dst = sink->at;
  *room = sink->left;
  return 0;
}

void wsuv_sink_commit(wsuv_sink_t *sink, size_t n) {
  assert(n <= sink->left);
  if (n == 0) return;
  sink->at += n;
  sink->left -= n;
  sink->written += n;
}

int wsuv_sink_write(wsuv_sink_t *sink, const void *data, size_t len) {
  const uint8_t *from = data;
  while (len > 0) {
    uint8_t *dst;
    size_t room;
    int err = wsuv_sink_reserve(sink, len, &dst, &room);
    if (err < 0) return err;
    size_t n = len < room ? len : room;
    memcpy(dst, from, n);
    wsuv_sink_commit(sink, n);
    from += n;
    len -= n;
  }
  return 0;
}

void wsuv_sink_trim(wsuv_sink_t *sink, size_t n) {
  assert(n <= sink->written);
  if (n == 0) return;
  sink->at -= n;
  sink->left += n;
  sink->written -= n;
}

/* Use the memory after the block's bytes, up to the limit. */
static void show_room(block_sink *s) {
  const block *b = s->to;
  size_t cap = b->cap < s->most ? b->cap : s->most;
  s->sink.at = b->base == NULL ? NULL : b->base + b->len;
  s->sink.left = cap > b->len ? cap - b->len : 0;
}

/* Keep the block's length up to date. Output that can be taken back moves together with the
   block. */
static void catch_up(block_sink *s) {
  block *b = s->to;
  if (s->sink.at != NULL) b->len = (size_t) (s->sink.at - b->base);
}

static int grow(wsuv_sink_t *sink, size_t want) {
  block_sink *s = (block_sink *) sink;
  catch_up(s);
  size_t len = s->to->len;
  if (len >= s->most) return WSUV_ETOOBIG;
  if (want > s->most - len) want = s->most - len;
  int err = block_reserve(s->to, s->spare, want, s->most);
  if (err == 0) show_room(s);
  return err;
}

void block_sink_begin(block_sink *s, block *to, block_spare *spare, size_t most) {
  s->sink.more = grow;
  s->sink.written = 0;
  s->to = to;
  s->spare = spare;
  s->most = most;
  show_room(s);
}

void block_sink_end(block_sink *s) {
  catch_up(s);
}
