#ifndef EXAMPLES_WSUV_SCREEN_H
#define EXAMPLES_WSUV_SCREEN_H

/* The terminal, which lines of output share with the line that is being typed and with the progress
   of a transfer: both are erased before a line is written, and drawn again below it. */

#include <stdbool.h>
#include <uv.h>

enum {
  SCREEN_ROWS = 24,   /* of a terminal that does not tell its size */
  SCREEN_COLUMNS = 80 /* likewise */
};

/* Who draws the line that is being typed. Both are called with the lock. */
typedef struct screen_line {
  void (*erase)(void *up); /* Leave the cursor where the line began. */
  void (*draw)(void *up);  /* Draw it from there. */
} screen_line;

/* Before anything else. */
void screen_init(void);

/* Whether the terminal can move its cursor (TERM). */
bool screen_can_move(void);

/* Whether colours are wanted on this descriptor: it is a terminal with such a cursor, and NO_COLOR
   is not set, or empty. */
bool screen_has_colors(int fd);

/* The size of the terminal. */
void screen_size(int *rows, int *columns);

/* Around what is written to a terminal, on the loop's thread; pairs may be inside others. */
void screen_begin(void);
void screen_end(void);

/* Whether the output so far ends within a line: then nothing is drawn behind it. */
void screen_set_unfinished(bool unfinished);

/* One line on standard error, until it is replaced; "" for none. Longer ones are cut. */
void screen_set_progress(const char *text);

/* For the thread that edits the line: it has the lock unless it waits. */
void screen_lock(void);
void screen_unlock(void);
void screen_wait(uv_cond_t *cond);

/* From now on this line is drawn and erased, too; NULL: none is. With the lock. */
void screen_set_line(const screen_line *line, void *up);

/* The line is typed to its end, and the cursor is below it. With the lock. */
void screen_finish_line(void);

#endif
