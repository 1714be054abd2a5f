/* F58: the program closes all handles of the loop, those of a listener included. */

#include <uv.h>

#include "base/error.h"
#include "net/uv/env_uv.h"
#include "support/accept_rig.h"
#include "support/world_test.h"
#include "testkit/check.h"

static void close_one(uv_handle_t *handle, void *arg) {
  (void) arg;
  if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

static void set_true(void *data) {
  *(bool *) data = true;
}

/* The listener's environment, on a loop of its own. */
typedef struct own_loop {
  uv_loop_t loop;
  accept_rig rig;
} own_loop;

static void own_loop_open(own_loop *o, world *w) {
  accept_rig_open(&o->rig, w);
  world_env_close(w, o->rig.env);
  CHECK(uv_loop_init(&o->loop) == 0);
  CHECK(env_uv_new(&o->rig.env, &o->loop, &w->alloc->handle, NULL, NULL, WSUV_RESOLVER_AUTO) == 0);
  o->rig.env->ops->keep_alive(o->rig.env, true); /* as a server does */
  accept_rig_listen(&o->rig);
}

/* Clients wait, and one has been accepted. */
static void connect_some(own_loop *o, size_t count) {
  accept_rig_fill_backlog(&o->rig, 1);
  while (o->rig.accepted_count < 1) uv_run(&o->loop, UV_RUN_NOWAIT);
  accept_rig_fill_backlog(&o->rig, count - 1);
}

/* Nothing else is left to do but what recovering gives. */
static void own_loop_end(own_loop *o) {
  bool closed = false;
  ws_env *env = o->rig.env;
  accept_rig_free_listener(&o->rig);
  for (size_t i = 0; i < o->rig.accepted_count; i++) rig_end_close(&o->rig.accepted[i]);
  assert_int_equal(env->ops->recover(env), 0);
  env->ops->close(env, set_true, &closed);
  assert_int_equal(uv_run(&o->loop, UV_RUN_DEFAULT), 0);
  assert_true(closed);
  assert_int_equal(uv_loop_close(&o->loop), 0);
}

/* The other half, on the world's loop. */
static void own_loop_close(own_loop *o) {
  accept_rig *r = &o->rig;
  world_run_until_count(r->w, &r->client_failures, r->client_count);
  world_env_close(r->w, r->client_env);
  assert_int_equal(r->open, 0);
}

static void assert_deaf(own_loop *o, size_t accepted) {
  ws_env *env = o->rig.env;
  ws_listener *other;
  assert_int_equal(uv_run(&o->loop, UV_RUN_DEFAULT), 0);
  assert_true(ws_env_lost(env));
  assert_int_equal(
      env->ops->listen(env, &o->rig.options, &(ws_listener_events){NULL, NULL}, NULL, &other),
      WS_ECANCELED);
  env->ops->listener_pause(o->rig.l, true);
  env->ops->listener_pause(o->rig.l, false);
  assert_true(env->ops->listener_fd(o->rig.l) >= 0);
  assert_int_equal(uv_run(&o->loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(o->rig.accepted_count, accepted);
}

WORLD_UV_TEST(test_walk_with_a_listener, w) {
  for (int ran = 0; ran < 2; ran++) {
    own_loop o;
    own_loop_open(&o, w);
    connect_some(&o, 3);
    uv_walk(&o.loop, close_one, NULL);
    if (ran) assert_deaf(&o, 1);
    own_loop_end(&o);
    own_loop_close(&o);
  }
}

WORLD_UV_TEST(test_walk_with_a_listener_that_has_no_room, w) {
  own_loop o;
  own_loop_open(&o, w);
  connect_some(&o, 2);
  o.rig.env->ops->listener_pause(o.rig.l, true);
  uv_walk(&o.loop, close_one, NULL);
  assert_deaf(&o, 1);
  own_loop_end(&o);
  own_loop_close(&o);
}

static own_loop *walked;

static void walk_it(accept_rig *r, rig_end *end) {
  (void) r;
  (void) end;
  uv_walk(&walked->loop, close_one, NULL);
}

static void walk_it_and_free(accept_rig *r, rig_end *end) {
  walk_it(r, end);
  rig_end_close(end);
  accept_rig_free_listener(r);
}

/* No other connection comes, and nothing asserts in libuv. */
WORLD_UV_TEST(test_walk_inside_on_accept, w) {
  for (int i = 0; i < 2; i++) {
    own_loop o;
    walked = &o;
    own_loop_open(&o, w);
    accept_rig_fill_backlog(&o.rig, 3);
    o.rig.at_accept = i == 0 ? walk_it : walk_it_and_free;
    while (o.rig.accepted_count < 1) uv_run(&o.loop, UV_RUN_NOWAIT);
    assert_int_equal(o.rig.accepted_count, 1);
    if (i == 0) assert_deaf(&o, 1);
    own_loop_end(&o);
    own_loop_close(&o);
  }
}

static void walk_at_pause(accept_rig *r, int status) {
  (void) r;
  (void) status;
  uv_walk(&walked->loop, close_one, NULL);
}

WORLD_UV_TEST(test_walk_inside_on_pause, w) {
  own_loop o;
  walked = &o;
  own_loop_open(&o, w);
  accept_rig_fill_backlog(&o.rig, 2);
  o.rig.at_pause = walk_at_pause;
  w->alloc->fail_at = w->alloc->calls + 1;
  while (o.rig.pauses < 1) uv_run(&o.loop, UV_RUN_NOWAIT);
  assert_deaf(&o, 0);
  own_loop_end(&o);
  own_loop_close(&o);
}
