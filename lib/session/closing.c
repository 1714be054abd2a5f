#include "session/closing.h"

#include <stdio.h>
#include <string.h>

/* Keeps the texts of the closing handshake and answers questions about it. conn makes the frames,
   and the session acts. */

static close_reasons *have(close_reasons **reasons, const wsuv_allocator_t *alloc) {
  if (*reasons == NULL) *reasons = ws_calloc(alloc, sizeof **reasons);
  return *reasons;
}

void closing_keep_received(close_reasons **reasons, const wsuv_allocator_t *alloc,
                           const void *reason, size_t len) {
  close_reasons *r = len > 0 ? have(reasons, alloc) : NULL;
  if (r == NULL) return;
  memcpy(r->received, reason, len);
  r->received_len = len;
}

void closing_keep_sent(close_reasons **reasons, const wsuv_allocator_t *alloc, const char *reason,
                       size_t len) {
  close_reasons *r = len > 0 ? have(reasons, alloc) : NULL;
  if (r == NULL) return;
  memcpy(r->sent, reason, len);
  r->sent_len = len;
}

const char *closing_keep_detail(close_reasons **reasons, const wsuv_allocator_t *alloc,
                                const char *detail) {
  close_reasons *r = have(reasons, alloc);
  if (r == NULL) return "";
  (void) snprintf(r->detail, sizeof r->detail, "%s", detail);
  return r->detail;
}

closing_verdict closing_check(const conn *c) {
  bool done = (c->close_received && c->close_sent) || c->failed;
  if (!done || out_queue_len(&c->work->out) > 0) return CLOSING_WAIT;
  return c->failed ? CLOSING_FAILED : CLOSING_DONE;
}

/* Our close frame is the last frame in the data lane, so it is written when the lane is empty. */
bool closing_has_left(const conn *c) {
  const out_queue *q = &c->work->out;
  return c->close_size > 0 && out_queue_left(q, LANE_DATA, q->lanes[LANE_DATA].queued);
}

bool closing_answer_due(const conn *c) {
  return c->close_received && !c->close_sent;
}

void closing_describe(const close_reasons *reasons, const conn *c, bool left,
                      wsuv_close_info_t *info) {
  info->code = c->close_received ? c->peer_code : WSUV_CLOSE_ABNORMAL;
  info->sent_code = left ? c->sent_code : 0;
  info->by_peer = c->close_by_peer;
  info->clean = c->close_received && left;
  if (reasons == NULL) return;
  info->reason = reasons->received;
  info->reason_len = reasons->received_len;
  if (!left) return;
  info->sent_reason = reasons->sent;
  info->sent_reason_len = reasons->sent_len;
}
