#ifndef WS_BASE_ESCAPE_H
#define WS_BASE_ESCAPE_H

/* Text that may come from a peer, made safe for logs and terminals. */

#include <stddef.h>

/* Copy `s` to `dst`, which has `size` bytes, at least 1, and is terminated. Control characters (C0,
   DEL, and C1 in UTF-8) and bytes that are not UTF-8 are written as "\x1b"; everything else stays,
   backslashes, too. What does not fit is left out, but no character and no escape is cut. Returns
   the length of the copy. */
size_t escape_text(char *dst, size_t size, const char *s, size_t len);

#endif
