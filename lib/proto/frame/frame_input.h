#ifndef WS_PROTO_FRAME_FRAME_INPUT_H
#define WS_PROTO_FRAME_FRAME_INPUT_H

/* Frames of callers that were compiled with another header (base/sized.h). */

#include <wsuv/frame.h>

#include "base/why.h"

/* Read a frame of any size that is known into one of today's. 0 or WSUV_ESIZE, with *why
   (base/sized.h). */
int frame_input(wsuv_frame_t *to, const wsuv_frame_t *from, ws_why *why);

#endif
