#ifndef WS_SESSION_SEND_H
#define WS_SESSION_SEND_H

/* What sends messages of other files. */

#include <wsuv/session.h>

/* Send a whole text or binary message, with a completion unless `cb` is NULL. Returns as
   wsuv_send_bufs; or WSUV_ESIZE. */
int session_send_message(wsuv_session_t *s, const wsuv_frame_t *whole, wsuv_send_cb cb, void *arg);

#endif
