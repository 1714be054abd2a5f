#ifndef WS_SESSION_READING_H
#define WS_SESSION_READING_H

/* From the filter to events. */

#include <stddef.h>
#include <stdint.h>

#include <wsuv/session.h>

#include "base/buf.h"

/* Whether what comes is frames. */
bool reading_frames(const wsuv_session_t *s);

/* Where the next bytes go. */
void reading_room(wsuv_session_t *s, ws_buf *buf);

/* Bytes of frames came: deliver what is in them. */
void reading_receive(wsuv_session_t *s, uint8_t *data, size_t len);

/* Deliver what is there, until it ends or the user pauses. What the sends of callbacks owe is done
   by whoever called this. */
void reading_take_events(wsuv_session_t *s);

/* Have the filter read, unless the user has paused, or there is still something from before. */
void reading_go_on(wsuv_session_t *s);

/* The session begins to close: the peer's close is to be read, whatever comes before it. */
void reading_leave_pause(wsuv_session_t *s);

#endif
