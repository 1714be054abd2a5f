#include "session/post.h"

#include "base/error.h"

/* The one way over from other threads: a list under a lock, run in the client's turn. */

typedef struct post {
  ws_list node;
  wsuv_post_cb cb;
  void *arg;
} post;

int posts_init(wsuv_client_t *client) {
  ws_list_init(&client->posts);
  return pthread_mutex_init(&client->post_lock, NULL) == 0 ? 0 : WS_ENOMEM;
}

void posts_free(wsuv_client_t *client) {
  pthread_mutex_destroy(&client->post_lock);
}

/* The turn is woken under the lock, since it may be freed as soon as the posts are closed. */
static bool add(wsuv_client_t *client, post *p) {
  pthread_mutex_lock(&client->post_lock);
  bool taken = !client->posts_closed;
  if (taken) {
    ws_list_append(&client->posts, &p->node);
    client->env->ops->deferred_wake(client->turn);
  }
  pthread_mutex_unlock(&client->post_lock);
  return taken;
}

int wsuv_client_post(wsuv_client_t *client, wsuv_post_cb cb, void *arg) {
  post *p = ws_malloc(&client->alloc, sizeof *p);
  if (p == NULL) return WS_ENOMEM;
  p->cb = cb;
  p->arg = arg;
  if (add(client, p)) return 0;
  ws_free(&client->alloc, p);
  return WSUV_ESTATE;
}

void posts_close(wsuv_client_t *client) {
  pthread_mutex_lock(&client->post_lock);
  client->posts_closed = true;
  pthread_mutex_unlock(&client->post_lock);
}

void posts_run(wsuv_client_t *client) {
  ws_list due, *node;
  ws_list_init(&due);
  pthread_mutex_lock(&client->post_lock);
  ws_list_splice(&due, &client->posts);
  pthread_mutex_unlock(&client->post_lock);
  while ((node = ws_list_pop(&due)) != NULL) {
    post *p = ws_list_entry(node, post, node);
    wsuv_post_cb cb = p->cb;
    void *arg = p->arg;
    ws_free(&client->alloc, p);
    cb(client, arg);
  }
}
