#ifndef WS_NET_UV_TIMER_H
#define WS_NET_UV_TIMER_H

/* Timers, any number of them on one uv_timer_t, which does not keep the loop alive. They fire by
   the exact clock, and at most once between two polls.

   The caller of timer_new owns the timer until timer_free. After timer_free the timer's callback
   does not run any more. */

#include <stdint.h>

#include "net/uv/loop.h"

/* ws_env_ops.timer_new, timer_start, timer_stop, timer_free. timer_new: 0, WS_ENOMEM, or
   WS_ECANCELED: the program has closed the environment's handles. */
int timer_new(ws_env *env, ws_env_cb cb, void *data, ws_timer **out);
void timer_start(ws_timer *t, uint64_t delay_ms);
void timer_stop(ws_timer *t);
void timer_free(ws_timer *t);

/* All timers are freed, and the environment is being closed, which waits for libuv's timer. */
void timers_end(env_uv *e);

#endif
