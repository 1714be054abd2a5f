#include "support/scene.h"

/* Sets the scene and clears it away. */

#include <stdlib.h>

#include <uv.h>

#include "support/check.h"

void scene_begin(scene *s, world *w, const wsuv_config_t *config) {
  *s = (scene){.w = w};
  s->peer = raw_peer_new(w);
  CHECK(world_client(w, &s->client, config) == 0);
}

void scene_connect(scene *s) {
  observer_reset(&s->o);
  CHECK(observer_connect(&s->o, s->client, raw_peer_url(s->peer, "/")) == 0);
}

void scene_play(scene *s) {
  scene_connect(s);
  world_run_until_true(s->w, &s->o.closed);
}

typedef struct stage_watch {
  uv_prepare_t prepare;
  scene *s;
  wsuv_stage_t stage;
  void (*act)(scene *s);
  size_t turns;
  bool done;
} stage_watch;

static void look(stage_watch *watch) {
  scene *s = watch->s;
  CHECK(s->o.session != NULL);
  if (wsuv_session_stage(s->o.session) != watch->stage) return;
  watch->done = true;
  watch->act(s);
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

static void run_in_uv(stage_watch *watch) {
  world *w = watch->s->w;
  CHECK(uv_prepare_init(world_uv_loop(w), &watch->prepare) == 0);
  watch->prepare.data = watch;
  CHECK(uv_prepare_start(&watch->prepare, look_before_poll) == 0);
  uv_unref((uv_handle_t *) &watch->prepare);
  world_run_until(w, is_done, watch);
  uv_close((uv_handle_t *) &watch->prepare, free_watch);
}

static void run_in_sim(stage_watch *watch) {
  world_run_until(watch->s->w, look_between_turns, watch);
  free(watch);
}

void scene_at_stage(scene *s, wsuv_stage_t stage, void (*act)(scene *s)) {
  stage_watch *watch = check_alloc(sizeof *watch);
  watch->s = s;
  watch->stage = stage;
  watch->act = act;
  if (s->w->kind == WORLD_SIM) run_in_sim(watch);
  if (s->w->kind == WORLD_UV) run_in_uv(watch);
}

void scene_end(scene *s) {
  world_client_close(s->w, s->client);
  observer_reset(&s->o);
}
