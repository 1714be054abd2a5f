#include "wsuv_progress.h"

/* Compares a session's statistics several times a second: nothing is done for a message. */

#include <stdio.h>
#include <unistd.h>

#include "wsuv_screen.h"

enum {
  INTERVAL_MS = 250,
  SHOWN_MS = 1000,     /* after so long */
  SHOWN_SIZE = 1 << 16 /* bytes; less is not worth a line */
};

static const double MIB = 1024 * 1024;

/* false: there is nothing to be shown. `total` may be 0. */
static bool write_transfer(const progress_transfer *t, const char *what, uint64_t now_ms,
                           uint64_t done, uint64_t total, char *text, size_t size) {
  uint64_t ms = now_ms - t->begun_ms;
  if (t->begun_ms == 0 || ms < SHOWN_MS || done < SHOWN_SIZE) return false;
  double rate = (double) done / MIB / ((double) ms / 1000);
  if (total > 0) {
    snprintf(text, size, "%s %.1f of %.1f MiB, %.0f %%, %.1f MiB/s", what, (double) done / MIB,
             (double) total / MIB, 100 * (double) done / (double) total, rate);
  } else {
    snprintf(text, size, "%s %.1f MiB, %.1f MiB/s", what, (double) done / MIB, rate);
  }
  return true;
}

/* The bytes since it began. */
static uint64_t follow(progress_transfer *t, bool under_way, uint64_t now_ms, uint64_t bytes) {
  if (!under_way) {
    *t = (progress_transfer){.base = bytes};
  } else if (t->begun_ms == 0) {
    t->begun_ms = now_ms;
  }
  return bytes - t->base;
}

/* What is queued is not sent yet. */
static bool look_at_sent(progress *p, const wsuv_stats_t *stats, char *text, size_t size) {
  uint64_t left = UINT64_MAX, now = uv_now(p->timer.loop);
  uint64_t queued = wsuv_buffered_amount(p->session);
  bool under_way = p->is_sending(p->up, &left);
  uint64_t gone = stats->payload_sent > queued ? stats->payload_sent - queued : 0;
  uint64_t done = follow(&p->sent, under_way, now, gone);
  uint64_t total = left < UINT64_MAX ? stats->payload_sent + left - p->sent.base : 0;
  return write_transfer(&p->sent, "sent", now, done, total, text, size);
}

/* Control frames between two messages are few bytes, and none for a while. */
static bool look_at_received(progress *p, const wsuv_stats_t *stats, char *text, size_t size) {
  uint64_t now = uv_now(p->timer.loop), bytes = stats->wire_received;
  bool moved = bytes != p->last || bytes - p->received.base >= SHOWN_SIZE;
  bool under_way = moved && stats->messages_received == p->messages;
  p->messages = stats->messages_received;
  p->last = bytes;
  uint64_t done = follow(&p->received, under_way, now, bytes);
  return write_transfer(&p->received, "received", now, done, 0, text, size);
}

static void on_timer(uv_timer_t *timer) {
  progress *p = timer->data;
  char sent[64] = "", received[64] = "", text[sizeof sent + 2 + sizeof received];
  wsuv_stats_t stats;
  wsuv_stats_init(&stats);
  if (wsuv_session_get_stats(p->session, &stats) < 0) return;
  bool both = look_at_sent(p, &stats, sent, sizeof sent);
  both = look_at_received(p, &stats, received, sizeof received) && both;
  snprintf(text, sizeof text, "%s%s%s", sent, both ? "; " : "", received);
  screen_set_progress(text);
}

void progress_start(progress *p, uv_loop_t *loop, wsuv_session_t *session,
                    progress_sending is_sending, void *up) {
  if (!isatty(STDERR_FILENO) || !screen_can_move() || uv_timer_init(loop, &p->timer) < 0) return;
  p->timer.data = p;
  p->session = session;
  p->is_sending = is_sending;
  p->up = up;
  uv_unref((uv_handle_t *) &p->timer);
  uv_timer_start(&p->timer, on_timer, INTERVAL_MS, INTERVAL_MS);
}

void progress_stop(progress *p) {
  if (p->session == NULL) return;
  uv_close((uv_handle_t *) &p->timer, NULL);
  screen_set_progress("");
  p->session = NULL;
}
