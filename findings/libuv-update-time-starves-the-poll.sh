#!/bin/bash
# Wrong guess: uv_update_time() in a timer's callback only makes the timers exact that are started
# after it.
#
# libuv runs all due timers before it polls, and starts a repeating timer again before it calls its
# callback. With the time updated in the callback, a repeating timer whose callback works longer than
# its interval is due again in the same pass. So it runs again and again, and the loop does not come
# to its poll: no socket is read. Without the call it runs once in each turn. Here the callback gives
# up after five runs.
#
# Needs Debian 12's apt and a C compiler. Prints what is seen, and fails if it changes.
set -euo pipefail

version=1.44.2-1+deb12u1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in libuv1-dev libuv1; do
  apt-get -o APT::Sandbox::User=root download -qq "$package=$version"
done
for file in ./*.deb; do dpkg -x "$file" root; done

cat >passes.c <<'END'
#include <stdio.h>

#include <uv.h>

enum { MOST = 5, INTERVAL_MS = 1, WORK_MS = 3 };

static int updates, runs, polled;

static void on_timer(uv_timer_t *timer) {
  uint64_t until = uv_hrtime() + WORK_MS * 1000000ull;
  while (uv_hrtime() < until) continue;
  if (updates) uv_update_time(timer->loop);
  if (++runs == MOST) uv_timer_stop(timer);
}

/* Runs between the timers and the poll. */
static void on_prepare(uv_prepare_t *prepare) {
  if (runs == 0 || polled) return;
  polled = 1;
  printf("%s: %d before the first poll\n", updates ? "with the call" : "without", runs);
  uv_prepare_stop(prepare);
}

static void play(int with_call) {
  uv_loop_t loop;
  uv_timer_t timer;
  uv_prepare_t prepare;
  updates = with_call;
  runs = polled = 0;
  uv_loop_init(&loop);
  uv_timer_init(&loop, &timer);
  uv_prepare_init(&loop, &prepare);
  uv_prepare_start(&prepare, on_prepare);
  uv_timer_start(&timer, on_timer, INTERVAL_MS, INTERVAL_MS);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_close((uv_handle_t *) &timer, NULL);
  uv_close((uv_handle_t *) &prepare, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
}

int main(void) {
  printf("libuv %s\n", uv_version_string());
  play(0);
  play(1);
  return 0;
}
END
lib=$(dirname "$(find root -name 'libuv.so.1')")
cc -o passes passes.c -I root/usr/include "$lib/libuv.so.1"
LD_LIBRARY_PATH=$lib ./passes | tee seen

cat >expected <<'END'
libuv 1.44.2
without: 1 before the first poll
with the call: 5 before the first poll
END
diff expected seen
