#include "wsuv_interrupt.h"

/* Catches signals. A uv_signal_t is reported by the loop only, but a program that waits for its
   standard output to be read does not come back to the loop: hence the count. */

#include <errno.h>
#include <signal.h>

static volatile sig_atomic_t count;
static uv_async_t wakeup;
static void (*callback)(void *data);

static void on_signal(int number) {
  int saved = errno;
  if (number != SIGHUP || count == 0) count++;
  uv_async_send(&wakeup); /* async-signal-safe by its documentation */
  errno = saved;
}

static void on_wakeup(uv_async_t *handle) {
  if (count > 0) callback(handle->data);
}

/* SIGHUP stays ignored under nohup. */
static void set_handler(void (*handler)(int)) {
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART}, before;
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
    if (sigaction(signals[i], NULL, &before) < 0) continue;
    if (signals[i] == SIGHUP && before.sa_handler == SIG_IGN) continue;
    sigaction(signals[i], &action, NULL);
  }
}

int interrupt_start(uv_loop_t *loop, void (*cb)(void *data), void *data) {
  int err = uv_async_init(loop, &wakeup, on_wakeup);
  if (err < 0) return err;
  uv_unref((uv_handle_t *) &wakeup);
  wakeup.data = data;
  callback = cb;
  set_handler(on_signal);
  return 0;
}

unsigned interrupt_count(void) {
  return (unsigned) count;
}

void interrupt_stop(void) {
  if (callback == NULL) return;
  set_handler(SIG_DFL);
  uv_close((uv_handle_t *) &wakeup, NULL);
}
