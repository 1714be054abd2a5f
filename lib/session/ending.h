#ifndef WS_SESSION_ENDING_H
#define WS_SESSION_ENDING_H

/* The one end of a session; how it begins is session_end. */

#include <wsuv/session.h>

/* What goes down as the cause, unless something did before. `detail` is static text. */
void ending_note(wsuv_session_t *s, int status, const char *detail);

/* The last of a session: what was not sent is told of, then the user, then it is gone. */
void ending_bury(wsuv_session_t *s);

#endif
