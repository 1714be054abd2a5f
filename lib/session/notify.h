#ifndef WS_SESSION_NOTIFY_H
#define WS_SESSION_NOTIFY_H

/* Calls the program's callbacks; no other file calls them. After each call the session may be
   closing, paused or ended, and frames may be queued. Its memory is still valid. */

#include <stdbool.h>

#include <wsuv/client.h>
#include <wsuv/exchange.h>
#include <wsuv/server.h>
#include <wsuv/session.h>

#include "proto/frame/conn.h"
#include "session/kind.h"

void notify_open(const session_kind *kind, wsuv_session_t *s);

/* Whether the program wants messages in pieces. */
bool notify_wants_pieces(const session_kind *kind);

/* A message. */
static inline void notify_message(const session_kind *kind, wsuv_session_t *s,
                                  const conn_event *ev) {
  const wsuv_message_t whole = {(wsuv_frame_type_t) ev->opcode, ev->data, ev->len};
  if (kind->callbacks.on_message != NULL) kind->callbacks.on_message(s, &whole);
}

/* Any other event: a piece, a control frame, or in a raw session any frame. */
void notify_event(const session_kind *kind, wsuv_session_t *s, const conn_event *ev, bool raw);

/* Whether a redirect is followed; it is, without a callback. */
bool notify_redirect(const session_kind *kind, wsuv_session_t *s, const wsuv_redirect_t *redirect);

/* The program's function that notify_unauthorized calls, or NULL. */
void (*notify_asks_with(const session_kind *kind))(void);

/* The callback is set. */
void notify_unauthorized(const session_kind *kind, wsuv_session_t *s,
                         const wsuv_unauthorized_t *refusal);

void notify_drain(const session_kind *kind, wsuv_session_t *s);
void notify_completion(wsuv_send_cb cb, wsuv_session_t *s, int status, void *arg);
void notify_close(const session_kind *kind, wsuv_session_t *s, const wsuv_close_info_t *info);

/* Callbacks of a client. */
void notify_posted(wsuv_post_cb cb, wsuv_client_t *client, void *arg);
void notify_each(wsuv_client_each_cb cb, wsuv_session_t *s, void *arg);
void notify_client_closed(wsuv_client_close_cb cb, wsuv_client_t *client);

/* Callbacks of a server. */
void notify_upgrade(wsuv_upgrade_cb cb, wsuv_upgrade_t *upgrade);
void notify_exchange(wsuv_exchange_cb cb, wsuv_exchange_t *exchange);
void notify_refused(wsuv_refused_cb cb, wsuv_server_t *server, const wsuv_refusal_t *refusal);
void notify_server_posted(wsuv_server_post_cb cb, wsuv_server_t *server, void *arg);
void notify_server_closed(wsuv_server_close_cb cb, wsuv_server_t *server);

#endif
