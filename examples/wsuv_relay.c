/* Connects each session to a server that knows no WebSocket, for --to. */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "wsuv_dial.h"
#include "wsuv_pump.h"
#include "wsuv_report.h"
#include "wsuv_reserve.h"
#include "wsuv_service.h"

enum { PATIENCE_MS = 5000 }; /* for the rest of the connection when the session has ended */

typedef struct relay {
  service_host *host;
  uint64_t patience_ms;
} relay;

/* One upgrade or session, and its connection. */
typedef struct tunnel {
  relay *relay;
  dial dial;
  pump pump;
  uv_timer_t timer; /* the rest of the connection is not waited for longer */
  uv_shutdown_t shutdown;
  wsuv_upgrade_t *upgrade; /* that is owed an answer; NULL: it has one */
  wsuv_session_t *session; /* NULL: not yet, or it has ended */
  size_t waiting;          /* bytes that the connection had not taken at the last look */
  bool source_ended;       /* nothing more comes of the connection */
  bool sink_ended;         /* and nothing more goes there */
} tunnel;

/* What has failed and changes nothing for the session; for -v. */
static void note(const relay *r, const char *what, int err) {
  char text[128];
  if (err == 0 || r->host->options->verbose == 0) return;
  snprintf(text, sizeof text, "--to: %s: %s", what, wsuv_strerror(err));
  report_log(text);
}

/* --- the end --- */

static void close_dial(tunnel *t, bool reset) {
  const relay *r = t->relay;
  note(r, "the lookup is not stopped", dial_close(&t->dial, reset));
}

static void on_timer_closed(uv_handle_t *handle) {
  free(handle->data);
}

static void on_gone(dial *d) {
  tunnel *t = d->up;
  pump_free(&t->pump);
  t->timer.data = t;
  uv_close((uv_handle_t *) &t->timer, on_timer_closed);
}

static void finish(tunnel *t) {
  if (t->session == NULL && t->source_ended && t->sink_ended) close_dial(t, false);
}

static void on_timer(uv_timer_t *timer) {
  tunnel *t = timer->data;
  size_t waiting = uv_stream_get_write_queue_size(&t->dial.socket.stream);
  bool stuck = waiting >= t->waiting;
  t->waiting = waiting;
  if (stuck) close_dial(t, !t->sink_ended); /* the kernel delivers what it has, with the end */
}

static void on_shutdown(uv_shutdown_t *request, int status) {
  tunnel *t = request->data;
  if (status == UV_ECANCELED) return; /* the handle is closing */
  t->sink_ended = true;
  finish(t);
}

static void on_sink_done(void *up) {
  tunnel *t = up;
  t->shutdown.data = t;
  if (uv_shutdown(&t->shutdown, &t->dial.socket.stream, on_shutdown) == 0) return;
  t->sink_ended = true; /* the connection is gone already */
  finish(t);
}

/* A server behind a session that was cut must not take what it got for all. */
static void end_tunnel(tunnel *t, bool cut) {
  t->session = NULL;
  if (cut) {
    pump_drop(&t->pump);
    close_dial(t, true);
    return;
  }
  t->waiting = uv_stream_get_write_queue_size(&t->dial.socket.stream);
  t->timer.data = t;
  uv_timer_start(&t->timer, on_timer, t->relay->patience_ms, t->relay->patience_ms);
  pump_end(&t->pump, &t->dial.socket.stream, &t->dial.socket.stream);
}

/* --- the session --- */

static tunnel *tunnel_of(const wsuv_session_t *session) {
  const pump *p = wsuv_session_data(session);
  return p->up;
}

static void on_source_end(void *up, int status) {
  tunnel *t = up;
  t->source_ended = true;
  if (t->session == NULL) {
    finish(t);
    return;
  }
  if (status < 0) report("--to: %s", wsuv_strerror(status));
  service_close(t->session, status < 0 ? WSUV_CLOSE_INTERNAL_ERROR : WSUV_CLOSE_NORMAL);
}

static void on_open(wsuv_session_t *session) {
  tunnel *t = tunnel_of(session);
  pump_start(&t->pump, session, &t->dial.socket.stream, &t->dial.socket.stream);
}

static void on_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  end_tunnel(tunnel_of(session), info->status < 0);
}

/* --- upgrades --- */

static void refuse(tunnel *t, int status) {
  wsuv_upgrade_t *upgrade = t->upgrade;
  t->upgrade = NULL;
  service_refuse(upgrade, status);
  close_dial(t, true);
}

static void accept_upgrade(tunnel *t) {
  wsuv_upgrade_t *upgrade = t->upgrade;
  if (t->dial.is_tcp) note(t->relay, "TCP_NODELAY", uv_tcp_nodelay(&t->dial.socket.tcp, 1));
  t->upgrade = NULL;
  if (service_accept(upgrade, &t->pump, &t->session) < 0) close_dial(t, true);
}

static void on_dialed(dial *d, int status) {
  tunnel *t = d->up;
  if (status == 0) {
    accept_upgrade(t);
    return;
  }
  report("--to: %s", wsuv_strerror(status));
  refuse(t, 502);
}

/* The answer is owed, although it is of no use any more. */
static void on_peer_gone(wsuv_upgrade_t *upgrade) {
  refuse(wsuv_upgrade_data(upgrade), 502);
}

static tunnel *new_tunnel(relay *r, wsuv_upgrade_t *upgrade) {
  static const dial_events of_dial = {on_dialed, on_gone};
  static const pump_events of_pump = {on_source_end, on_sink_done};
  tunnel *t = calloc(1, sizeof *t);
  if (t == NULL) return NULL;
  t->relay = r;
  t->upgrade = upgrade;
  t->dial.events = &of_dial;
  t->pump.events = &of_pump;
  t->dial.up = t->pump.up = t;
  t->pump.binary = true;
  t->pump.items.unit = ITEMS_PIECES;
  t->pump.eol = "";
  uv_timer_init(r->host->loop, &t->timer);
  return t;
}

static void on_upgrade(wsuv_upgrade_t *upgrade) {
  relay *r = wsuv_upgrade_data(upgrade);
  if (service_refuse_others(upgrade, r->host->options)) return;
  tunnel *t = new_tunnel(r, upgrade);
  int err = t != NULL ? dial_start(&t->dial, r->host->loop, &r->host->options->to) : UV_ENOMEM;
  if (err == 0) {
    wsuv_upgrade_set_data(upgrade, t);
    wsuv_upgrade_on_gone(upgrade, on_peer_gone);
  } else if (t != NULL) {
    on_dialed(&t->dial, err);
  } else {
    service_refuse(upgrade, 500);
  }
}

/* Lookups cannot be stopped. */
static void abandon(void *data) {
  const relay *r = data;
  uv_stop(r->host->loop);
}

int relay_init(service *s, service_host *host, wsuv_config_t *config) {
  static relay r;
  static const char *const binary[] = {"binary"};
  uint64_t timeout_ms = host->options->timeout_ms;
  r = (relay){.host = host, .patience_ms = timeout_ms > 0 ? timeout_ms : PATIENCE_MS};
  pump_set_callbacks(&s->callbacks, config);
  if (config->subprotocol_count == 0) {
    config->subprotocols = binary;
    config->subprotocol_count = 1;
    config->subprotocol_policy = WSUV_SUBPROTOCOL_OPTIONAL;
  }
  s->callbacks.on_open = on_open;
  s->callbacks.on_close = on_close;
  s->on_upgrade = on_upgrade;
  s->data = &r;
  s->on_abort = abandon;
  return reserve_threads(host->loop);
}
