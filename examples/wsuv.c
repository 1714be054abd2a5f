/* wsuv: WebSocket on the command line. A client, or with --listen a server; what they do is in the
   wsuv_*.c files beside it. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include <uv.h>
#include <wsuv.h>

#include "wsuv_connect.h"
#include "wsuv_listen.h"
#include "wsuv_report.h"
#include "wsuv_screen.h"

enum { LAST_TURNS = 16 }; /* more than handles need to be closed */

/* When the verdict is out, only handles are left to be closed, unless a thread is in a name lookup:
   that can take a minute, and the process would wait for it even when it exits. */
static void wind_up(uv_loop_t *loop, exit_code code) {
  int turns = 0;
  while (turns < LAST_TURNS && uv_run(loop, UV_RUN_NOWAIT) != 0) turns++;
  if (turns < LAST_TURNS) return;
  fflush(stdout);
  _exit((int) code);
}

/* Without descriptors there is not even a loop. */
static exit_code run(const options *o, printer *out) {
  uv_loop_t *loop = uv_default_loop();
  if (loop == NULL) {
    report("%s", wsuv_strerror(UV_EMFILE));
    return EXIT_REFUSED;
  }
  exit_code code = o->mode == MODE_CLIENT ? connect_run(o, out, loop) : listen_run(o, out, loop);
  wind_up(loop, code);
  uv_loop_close(loop);
  return code;
}

/* The loop's own descriptors may not take the place of a standard one that is closed. Reading gives
   the end then, and writing fails. */
static void fill_descriptors(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    if (fcntl(fd, F_GETFD) == -1 && errno == EBADF)
      (void) open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
  }
}

static print_format format_of(const options *o) {
  if (o->binary) return PRINT_RAW;
  if (o->json) return PRINT_JSON;
  return o->null ? PRINT_NULL : PRINT_LINES;
}

int main(int argc, char **argv) {
  static options o;
  printer out;
  fill_descriptors();
  signal(SIGPIPE, SIG_IGN);
  screen_init();
  options_result result = options_read(&o, argc, argv);
  print_init(&out, format_of(&o), o.timestamps);
  exit_code code = result == OPTIONS_DONE ? EXIT_CLOSED : EXIT_OURS;
  if (result == OPTIONS_RUN) code = run(&o, &out);
  options_free(&o);
  return (int) code;
}
