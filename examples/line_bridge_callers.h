#ifndef LINE_BRIDGE_CALLERS_H
#define LINE_BRIDGE_CALLERS_H

/* The TCP side of the program line_bridge: clients that send lines and are answered in lines. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/* Bounds on the memory that callers take: CALLERS_MAX times all three together. */
enum {
  CALLERS_MAX = 64,
  CALLERS_LINE_MAX = 4096,        /* bytes, with the line's end */
  CALLERS_ANSWER_MAX = 64 * 1024, /* bytes */
  CALLERS_UNREAD_MAX = 256 * 1024 /* bytes of answers that a caller does not read */
};

/* Takes a line of a caller. Returns 0; UV_EAGAIN: not now, call callers_serve() when it may be
   offered again; or another error of libuv's, for which the caller is dropped. */
typedef int (*callers_line_cb)(void *up, uint32_t number, const char *line, size_t len);

typedef struct callers {
  uv_tcp_t listener;
  struct caller *first;
  unsigned count;
  uint32_t last_number;
  callers_line_cb on_line;
  void *up;
} callers;

void callers_init(callers *cs, uv_loop_t *loop, callers_line_cb on_line, void *up);

/* Listens on the loopback address. A port of 0 means any that is free. */
int callers_listen(callers *cs, int port);

/* Lines are taken again: goes on with those that had to wait. */
void callers_serve(callers *cs);

/* Sends a line, of CALLERS_ANSWER_MAX bytes at most, to a caller, if it is still there. */
void callers_answer(callers *cs, uint32_t number, const char *text, size_t len);

/* Ends all callers, and listens no more. */
void callers_close(callers *cs);

#endif
