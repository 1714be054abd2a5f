#include "session/inflow.h"

/* Takes events from conn, one at a time. */

enum {
  DIRECT_READ_MIN =
      16 * 1024 /* if more bytes than this are missing, the payload is read into its block */
};

void inflow_room(conn *c, const ws_room *shared, ws_room *room) {
  room->len = conn_recv_target(c, DIRECT_READ_MIN, &room->base);
  if (room->len == 0) *room = *shared;
}

/* A message has at least one frame, so as many frames have no more messages. */
bool inflow_ends(inflow *in, const conn *c, inflow_end *end) {
  const uint64_t frames = c->received.frames, messages = c->received.messages;
  const uint64_t left = messages < end->messages ? end->messages - messages : 0;
  const bool all = end->budget <= frames || left > end->budget - frames;
  end->frames = all ? end->budget : frames + left;
  if (end->frames > frames) return false;
  in->budget = 0;
  return true;
}

int inflow_next_extended(inflow *in, conn *c, inflow_end *end, conn_event *ev) {
  const uint64_t allowed = in->budget / INFLOW_INFLATED_COST;
  c->extensions->in_left = allowed;
  int r = conn_next_event(c, ev);
  inflow_spend(in, INFLOW_INFLATED_COST * (allowed - c->extensions->in_left));
  if (c->extensions->in_left == 0) in->budget = 0;
  if (in->budget == 0) end->frames = end->budget = 0;
  return r;
}

int inflow_keep(const inflow *in, conn *c) {
  return inflow_stopped(in) ? conn_keep_input(c) : 0;
}

bool inflow_discard_until_close(inflow *in) {
  if (!in->paused) return false;
  in->discard = true;
  in->paused = false;
  return true;
}
