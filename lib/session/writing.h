#ifndef WS_SESSION_WRITING_H
#define WS_SESSION_WRITING_H

/* From the queue to the filter. */

#include <wsuv/session.h>

/* Write what is queued, as far as the kernel takes it. */
void writing_flush(wsuv_session_t *s);

/* What the filter held is written, or writing has failed. */
void writing_released(wsuv_session_t *s, int status);

#endif
