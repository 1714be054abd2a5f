#include "session/closing.h"

#include <stdio.h>
#include <string.h>

/* Keeps the state of the closing handshake and answers questions about it. conn makes the frames,
   and the session acts. */

void closing_init(closing *c, uint64_t timeout_ms) {
  c->timeout_ms = timeout_ms < UINT32_MAX ? (uint32_t) timeout_ms : UINT32_MAX;
}

static close_reasons *reasons(closing *c, const wsuv_allocator_t *alloc) {
  if (c->reasons == NULL) c->reasons = ws_calloc(alloc, sizeof *c->reasons);
  return c->reasons;
}

void closing_keep_received(closing *c, const wsuv_allocator_t *alloc, const void *reason,
                           size_t len) {
  if (len == 0 || reasons(c, alloc) == NULL) return;
  memcpy(c->reasons->received, reason, len);
  c->reasons->received_len = len;
}

void closing_keep_sent(closing *c, const wsuv_allocator_t *alloc, const char *reason, size_t len) {
  if (len == 0 || reasons(c, alloc) == NULL) return;
  memcpy(c->reasons->sent, reason, len);
  c->reasons->sent_len = len;
}

const char *closing_keep_detail(closing *c, const wsuv_allocator_t *alloc, const char *detail) {
  if (reasons(c, alloc) == NULL) return "";
  (void) snprintf(c->reasons->detail, sizeof c->reasons->detail, "%s", detail);
  return c->reasons->detail;
}

closing_verdict closing_check(const conn *c) {
  bool done = (c->close_received && c->close_sent) || c->failed;
  if (!done || out_queue_len(&c->work->out) > 0) return CLOSING_WAIT;
  return c->failed ? CLOSING_FAILED : CLOSING_DONE;
}

/* Our close frame is the last frame in the data lane, so it is written when the lane is empty. */
bool closing_written(closing *c, const conn *cn) {
  const out_queue *q = &cn->work->out;
  bool left = cn->close_size > 0 && out_queue_left(q, LANE_DATA, q->lanes[LANE_DATA].queued);
  bool first = left && !c->written;
  c->written = c->written || left;
  return first;
}

bool closing_answer_due(const conn *c) {
  return c->close_received && !c->close_sent;
}

void closing_describe(const closing *c, const conn *cn, wsuv_close_info_t *info) {
  info->code = cn->close_received ? cn->peer_code : WSUV_CLOSE_ABNORMAL;
  info->sent_code = c->written ? cn->sent_code : 0;
  info->by_peer = c->by_peer;
  info->clean = cn->close_received && c->written;
  if (c->reasons == NULL) return;
  info->reason = c->reasons->received;
  info->reason_len = c->reasons->received_len;
  if (!c->written) return;
  info->sent_reason = c->reasons->sent;
  info->sent_reason_len = c->reasons->sent_len;
}

void closing_free(closing *c, const wsuv_allocator_t *alloc) {
  ws_free(alloc, c->reasons);
}
