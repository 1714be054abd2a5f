#include "session/endpoint.h"

#include <string.h>

#include <wsuv/error.h>

#include "base/error.h"
#include "net/dial/dial.h"
#include "net/tls/tls.h"
#include "net/tls/tls_config.h"
#include "session/config.h"
#include "session/log.h"

/* Creates, ticks and closes an endpoint. What a session does in its tick is in session.c. */

/* Closing */

static void on_env_closed(void *data) {
  endpoint *e = data;
  e->on_gone(e);
}

void endpoint_free(endpoint *e) {
  posts_free(&e->posts);
}

/* Free what the endpoint owns, except the environment and the lock of the posts, which are still
   needed. */
static void release(endpoint *e) {
  if (e->on_release != NULL) e->on_release(e);
  e->env->ops->timer_free(e->end_timer);
  deadlines_free(&e->deadlines);
  e->env->ops->deferred_free(e->tick);
  e->tick = NULL;
  tls_contexts_free(&e->tls);
  connect_queue_free(&e->connecting);
  refreshes_free(&e->refreshes);
  session_kinds_free(&e->kinds);
  completion_pool_free(&e->completions);
  work_pool_free(&e->works);
  conn_shared_free(&e->shared);
  config_free(&e->config, &e->alloc);
  extension_list_unref(e->extensions);
  ws_free(&e->alloc, e->read_buf);
}

int endpoint_close(endpoint *e) {
  e->closing = true;
  e->recovered = endpoint_lost(e);
  posts_close(&e->posts);
  if (e->tick != NULL) e->env->ops->deferred_schedule(e->tick);
  return e->env->ops->recover(e->env);
}

/* The tick */

/* A call that is added meanwhile waits for the next tick. If the program closes the handles in one,
   the others wait until the endpoint is closed. */
static void run_posts(endpoint *e) {
  ws_list due, *node;
  ws_list_init(&due);
  posts_take(&e->posts, &due);
  while (!endpoint_waits(e) && (node = ws_list_pop(&due)) != NULL) {
    post *p = ws_list_entry(node, post, node);
    p->run(p);
  }
  posts_return(&e->posts, &due);
}

static void on_tick(void *data) {
  endpoint *e = data;
  ws_list due, *node;
  run_posts(e);
  ws_list_init(&due);
  ws_list_splice(&due, &e->pending);
  while ((node = ws_list_pop(&due)) != NULL) {
    endpoint_task *task = ws_list_entry(node, endpoint_task, node);
    task->run(task);
  }
  if (!e->closing || !ws_list_empty(&e->sessions) || e->retained > 0) return;
  run_posts(e); /* posts that were added just before it closed */
  if (endpoint_waits(e)) return;
  release(e);
  e->env->ops->close(e->env, on_env_closed, e);
}

void endpoint_schedule_new(endpoint *e, endpoint_task *task) {
  ws_list_append(&e->pending, &task->node);
  e->env->ops->deferred_schedule(e->tick);
}

/* The budgets of a turn */

static void wake_turns(void *up) {
  endpoint *e = up;
  endpoint_schedule(e, &e->turns_task);
}

static void renew_turns(endpoint_task *task) {
  endpoint *e = ws_list_entry(task, endpoint, turns_task);
  turn_list_renew(&e->tls_turns);
  turn_list_renew(&e->dial_turns);
}

/* The queue of those that connect */

void endpoint_leave_queue(endpoint *e, connect_place *place) {
  connect_place *next;
  connect_queue_leave(&e->connecting, place);
  while ((next = connect_queue_next(&e->connecting)) != NULL) endpoint_schedule(e, next->task);
}

/* Other credentials */

static void wake_refreshed(endpoint *e) {
  refresh_waiter *next;
  while ((next = refresh_next(&e->refreshes)) != NULL) endpoint_schedule(e, next->task);
}

void endpoint_leave_refresh(endpoint *e, refresh_waiter *w) {
  refresh_leave(&e->refreshes, w);
  wake_refreshed(e);
}

void endpoint_answer_refresh(endpoint *e, refresh_waiter *w, refresh_answer *answer,
                             const refresh_key *key) {
  refresh_answered(&e->refreshes, w, answer, key);
  wake_refreshed(e);
}

/* Calls of other threads */

typedef struct endpoint_call {
  post post;              /* This must be the first field, because run_call converts its address. */
  endpoint *endpoint;     /* The call is for this endpoint, which is not freed before it has run. */
  endpoint_run run;       /* This calls the program's function. */
  void (*function)(void); /* This is the program's function, which has another type. */
  void *arg;              /* This pointer belongs to the program. */
} endpoint_call;

static void run_call(post *p) {
  const endpoint_call call = *(endpoint_call *) (void *) p;
  ws_free(&call.endpoint->alloc, p);
  call.run(call.endpoint, call.function, call.arg);
}

int endpoint_post(endpoint *e, endpoint_run run, void (*function)(void), void *arg) {
  endpoint_call *call = ws_malloc(&e->alloc, sizeof *call);
  if (call == NULL) return WS_ENOMEM;
  *call = (endpoint_call){
      .post = {.run = run_call}, .endpoint = e, .run = run, .function = function, .arg = arg};
  if (posts_add(&e->posts, &call->post)) return 0;
  ws_free(&e->alloc, call);
  return WSUV_ESTATE;
}

/* Sessions */

