#include "net/uv/loop.h"

/* Counts the memory of an environment and the polls of its loop, keeps the loop alive, and closes
   the environment. */

enum { WRITES_KEPT = 64 /* spare requests to write with */ };

static void env_uv_settle(void *data);

/* There is no handle at first. */
static int is_no_handle(const void *witness) {
  (void) witness;
  return 0;
}

static int is_closing(const void *witness) {
  return uv_is_closing(witness);
}

env_uv *env_uv_create(uv_loop_t *loop, const wsuv_allocator_t *alloc) {
  env_uv *e = ws_calloc(alloc, sizeof *e);
  if (e == NULL) return NULL;
  e->alloc = *alloc;
  e->env.alloc = &e->alloc;
  e->env.may_be_lost = is_no_handle;
  e->loop = loop;
  e->polls = 1;
  name_service_init(&e->names, &name_files_of_system);
  ws_list_init(&e->dns_channels);
  handles_init(&e->handles, loop, &e->alloc, env_uv_settle, e);
  return e;
}

/* The allocator is copied, since the block that is freed holds it. */
void env_uv_destroy(env_uv *e) {
  const wsuv_allocator_t alloc = e->alloc;
  for (uv_write_t *req = e->writes, *next; req != NULL; req = next) {
    next = req->data;
    ws_free(&alloc, req);
  }
  ws_free(&alloc, e);
}

/* Finish closing when libuv works on none of the memory. */
static void env_uv_settle(void *data) {
  env_uv *e = data;
  ws_env_cb cb = e->close_cb;
  void *cb_data = e->close_data;
  if (cb == NULL || e->live > 0 || !handles_end(&e->handles)) return;
  env_uv_destroy(e);
  cb(cb_data);
}

void *env_uv_alloc(env_uv *e, size_t size) {
  void *p = ws_calloc(e->env.alloc, size);
  if (p != NULL) e->live++;
  return p;
}

void env_uv_free(env_uv *e, void *p) {
  ws_free(e->env.alloc, p);
  e->live--;
  env_uv_settle(e);
}

uv_write_t *env_uv_take_write(env_uv *e) {
  uv_write_t *req = e->writes;
  if (req == NULL) return env_uv_alloc(e, sizeof *req);
  e->writes = req->data;
  e->writes_count--;
  e->live++;
  return req;
}

/* An environment that is being closed keeps none. */
void env_uv_give_write(env_uv *e, uv_write_t *req) {
  if (e->close_cb != NULL || e->writes_count >= WRITES_KEPT) {
    env_uv_free(e, req);
    return;
  }
  req->data = e->writes;
  e->writes = req;
  e->writes_count++;
  e->live--;
}

/* libuv prepares after it ran timers and before it polls. */
static void on_prepare(uv_prepare_t *prepare) {
  env_uv *e = prepare->data;
  e->polls++;
}

void env_uv_have_keeper(env_uv *e) {
  if (e->own_keeper.uv != NULL) return;
  uv_prepare_init(e->loop, &e->keeper);
  uv_unref((uv_handle_t *) &e->keeper);
  e->keeper.data = e;
  e->own_keeper.uv = (uv_handle_t *) &e->keeper;
  e->handles.witness = &e->own_keeper;
  e->env.witness = &e->keeper;
  e->env.may_be_lost = is_closing;
}

/* The keeper is a prepare handle: all it costs is a short call in each turn of the loop. */
void env_uv_count_polls(env_uv *e) {
  env_uv_have_keeper(e);
  if (!env_uv_is_lost(e)) uv_prepare_start(&e->keeper, on_prepare);
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

bool env_uv_lost(const ws_env *env) {
  return env_uv_is_lost((const env_uv *) (const void *) env);
}

int env_uv_recover(ws_env *env) {
  return handles_recover(&env_uv_of(env)->handles);
}

static void on_keeper_closed(own_handle *h) {
  env_uv *e = ws_list_entry(h, env_uv, own_keeper);
  e->live--;
  env_uv_settle(e);
}

/* The keeper is made here if it was not before: closing it gives the callback from the loop that
   an environment without anything else to wait for needs. */
void env_uv_close(ws_env *env, ws_env_cb cb, void *data) {
  env_uv *e = env_uv_of(env);
  env_uv_have_keeper(e);
  e->close_cb = cb;
  e->close_data = data;
  e->live++;
  handle_close(&e->handles, &e->own_keeper, on_keeper_closed);
}
