#ifndef WS_SESSION_NOTIFY_H
#define WS_SESSION_NOTIFY_H

/* All calls of the user's callbacks: nobody else calls them. After each of these the session may
   have ended, but not be gone, or been closed, paused, sent to. */

#include <stdbool.h>

#include <wsuv/session.h>

#include "proto/frame/conn.h"

void notify_open(wsuv_session_t *s);

/* Whether messages are wanted in pieces. */
bool notify_wants_pieces(const wsuv_session_t *s);

/* A message. */
void notify_message(wsuv_session_t *s, const conn_event *ev);

/* Any other event: a piece, a control frame; of a raw session, a frame. */
void notify_event(wsuv_session_t *s, const conn_event *ev);

/* on_drain, if it is due. */
void notify_drain(wsuv_session_t *s);

/* Completions of what is in the kernel's hands. */
void notify_completed(wsuv_session_t *s);

/* Completions of what was queued behind the data that is still sent. */
void notify_dropped(wsuv_session_t *s);

/* The last two: all completions that are left, then on_close. */
void notify_undone(wsuv_session_t *s, int status);
void notify_close(wsuv_session_t *s, const wsuv_close_info_t *info);

#endif
