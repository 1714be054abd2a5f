#include "net/uv/loop.h"

/* Counts the memory of an environment and the polls of its loop, keeps the loop alive, and closes
   the environment. */

env_uv *env_uv_create(uv_loop_t *loop, const wsuv_allocator_t *alloc) {
  env_uv *e = ws_calloc(alloc, sizeof *e);
  if (e == NULL) return NULL;
  e->alloc = *alloc;
  e->env.alloc = &e->alloc;
  e->loop = loop;
  e->polls = 1;
  name_service_init(&e->names, &name_files_of_system);
  ws_list_init(&e->dns_channels);
  return e;
}

/* The allocator is copied, since the block that is freed holds it. */
void env_uv_destroy(env_uv *e) {
  const wsuv_allocator_t alloc = e->alloc;
  ws_free(&alloc, e);
}

static void env_uv_finish(env_uv *e) {
  ws_env_cb cb = e->close_cb;
  void *data = e->close_data;
  env_uv_destroy(e);
  cb(data);
}

void *env_uv_alloc(env_uv *e, size_t size) {
  void *p = ws_calloc(e->env.alloc, size);
  if (p != NULL) e->live++;
  return p;
}

void env_uv_free(env_uv *e, void *p) {
  ws_free(e->env.alloc, p);
  e->live--;
  if (e->live == 0 && e->close_cb != NULL) env_uv_finish(e);
}

/* libuv prepares after it ran timers and before it polls. */
static void on_prepare(uv_prepare_t *handle) {
  env_uv *e = handle->data;
  e->polls++;
}

/* The keeper is a prepare handle: all it costs is a short call in each turn of the loop. */
void env_uv_count_polls(env_uv *e) {
  if (e->keeper_made) return;
  uv_prepare_init(e->loop, &e->keeper);
  e->keeper.data = e;
  e->keeper_made = true;
  uv_prepare_start(&e->keeper, on_prepare);
  uv_unref((uv_handle_t *) &e->keeper);
}

void env_uv_keep_alive(ws_env *env, bool on) {
  env_uv *e = env_uv_of(env);
  env_uv_count_polls(e);
  if (on) {
    uv_ref((uv_handle_t *) &e->keeper);
  } else {
    uv_unref((uv_handle_t *) &e->keeper);
  }
}

static void on_keeper_closed(uv_handle_t *handle) {
  env_uv *e = handle->data;
  e->live--;
  if (e->live == 0) env_uv_finish(e);
}

/* The keeper is made here if it was not before: closing it gives the callback from the loop that
   an environment without anything else to wait for needs. */
void env_uv_close(ws_env *env, ws_env_cb cb, void *data) {
  env_uv *e = env_uv_of(env);
  env_uv_count_polls(e);
  e->close_cb = cb;
  e->close_data = data;
  e->live++;
  uv_close((uv_handle_t *) &e->keeper, on_keeper_closed);
}
