#include "session/progress.h"

/* Asks the filter and compares with the last look. */

enum { PARTS = 8 /* looks while a timeout runs */ };

/* Memory of a Unix socket is not the number of bytes in it, but is at least as much. So if the
   difference grows, the peer has read, whatever was written meanwhile. */
progress_seen progress_look(progress *p, const ws_filter *filter, uint64_t sent) {
  ws_unacked now;
  if (filter->ops->query(filter, WS_QUERY_UNACKED, &now) < 0) now = (ws_unacked){.written = sent};
  const int64_t acknowledged = (int64_t) now.written - (int64_t) now.unacked;
  const progress_seen seen = {
      .written = now.written,
      .more = acknowledged > p->acknowledged,
      .all = now.unacked == 0,
  };
  p->acknowledged = acknowledged;
  return seen;
}

uint64_t progress_part_ms(uint64_t timeout_ms) {
  return timeout_ms > PARTS ? timeout_ms / PARTS : 1;
}

void progress_plan(progress *p, uint64_t now_ms, uint64_t timeout_ms) {
  const uint64_t part_ms = progress_part_ms(timeout_ms);
  const uint64_t at = part_ms > UINT64_MAX - now_ms ? UINT64_MAX : now_ms + part_ms;
  if (p->look_ms == 0 || at < p->look_ms) p->look_ms = at;
}
