#include "support/scenario.h"

/* Begins and ends scenarios, and stops one at a stage of its session. */

#include <stdlib.h>

#include <uv.h>

#include "testkit/check.h"

void scenario_begin(world *w, frame_peer *p, session_user *u) {
  frame_peer_start(p, w);
  *u = (session_user){.w = w, .peer = p};
  wsuv_client_config_init(&u->config);
}

void scenario_connect(session_user *u) {
  user_connect(u, u->peer);
}

void scenario_open(session_user *u) {
  scenario_connect(u);
  user_run_to_open(u);
}

void scenario_open_raw(session_user *u) {
  u->raw = true;
  scenario_open(u);
}

void scenario_open_streamed(session_user *u) {
  u->streamed = true;
  scenario_open(u);
}

void scenario_play(session_user *u) {
  user_reset(u);
  scenario_connect(u);
  user_run_to_close(u);
}

void scenario_start(world *w, frame_peer *p, session_user *u, const wsuv_config_t *config) {
  scenario_begin(w, p, u);
  if (config != NULL) u->config = *config;
  scenario_open(u);
}

void scenario_finish(session_user *u) {
  user_finish(u);
  frame_peer_free(u->peer);
}

void scenario_renew(session_user *u) {
  scenario_finish(u);
  scenario_begin(u->w, u->peer, u);
}

void scenario_close(session_user *u) {
  CHECK(user_close(u, 1000, NULL) == 0);
  user_run_to_close(u);
  CHECK(user_ended_cleanly(u, 1000, 1000));
  scenario_finish(u);
}

void scenario_terminate(session_user *u) {
  if (u->session != NULL) user_terminate(u);
  scenario_finish(u);
}

void scenario_run(world *w, scenario_fn *play) {
  frame_peer p;
  session_user u;
  scenario_begin(w, &p, &u);
  play(w, &p, &u);
  scenario_finish(&u);
}

/* --- at a stage --- */

typedef struct stage_watch {
  uv_prepare_t prepare;
  session_user *u;
  wsuv_stage_t stage;
  void (*act)(session_user *u);
  size_t turns;
  bool done;
} stage_watch;

static void look(stage_watch *watch) {
  session_user *u = watch->u;
  CHECK(u->session != NULL);
  if (wsuv_session_stage(u->session) != watch->stage) return;
  watch->done = true;
  watch->act(u);
}

static bool look_between_turns(void *arg) {
  stage_watch *watch = arg;
  if (watch->turns++ > 0 && !watch->done) look(watch);
  return watch->done;
}

static void look_before_poll(uv_prepare_t *prepare) {
  stage_watch *watch = prepare->data;
  if (!watch->done) look(watch);
}

static bool is_done(void *arg) {
  return ((const stage_watch *) arg)->done;
}

static void free_watch(uv_handle_t *handle) {
  free(handle->data);
}

static void watch_in_uv(stage_watch *watch) {
  world *w = watch->u->w;
  CHECK(uv_prepare_init(world_uv_loop(w), &watch->prepare) == 0);
  watch->prepare.data = watch;
  CHECK(uv_prepare_start(&watch->prepare, look_before_poll) == 0);
  uv_unref((uv_handle_t *) &watch->prepare);
  world_run_until(w, is_done, watch);
  uv_close((uv_handle_t *) &watch->prepare, free_watch);
}

static void watch_in_sim(stage_watch *watch) {
  world_run_until(watch->u->w, look_between_turns, watch);
  free(watch);
}

void scenario_at_stage(session_user *u, wsuv_stage_t stage, void (*act)(session_user *u)) {
  stage_watch *watch = check_alloc(sizeof *watch);
  watch->u = u;
  watch->stage = stage;
  watch->act = act;
  if (u->w->kind == WORLD_SIM) {
    watch_in_sim(watch);
  } else {
    watch_in_uv(watch);
  }
}