void endpoint_keep_loop_alive(endpoint *e, bool on) {
  bool before = e->keeping_loop_alive > 0;
  e->keeping_loop_alive = on ? e->keeping_loop_alive + 1 : e->keeping_loop_alive - 1;
  bool after = e->keeping_loop_alive > 0;
  if (after != before) e->env->ops->keep_alive(e->env, after);
}

void endpoint_add_session(endpoint *e, ws_list *node) {
  ws_list_append(&e->sessions, node);
  e->session_count++;
}

void endpoint_remove_session(endpoint *e, ws_list *node) {
  if (e->end_next == node) e->end_next = node->next;
  ws_list_remove(node);
  e->session_count--;
  if (e->on_removed != NULL) e->on_removed(e, node);
  if (e->closing) e->env->ops->deferred_schedule(e->tick);
}

void endpoint_retain(endpoint *e) {
  e->retained++;
}

void endpoint_release(endpoint *e) {
  e->retained--;
  if (e->on_removed != NULL) e->on_removed(e, NULL);
  if (e->closing) e->env->ops->deferred_schedule(e->tick);
}

/* Creating */

/* Programs can read the copy later. They see the installed extensions, which they can use in the
   configuration of a single session. */
static int configure(endpoint *e, const wsuv_config_t *config) {
  int err = config_copy(&e->config, &e->alloc, config);
  if (err < 0) return err;
  e->config.allocator = &e->alloc;
  err = extension_list_new(&e->extensions, &e->alloc, config->extensions, config->extension_count);
  if (err < 0) config_free(&e->config, &e->alloc);
  if (e->extensions != NULL) {
    e->config.extensions = e->extensions->hooks;
    e->extensions->budget = &e->extension_memory;
  }
  e->extension_memory.max = e->config.deflate_memory_max;
  return err;
}

void endpoint_discard(endpoint *e) {
  deadlines_free(&e->deadlines);
  e->env->ops->deferred_free(e->tick);
  posts_free(&e->posts);
  config_free(&e->config, &e->alloc);
  extension_list_unref(e->extensions);
  ws_free(&e->alloc, e->read_buf);
}

/* The handles come last: a wrong configuration leaves none that would have to be closed. */
static int fill(endpoint *e, const wsuv_config_t *config) {
  int err = posts_init(&e->posts);
  if (err < 0) return err;
  err = configure(e, config);
  if (err < 0) {
    posts_free(&e->posts);
    return err;
  }
  e->read_buf = ws_malloc(&e->alloc, ENDPOINT_READ_SIZE);
  err = e->read_buf == NULL ? WS_ENOMEM : e->env->ops->deferred_new(e->env, on_tick, e, &e->tick);
  if (err == 0) err = deadlines_init(&e->deadlines, e->env);
  if (err < 0) endpoint_discard(e);
  return err;
}

int endpoint_init(endpoint *e, ws_role role, ws_env *env, const wsuv_config_t *config,
                  void (*on_gone)(endpoint *e)) {
  e->alloc = *env->alloc;
  e->env = env;
  int err = fill(e, config);
  if (err < 0) return err;
  e->posts.ops = env->ops;
  e->posts.tick = e->tick;
  e->role = role;
  e->on_gone = on_gone;
  conn_shared_init(&e->shared, env);
  completion_pool_init(&e->completions, &e->alloc);
  session_kinds_init(&e->kinds, &e->alloc);
  work_pool_init(&e->works, &e->shared, role);
  ws_list_init(&e->sessions);
  ws_list_init(&e->pending);
  ws_list_init(&e->turns_task.node);
  e->turns_task.run = renew_turns;
  turn_list_init(&e->tls_turns, TLS_TURN_BUDGET, wake_turns, e);
  turn_list_init(&e->dial_turns, DIAL_TURN_BUDGET, wake_turns, e);
  connect_queue_init(&e->connecting, &e->alloc);
  refreshes_init(&e->refreshes, &e->alloc);
  return 0;
}

static int replace_tls(endpoint *e, const wsuv_tls_config_t *tls, tls_failure *failure) {
  const wsuv_tls_config_t *copy;
  int err = config_new_tls(&copy, &e->alloc, tls);
  if (err < 0) return err;
  err = tls_contexts_replace(&e->tls, &e->alloc, copy, e->role, failure);
  config_free_tls(err == 0 ? e->config.tls : copy, &e->alloc);
  if (err == 0) e->config.tls = copy;
  return err;
}

/* The call that fails has no other place for words than the log. */
int endpoint_set_tls(endpoint *e, const wsuv_tls_config_t *tls) {
  const log_to to = {&e->config, NULL};
  tls_failure failure = {.library_error = 0};
  wsuv_tls_config_t read;
  if (endpoint_lost(e)) return WS_ECANCELED;
  if (e->closing) return WSUV_ESTATE;
  ws_why why = {""};
  int err = tls != NULL ? tls_config_read(&read, tls, &why) : 0;
  if (err == 0 && tls != NULL) err = tls_config_check(&read, e->role, &why);
  if (err == 0) err = replace_tls(e, tls != NULL ? &read : NULL, &failure);
  if (err < 0) {
    log_line(to, WSUV_LOG_ERROR, "TLS configuration not taken: %s: %s", wsuv_strerror(err),
             why.text[0] != '\0' ? why.text : failure.text);
  }
  return err;
}

void endpoint_copy_config(const endpoint *e, wsuv_config_t *config, size_t size) {
  config_output(config, size, &e->config);
}
