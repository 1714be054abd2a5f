#include "session/posts.h"

#include "base/error.h"

/* Calls from other threads: a list under a lock, run in the endpoint's tick. */

int posts_init(posts *ps) {
  ws_list_init(&ps->list);
  ps->closed = false;
  return pthread_mutex_init(&ps->lock, NULL) == 0 ? 0 : WS_ENOMEM;
}

void posts_free(posts *ps) {
  pthread_mutex_destroy(&ps->lock);
}

/* The tick is woken under the lock, because it may be freed as soon as the posts are closed. */
bool posts_add(posts *ps, post *p) {
  pthread_mutex_lock(&ps->lock);
  bool taken = !ps->closed;
  if (taken) {
    ws_list_append(&ps->list, &p->node);
    ps->ops->deferred_wake(ps->tick);
  }
  pthread_mutex_unlock(&ps->lock);
  return taken;
}

void posts_close(posts *ps) {
  pthread_mutex_lock(&ps->lock);
  ps->closed = true;
  pthread_mutex_unlock(&ps->lock);
}

void posts_take(posts *ps, ws_list *due) {
  pthread_mutex_lock(&ps->lock);
  ws_list_splice(due, &ps->list);
  pthread_mutex_unlock(&ps->lock);
}

void posts_return(posts *ps, ws_list *due) {
  if (ws_list_empty(due)) return;
  pthread_mutex_lock(&ps->lock);
  ws_list_splice(due, &ps->list);
  ws_list_splice(&ps->list, due);
  pthread_mutex_unlock(&ps->lock);
}
