#include "wsuv_canvas.h"

/* libedit draws into memory, so that a terminal that takes no output holds up nobody for longer
   than an interrupt takes. */

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wsuv_output.h"
#include "wsuv_rows.h"
#include "wsuv_screen.h"

enum { HISTORY_SIZE = 1000 }; /* lines */

/* --- drawing --- */

int canvas_flush(canvas *c) {
  if (fflush(c->file) != 0) return UV_ENOMEM;
  int err = output_write(c->drawn, c->drawn_len);
  rewind(c->file);
  return err;
}

void canvas_erase(canvas *c) {
  char text[32];
  int rows, columns;
  if (!c->visible) return;
  screen_size(&rows, &columns); /* that by which the terminal has wrapped the line by now */
  const LineInfoW *line = el_wline(c->el);
  int row = rows_above(line->buffer, line->cursor, columns);
  row = row < rows ? row : rows - 1;
  int len = row > 0 ? snprintf(text, sizeof text, "\r\033[%dA\033[J", row)
                    : snprintf(text, sizeof text, "\r\033[J");
  output_write(text, (size_t) len);
}

void canvas_draw(canvas *c) {
  int rows, columns;
  if (!c->visible) return;
  screen_size(&rows, &columns);
  if (rows != c->rows || columns != c->columns) el_resize(c->el);
  c->rows = rows;
  c->columns = columns;
  el_wset(c->el, EL_REFRESH);
  canvas_flush(c);
}

void canvas_leave(canvas *c) {
  const LineInfoW *line = el_wline(c->el);
  if (c->visible && line->lastchar > line->buffer) {
    el_cursor(c->el, (int) (line->lastchar - line->cursor));
    canvas_draw(c);
    output_write("\n", 1);
  }
  c->visible = false;
}

/* --- a line --- */

const wchar_t *canvas_read(canvas *c, int *len) {
  HistEventW event;
  const wchar_t *text = el_wgets(c->el, len);
  if (text == NULL || *len <= 0) return NULL;
  if (*len > 1) history_w(c->history, &event, H_ENTER, text);
  return text;
}

static int next_character(EditLine *el, wchar_t *character) {
  canvas *c;
  el_wget(el, EL_CLIENTDATA, &c);
  return c->source(c->up, character);
}

/* --- the beginning --- */

static wchar_t *plain_prompt(EditLine *el) {
  static wchar_t prompt[] = L"> ";
  (void) el;
  return prompt;
}

/* What is between the \1 has no width. */
static wchar_t *colored_prompt(EditLine *el) {
  static wchar_t prompt[] = L"\1\033[32m\1>\1\033[0m\1 ";
  (void) el;
  return prompt;
}

/* Messages are UTF-8, whatever the user's locale is. */
static bool set_locale(void) {
  return setlocale(LC_CTYPE, "C.UTF-8") != NULL ||
         (setlocale(LC_CTYPE, "") != NULL && strcmp(nl_langinfo(CODESET), "UTF-8") == 0);
}

/* Between two lines the terminal stays as it is within one: the kernel neither cuts nor shows what
   is pasted. A tab is a character like others. */
static void set_up_keys(EditLine *el) {
  static const char *const keys[][2] = {
      {"^I", "ed-insert"},          {"^R", "em-inc-search-prev"}, {"\\e[3~", "ed-delete-next-char"},
      {"\\e[1~", "ed-move-to-beg"}, {"\\e[4~", "ed-move-to-end"}, {"\\e[1;5C", "em-next-word"},
      {"\\e[1;5D", "ed-prev-word"}};
  el_set(el, EL_EDITOR, "emacs");
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    el_set(el, EL_BIND, keys[i][0], keys[i][1], NULL);
  el_set(el, EL_SETTY, "-x", "-icanon", "-echo", NULL);
  el_source(el, NULL);
}

static int set_up_libedit(canvas *c) {
  HistEventW event;
  char *up = NULL;
  c->file = open_memstream(&c->drawn, &c->drawn_len);
  c->history = history_winit();
  if (c->file == NULL || c->history == NULL) return UV_ENOMEM;
  c->el = el_init_fd("wsuv", stdin, c->file, c->file, STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO);
  if (c->el == NULL) return UV_ENOMEM;
  if (el_get(c->el, EL_GETTC, "up", &up) < 0 || up == NULL) return UV_ENOTSUP;
  screen_size(&c->rows, &c->columns);
  history_w(c->history, &event, H_SETSIZE, HISTORY_SIZE);
  history_w(c->history, &event, H_SETUNIQUE, 1);
  el_wset(c->el, EL_HIST, history_w, c->history);
  el_wset(c->el, EL_SIGNAL, 0);
  el_wset(c->el, EL_CLIENTDATA, c);
  el_wset(c->el, EL_GETCFN, next_character);
  el_wset(c->el, EL_PROMPT_ESC, screen_has_colors(STDOUT_FILENO) ? colored_prompt : plain_prompt,
          L'\1');
  set_up_keys(c->el);
  return 0;
}

int canvas_start(canvas *c, canvas_source source, void *up) {
  *c = (canvas){.source = source, .up = up};
  if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &c->before) < 0) return UV_ENOTSUP;
  if (!screen_can_move() || !set_locale()) return UV_ENOTSUP;
  int err = set_up_libedit(c);
  if (err == 0) return 0;
  canvas_restore(c);
  canvas_end(c);
  *c = (canvas){0};
  return err;
}

/* --- the end --- */

void canvas_restore(const canvas *c) {
  tcsetattr(STDIN_FILENO, TCSANOW, &c->before);
}

void canvas_end(canvas *c) {
  if (c->el != NULL) {
    el_wset(c->el, EL_EDITMODE, 0); /* or what was typed in advance would be lost in el_end() */
    el_end(c->el);
  }
  if (c->history != NULL) history_wend(c->history);
  if (c->file != NULL) fclose(c->file);
  free(c->drawn);
}
