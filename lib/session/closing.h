#ifndef WS_SESSION_CLOSING_H
#define WS_SESSION_CLOSING_H

/* The closing handshake, and failing the connection. */

#include <wsuv/session.h>

#include "proto/frame/conn.h"

/* The peer's close frame came. */
void closing_by_peer(wsuv_session_t *s, const conn_event *ev);

/* Queue our close frame, which begins or answers the closing handshake: see conn_close; and
   WSUV_ESTATE: it is not open, or the frame is made already. */
int closing_begin(wsuv_session_t *s, unsigned code, const char *reason, size_t len);

/* The connection of a session has failed, as conn_fail does it: with `err` it will end. */
void closing_failed(wsuv_session_t *s, int err);

/* Both sides may have said what they had to say. */
void closing_advance(wsuv_session_t *s);

#endif
