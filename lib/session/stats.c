#include <wsuv/stats.h>

#include "base/sized.h"
#include "session/session.h"

/* Statistics: reads counters that other parts keep. */

static void tell_counts(const wsuv_session_t *s, wsuv_stats_t *stats) {
  const conn_counts *sent = &s->conn.sent, *received = &s->conn.received;
  const extension_set *set = s->conn.extensions;
  stats->messages_sent = sent->messages;
  stats->messages_received = received->messages;
  stats->frames_sent = sent->frames;
  stats->frames_received = received->frames;
  stats->payload_sent = sent->payload + (set != NULL ? set->out_saved : 0);
  stats->payload_received = received->payload + (set != NULL ? set->in_saved : 0);
  stats->framed_sent = sent->payload;
  stats->framed_received = received->payload;
  stats->pings_sent = sent->pings;
  stats->pings_received = received->pings;
  stats->pongs_sent = sent->pongs;
  stats->pongs_received = received->pongs;
}

static void tell_times(const wsuv_session_t *s, wsuv_stats_t *stats) {
  const opening_figures *f = s->opened ? &s->figures : &s->opening->figures;
  const opening_steps *steps = s->opened ? &s->steps : &s->opening->steps;
  stats->wire_sent = f->wire_sent;
  stats->wire_received = f->wire_received;
  stats->rtt_last_us = s->pings.last_us;
  stats->rtt_min_us = s->pings.min_us;
  stats->rtt_smoothed_us = s->pings.smoothed_us;
  stats->resolve_us = steps->resolve_us;
  stats->connect_us = steps->connect_us;
  stats->proxy_us = steps->proxy_us;
  stats->tls_us = steps->tls_us;
  stats->upgrade_us = steps->upgrade_us;
  if (s->opened) stats->open_us = (session_now_ns(s) - f->since_ns) / 1000;
}

SIZED_TYPE(stats_type, wsuv_stats_t, proxy_us, sizeof(wsuv_stats_t));

int wsuv_session_get_stats(const wsuv_session_t *session, wsuv_stats_t *stats) {
  wsuv_stats_t full;
  wsuv_stats_init(&full);
  tell_counts(session, &full);
  tell_times(session, &full);
  ws_why why = {""};
  int err = sized_out(stats, &stats_type, &full, &why);
  return err < 0 ? log_refusal(session_log(session), err, &why) : 0;
}
