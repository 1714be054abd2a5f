#include <string.h>

#include <wsuv/frame.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/sized.h"
#include "proto/frame/close_code.h"
#include "proto/frame/frame_input.h"
#include "proto/frame/utf8.h"

/* Public functions that copy frames and read their payload. */

SIZED_TYPE(frame_type, wsuv_frame_t, len, sizeof(wsuv_frame_t));

int frame_input(wsuv_frame_t *to, const wsuv_frame_t *from, ws_why *why) {
  wsuv_frame_init(to, WSUV_FRAME_TEXT, NULL, 0);
  return sized_in(to, &frame_type, from, why);
}

static const wsuv_allocator_t *or_libc(const wsuv_allocator_t *allocator) {
  return allocator != NULL ? allocator : &ws_alloc_libc;
}

wsuv_frame_t *wsuv_frame_copy(const wsuv_frame_t *frame, const wsuv_allocator_t *allocator) {
  wsuv_frame_t full;
  if (frame_input(&full, frame, NULL) < 0 || full.len > SIZE_MAX - sizeof full - 1) return NULL;
  wsuv_frame_t *copy = ws_malloc(or_libc(allocator), sizeof *copy + full.len + 1);
  if (copy == NULL) return NULL;
  uint8_t *data = (uint8_t *) (copy + 1);
  *copy = full;
  if (full.len > 0) memcpy(data, full.data, full.len);
  data[full.len] = '\0';
  copy->data = data;
  return copy;
}

void wsuv_frame_free(wsuv_frame_t *frame, const wsuv_allocator_t *allocator) {
  ws_free(or_libc(allocator), frame);
}

int wsuv_frame_read_text(const wsuv_frame_t *frame, char *buf, size_t size) {
  if (frame->type != WSUV_FRAME_TEXT) return WS_EINVAL;
  if (!utf8_valid(frame->data, frame->len)) return WSUV_EUTF8;
  if (frame->len >= size) return WS_ENOBUFS;
  if (frame->len > 0) memcpy(buf, frame->data, frame->len);
  buf[frame->len] = '\0';
  return 0;
}

int wsuv_frame_read_close(const wsuv_frame_t *frame, uint16_t *code, const char **reason,
                          size_t *reason_len) {
  const char *why;
  if (frame->type != WSUV_FRAME_CLOSE) return WS_EINVAL;
  int err = close_payload_read(frame->data, frame->len, code, &why);
  if (err < 0) return err;
  size_t skip = frame->len < 2 ? frame->len : 2;
  if (reason != NULL) *reason = skip > 0 ? (const char *) frame->data + skip : "";
  if (reason_len != NULL) *reason_len = frame->len - skip;
  return 0;
}
