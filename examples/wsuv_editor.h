#ifndef EXAMPLES_WSUV_EDITOR_H
#define EXAMPLES_WSUV_EDITOR_H

/* Lines that are typed on a terminal, with editing and a history. */

#include <stddef.h>
#include <uv.h>

typedef struct editor editor;

/* Called on the loop, once for each editor_read(): a line, with its end; or, without one, 0 for the
   end of the input, or a code of libuv's. The line is there until the callback returns. */
typedef void (*editor_cb)(void *up, const char *line, size_t len, int status);

/* Begin, if standard input and output are a terminal that can move its cursor. 0; UV_ENOTSUP: they
   are not, or there is no libedit; or another code of libuv's. */
int editor_start(editor **out, uv_loop_t *loop, editor_cb cb, void *up);

/* Let a line be typed. */
void editor_read(editor *e);

/* End, in the middle of a line, too; the terminal is as it was before. No callback runs any more.
   Memory is freed on the loop. */
void editor_stop(editor *e);

#endif
