#include "session/notify.h"

/* Calls the callbacks. The session decides whether a call is due. */

void notify_open(const session_kind *kind, wsuv_session_t *s) {
  if (kind->callbacks.on_open != NULL) kind->callbacks.on_open(s);
}

/* The payload of a close frame's event includes the code. */
static void tell_frame(const session_kind *kind, wsuv_session_t *s, wsuv_frame_type_t type,
                       const conn_event *ev) {
  size_t code = ev->type == CONN_EVENT_CLOSE && ev->close_code != WSUV_CLOSE_NO_STATUS ? 2 : 0;
  wsuv_frame_t frame;
  if (kind->callbacks.on_frame == NULL) return;
  wsuv_frame_init(&frame, type, ev->data - code, ev->len + code);
  if (ev->type == CONN_EVENT_FRAME) {
    frame.fin = ev->fin;
    frame.rsv1 = (ev->rsv & FRAME_RSV1) != 0;
    frame.rsv2 = (ev->rsv & FRAME_RSV2) != 0;
    frame.rsv3 = (ev->rsv & FRAME_RSV3) != 0;
    frame.continuation = ev->continuation;
  }
  kind->callbacks.on_frame(s, &frame);
}

static void tell_raw(const session_kind *kind, wsuv_session_t *s, const conn_event *ev) {
  switch (ev->type) {
  case CONN_EVENT_PING: tell_frame(kind, s, WSUV_FRAME_PING, ev); break;
  case CONN_EVENT_PONG: tell_frame(kind, s, WSUV_FRAME_PONG, ev); break;
  case CONN_EVENT_CLOSE: tell_frame(kind, s, WSUV_FRAME_CLOSE, ev); break;
  default: tell_frame(kind, s, (wsuv_frame_type_t) ev->opcode, ev); break;
  }
}

bool notify_wants_pieces(const session_kind *kind) {
  return kind->callbacks.on_message_piece != NULL;
}

static void tell_piece(const session_kind *kind, wsuv_session_t *s, const conn_event *ev) {
  const wsuv_message_piece_t piece = {.type = (wsuv_frame_type_t) ev->opcode,
                                      .data = ev->data,
                                      .len = ev->len,
                                      .offset = ev->offset,
                                      .last = ev->fin};
  kind->callbacks.on_message_piece(s, &piece);
}

void notify_event(const session_kind *kind, wsuv_session_t *s, const conn_event *ev, bool raw) {
  if (raw) {
    tell_raw(kind, s, ev);
    return;
  }
  switch (ev->type) {
  case CONN_EVENT_PIECE: tell_piece(kind, s, ev); break;
  case CONN_EVENT_PING:
    if (kind->callbacks.on_ping != NULL) kind->callbacks.on_ping(s, ev->data, ev->len);
    break;
  case CONN_EVENT_PONG:
    if (kind->callbacks.on_pong != NULL) kind->callbacks.on_pong(s, ev->data, ev->len);
    break;
  default: break; /* on_close reports the peer's close frame */
  }
}

bool notify_redirect(const session_kind *kind, wsuv_session_t *s, const wsuv_redirect_t *redirect) {
  return kind->callbacks.on_redirect == NULL || kind->callbacks.on_redirect(s, redirect);
}

void (*notify_asks_with(const session_kind *kind))(void) {
  return (void (*)(void)) kind->callbacks.on_unauthorized;
}

void notify_unauthorized(const session_kind *kind, wsuv_session_t *s,
                         const wsuv_unauthorized_t *refusal) {
  kind->callbacks.on_unauthorized(s, refusal);
}

void notify_drain(const session_kind *kind, wsuv_session_t *s) {
  if (kind->callbacks.on_drain != NULL) kind->callbacks.on_drain(s);
}

void notify_completion(wsuv_send_cb cb, wsuv_session_t *s, int status, void *arg) {
  cb(s, status, arg);
}

void notify_close(const session_kind *kind, wsuv_session_t *s, const wsuv_close_info_t *info) {
  if (kind->callbacks.on_close != NULL) kind->callbacks.on_close(s, info);
}

void notify_posted(wsuv_post_cb cb, wsuv_client_t *client, void *arg) {
  cb(client, arg);
}

void notify_each(wsuv_client_each_cb cb, wsuv_session_t *s, void *arg) {
  cb(s, arg);
}

void notify_client_closed(wsuv_client_close_cb cb, wsuv_client_t *client) {
  cb(client);
}

void notify_upgrade(wsuv_upgrade_cb cb, wsuv_upgrade_t *upgrade) {
  cb(upgrade);
}

void notify_exchange(wsuv_exchange_cb cb, wsuv_exchange_t *exchange) {
  cb(exchange);
}

void notify_refused(wsuv_refused_cb cb, wsuv_server_t *server, const wsuv_refusal_t *refusal) {
  cb(server, refusal);
}

void notify_server_posted(wsuv_server_post_cb cb, wsuv_server_t *server, void *arg) {
  cb(server, arg);
}

void notify_server_closed(wsuv_server_close_cb cb, wsuv_server_t *server) {
  cb(server);
}
