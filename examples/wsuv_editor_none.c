#include "wsuv_editor.h"

/* Stands in for the editor where there is no libedit. */

int editor_start(editor **out, uv_loop_t *loop, editor_cb cb, void *up) {
  (void) out;
  (void) loop;
  (void) cb;
  (void) up;
  return UV_ENOTSUP;
}

void editor_read(editor *e) {
  (void) e;
}

void editor_stop(editor *e) {
  (void) e;
}
