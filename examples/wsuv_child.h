#ifndef EXAMPLES_WSUV_CHILD_H
#define EXAMPLES_WSUV_CHILD_H

/* A process that runs beside a session, with pipes for its standard input and output. */

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

typedef struct child child;

typedef struct child_events {
  void (*on_exit)(child *c, bool failed); /* It has ended. Once. */
  void (*on_gone)(child *c);              /* Its group and its handles, too. Once, and the last. */
} child_events;

/* Zeroed, but for events, up and patience_ms. The structure stays where it is until on_gone() has
 * been called. */
struct child {
  const child_events *events;
  void *up;
  uv_process_t process;
  uv_pipe_t in, out;    /* our ends of the pipes; the `data` of both is free to use */
  uv_timer_t timer;     /* free to use before child_end() */
  uint64_t patience_ms; /* between two means to end it */
  size_t waiting;       /* bytes that its standard input had not taken at the last look */
  unsigned handles;     /* that are not closed */
  bool exited;
  bool ending; /* child_end() was called */
  bool killed; /* SIGKILL was sent */
  bool warned; /* SIGTERM was sent */
};

/* Run argv[0], looked up in PATH, in a process group of its own; standard error is ours. 0; or a
   code of libuv's, and only on_gone() follows. */
int child_start(child *c, uv_loop_t *loop, char **argv, char **environment);

/* Its standard input ends. */
void child_close_input(child *c);

/* It is not wanted any more: if it has not ended some time after its standard input took bytes for
   the last time, its group gets SIGTERM, and SIGKILL after the same time. on_gone() follows. */
void child_end(child *c);

/* Its group gets SIGKILL now. */
void child_kill(child *c);

#endif
