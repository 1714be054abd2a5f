/* Sends each message back to its sender, for --echo. */

#include "wsuv_report.h"
#include "wsuv_service.h"

enum { HIGH_WATER = 1024 * 1024 }; /* bytes */

/* A peer that does not read is not read from: so the queue always has room for one message. A
   message that is lost ends the session: the peer would wait for it. */
static void on_message(wsuv_session_t *session, const wsuv_message_t *message) {
  int err = wsuv_send_message(session, message->type, message->data, message->len);
  if (err == 0 && wsuv_buffered_amount(session) > HIGH_WATER) err = wsuv_session_pause(session);
  if (err == 0 || err == WSUV_ESTATE) return;
  report("a message was not sent back: %s", wsuv_strerror(err));
  service_close(session, WSUV_CLOSE_INTERNAL_ERROR);
}

static void on_drain(wsuv_session_t *session) {
  int err = wsuv_session_resume(session);
  if (err < 0 && err != WSUV_ESTATE) report("%s", wsuv_strerror(err));
}

int echo_init(service *s, service_host *host, wsuv_config_t *config) {
  (void) host;
  s->callbacks.on_message = on_message;
  s->callbacks.on_drain = on_drain;
  config->high_water = HIGH_WATER;
  config->outgoing_max = HIGH_WATER + config->max_message_size;
  return 0;
}
