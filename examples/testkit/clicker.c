#include "clicker.h"

/* The timer is on the loop of the client: a program's own handle beside those of the library. */

#include <stdlib.h>
#include <string.h>

enum { VALUE_MAX_BYTES = 23 };

static void on_tick(uv_timer_t *timer) {
  clicker *c = timer->data;
  int err = wsuv_send_text(c->session, "+1", 2);
  if (err < 0 && err != WSUV_ESTATE) wsuv_session_terminate(c->session);
}

static void wait_for_tick(clicker *c) {
  uv_timer_start(&c->timer, on_tick, c->interval_ms, 0);
}

static void finish(wsuv_session_t *session) {
  if (wsuv_session_close(session, WSUV_CLOSE_NORMAL, NULL) < 0) wsuv_session_terminate(session);
}

static void on_open(wsuv_session_t *session) {
  clicker *c = wsuv_session_data(session);
  if (c->ticks > 0)
    wait_for_tick(c);
  else
    finish(session);
}

static void on_message(wsuv_session_t *session, const wsuv_message_t *message) {
  clicker *c = wsuv_session_data(session);
  char text[VALUE_MAX_BYTES + 1] = "";
  if (c->ticks == 0) return; /* it is closing */
  if (message->len > VALUE_MAX_BYTES) {
    wsuv_session_terminate(session);
    return;
  }
  memcpy(text, message->data, message->len);
  c->value = strtol(text, NULL, 10);
  if (uv_is_active((uv_handle_t *) &c->timer)) return; /* somebody else has changed it */
  if (--c->ticks > 0)
    wait_for_tick(c);
  else
    finish(session);
}

static void on_timer_closed(uv_handle_t *handle) {
  clicker *c = handle->data;
  c->ended = true;
}

static void on_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  clicker *c = wsuv_session_data(session);
  c->status = info->status;
  uv_close((uv_handle_t *) &c->timer, on_timer_closed);
}

int clicker_start(clicker *c, wsuv_client_t *client, const char *url, uint64_t interval_ms,
                  unsigned ticks) {
  static const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_open,
                                             .on_message = on_message, .on_close = on_close};
  *c = (clicker){.interval_ms = interval_ms, .ticks = ticks};
  int err = wsuv_connect_url(client, url, &callbacks, c, &c->session);
  if (err < 0) return err;
  uv_timer_init(wsuv_client_loop(client), &c->timer); /* it cannot fail */
  c->timer.data = c;
  return 0;
}
