#ifndef EXAMPLES_WSUV_CANVAS_H
#define EXAMPLES_WSUV_CANVAS_H

/* libedit on a terminal, and what it draws there. Everything is called with the lock of the
   screen. */

#include <histedit.h>
#include <stdbool.h>
#include <stdio.h>
#include <termios.h>
#include <uv.h>

/* The next character that was typed: 1; 0 for the end. */
typedef int (*canvas_source)(void *up, wchar_t *c);

typedef struct canvas {
  EditLine *el;
  HistoryW *history;
  canvas_source source;
  void *up;
  FILE *file;            /* What libedit draws on. */
  char *drawn;           /* Its bytes. */
  size_t drawn_len;      /* Their number. */
  struct termios before; /* The terminal's modes before libedit. */
  bool visible;          /* The line that is typed is on the terminal. */
  int rows, columns;     /* The terminal's, as libedit knows them. */
} canvas;

/* Begin, if standard input and output are a terminal that can move its cursor. 0; UV_ENOTSUP: they
   are not; or UV_ENOMEM. */
int canvas_start(canvas *c, canvas_source source, void *up);

/* Have a line typed, and remember it: its text with its end, and *len characters. NULL: the source
   is at its end. */
const wchar_t *canvas_read(canvas *c, int *len);

/* Write what was drawn to the terminal. What output_write() returns. */
int canvas_flush(canvas *c);

/* Take the line from the terminal, and draw it again where the cursor is. Without effect while it
   is not visible. */
void canvas_erase(canvas *c);
void canvas_draw(canvas *c);

/* Draw a line that was erased for the last time, and leave the cursor below it. */
void canvas_leave(canvas *c);

/* Give the terminal its modes of before. */
void canvas_restore(const canvas *c);

/* Free everything. */
void canvas_end(canvas *c);

#endif
