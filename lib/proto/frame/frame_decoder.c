#include "proto/frame/frame_decoder.h"

#include <string.h>

/* Frames from bytes that may be cut anywhere. Knows one header at a time and no message. */

void frame_decoder_init(frame_decoder *d, ws_role from, uint8_t rsv_allowed) {
  memset(d, 0, sizeof *d);
  d->from = (uint8_t) from;
  d->rsv_allowed = rsv_allowed;
  d->why = "";
}

static int read_header(frame_decoder *d, const uint8_t *p, size_t n) {
  return frame_header_read(&d->header, p, n, (ws_role) d->from, d->rsv_allowed, &d->why);
}

/* A header in pieces: collect bytes in `part` until it is complete. */
static int header_from_part(frame_decoder *d, uint8_t **p, size_t *n) {
  int r = 0;
  while (r == 0 && *n > 0) {
    d->part[d->have++] = **p;
    (*p)++;
    (*n)--;
    r = read_header(d, d->part, d->have);
  }
  if (r > 0) d->have = 0;
  return r;
}

/* Read the header in place if all of it is there; otherwise keep its first bytes. */
static int header_in_place(frame_decoder *d, uint8_t **p, size_t *n) {
  int r = read_header(d, *p, *n);
  if (r < 0) return r;
  size_t used = r > 0 ? (size_t) r : *n;
  if (r == 0) {
    memcpy(d->part, *p, used);
    d->have = (uint8_t) used;
    d->state = DECODER_HEADER;
  }
  *p += used;
  *n -= used;
  return r;
}

static void take_payload(frame_decoder *d, uint8_t **p, size_t *n, frame_chunk *chunk) {
  size_t len = *n < d->left ? *n : (size_t) d->left;
  chunk->data = *p;
  chunk->len = len;
  if (d->header.masked) {
    mask_apply(*p, *p, len, d->header.key, d->header.length - d->left);
  }
  d->left -= len;
  *p += len;
  *n -= len;
  chunk->last = d->left == 0;
  d->state = chunk->last ? DECODER_BETWEEN : DECODER_PAYLOAD;
}

int frame_decoder_next(frame_decoder *d, uint8_t **p, size_t *n, frame_chunk *chunk) {
  if (*n == 0) return 0;
  chunk->first = d->state != DECODER_PAYLOAD;
  if (chunk->first) {
    int r = d->state == DECODER_HEADER ? header_from_part(d, p, n) : header_in_place(d, p, n);
    if (r <= 0) return r;
    d->left = d->header.length;
  }
  take_payload(d, p, n, chunk);
  return 1;
}
