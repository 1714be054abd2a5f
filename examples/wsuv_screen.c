#include "wsuv_screen.h"

/* Knows what is drawn below the output: the progress, and below it the line that is being typed.
   One lock makes the loop and the thread of the editor take turns on the terminal. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "wsuv_output.h"

static uv_mutex_t lock;
static unsigned depth; /* how many pairs of begin and end are open; of the loop's thread */
static const screen_line *typed;
static void *typed_up;
static char progress[SCREEN_COLUMNS];
static bool shown; /* the progress is on the terminal */
static bool unfinished;

void screen_init(void) {
  if (uv_mutex_init(&lock) < 0) abort();
}

void screen_lock(void) {
  uv_mutex_lock(&lock);
}

void screen_unlock(void) {
  uv_mutex_unlock(&lock);
}

void screen_wait(uv_cond_t *cond) {
  uv_cond_wait(cond, &lock);
}

bool screen_can_move(void) {
  const char *type = getenv("TERM");
  return type != NULL && *type != '\0' && strcmp(type, "dumb") != 0;
}

bool screen_has_colors(int fd) {
  const char *unwanted = getenv("NO_COLOR");
  return (unwanted == NULL || *unwanted == '\0') && isatty(fd) && screen_can_move();
}

void screen_size(int *rows, int *columns) {
  struct winsize size;
  bool known = false;
  for (int fd = STDERR_FILENO; fd >= STDIN_FILENO && !known; fd--)
    known = ioctl(fd, TIOCGWINSZ, &size) == 0;
  *rows = known && size.ws_row > 0 ? size.ws_row : SCREEN_ROWS;
  *columns = known && size.ws_col > 0 ? size.ws_col : SCREEN_COLUMNS;
}

/* The progress has a line of its own only if there is one below it. */
static void erase(void) {
  const char *text = typed != NULL ? "\033[A\r\033[J" : "\r\033[K";
  if (typed != NULL) typed->erase(typed_up);
  if (shown) output_report(text, strlen(text));
  shown = false;
}

static void draw(void) {
  int rows, columns;
  if (unfinished) return;
  shown = *progress != '\0';
  if (shown) {
    char line[sizeof progress + 1];
    screen_size(&rows, &columns);
    int len = snprintf(line, sizeof line, "%.*s%s", columns - 1, progress, typed ? "\n" : "");
    output_report(line, (size_t) len);
  }
  if (typed != NULL) typed->draw(typed_up);
}

void screen_begin(void) {
  if (depth++ > 0) return;
  screen_lock();
  erase();
}

void screen_end(void) {
  if (--depth > 0) return;
  draw();
  screen_unlock();
}

void screen_set_unfinished(bool is_unfinished) {
  unfinished = is_unfinished;
}

void screen_set_progress(const char *text) {
  if (strcmp(text, progress) == 0) return;
  screen_begin();
  snprintf(progress, sizeof progress, "%s", text);
  screen_end();
}

void screen_set_line(const screen_line *line, void *up) {
  typed = line;
  typed_up = up;
}

/* The progress above it is output of old. */
void screen_finish_line(void) {
  shown = false;
}
