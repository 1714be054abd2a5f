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

int inflow_keep(const inflow *in, conn *c) {
  return inflow_stopped(in) ? conn_keep_input(c) : 0;
}

bool inflow_discard_until_close(inflow *in) {
  if (!in->paused) return false;
  in->discard = true;
  in->paused = false;
  return true;
}
