#ifndef EXAMPLES_WSUV_INPUT_H
#define EXAMPLES_WSUV_INPUT_H

/* Standard input on a loop, whatever it is: file, pipe, terminal, socket, device. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "wsuv_editor.h"
#include "wsuv_items.h"

typedef enum input_verdict {
  INPUT_TAKEN,
  INPUT_LATER, /* not now: the same again after input_resume() */
  INPUT_ENOUGH /* nothing more, and the end is not reported */
} input_verdict;

typedef struct input_events {
  /* A line without its end; or all there is, or some of it, unless it is empty. */
  input_verdict (*on_item)(void *up, const char *data, size_t len);
  /* 0: the end; UV_E2BIG: an item is longer than item_max; or what reading said. */
  void (*on_end)(void *up, int status);
} input_events;

typedef struct input {
  const input_events *events;
  void *up;
  size_t item_max; /* bytes */
  editor *editor;  /* of a terminal; NULL: it is a stream or a file */
  bool is_stream;
  bool busy;    /* a read of a file is under way, into the text */
  bool reading; /* a stream is being read */
  bool later;   /* said on_item */
  bool ended;   /* all has been read */
  bool closed;
  bool sized; /* the descriptor is a regular file: `left` bytes of it are not read yet */
  uint64_t left;
  int flags; /* of the descriptor, before libuv changed them; -1: not known */
  uv_loop_t *loop;
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tty_t tty;
    uv_pipe_t pipe;
    uv_tcp_t tcp;
  } source;
  uv_fs_t request;
  items items; /* what was read and is not taken */
} input;

/* Begin to read. The structure stays where it is until the loop has run out. 0 or a code. */
int input_start(input *in, uv_loop_t *loop, items_unit unit, size_t item_max,
                const input_events *events, void *up);

/* Go on after INPUT_LATER; otherwise nothing. */
void input_resume(input *in);

/* Whether everything that has come was taken; with `to_end`, also whether nothing more will come.
 */
bool input_is_used_up(const input *in, bool to_end);

/* How many bytes there are still to be handed out, or UINT64_MAX if that is not known. */
uint64_t input_left(const input *in);

/* Read no more; no callback runs any more. Allowed at any time, also before input_start() if the
   structure is zeroed. */
void input_close(input *in);

#endif
