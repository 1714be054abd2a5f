#ifndef WS_SESSION_POSTS_H
#define WS_SESSION_POSTS_H

/* Calls that other threads make. Every function except posts_add runs on the loop's thread. */

#include <pthread.h>
#include <stdbool.h>

#include "base/env.h"
#include "base/list.h"

/* One call. It may free itself when it runs. */
typedef struct post post;
struct post {
  ws_list node;         /* This links the call into posts.list. */
  void (*run)(post *p); /* This function runs on the loop's thread, and may free the call. */
};

typedef struct posts {
  pthread_mutex_t lock;  /* The lock guards the other members. */
  ws_list list;          /* These calls wait, in the order in which they were added. */
  const ws_env_ops *ops; /* These are the environment's functions, one of which wakes the tick. */
  /* The endpoint's tick runs the calls, and is not used here after posts_close. */
  ws_deferred *tick;
  bool closed; /* No more calls are accepted. */
} posts;

/* Returns 0 or WS_ENOMEM. The caller sets `ops` and `tick` before the first call is added. */
int posts_init(posts *ps);
void posts_free(posts *ps); /* all calls must have run */

/* Run a call in a later tick. May be called from any thread. false: no more are accepted. */
bool posts_add(posts *ps, post *p);

/* Move the calls that wait to the end of `due`. The caller runs them in their order, and puts those
   that must wait longer back by posts_return, before the calls that were added meanwhile. */
void posts_take(posts *ps, ws_list *due);
void posts_return(posts *ps, ws_list *due);

/* Accept no more calls. After this no other thread uses the tick. */
void posts_close(posts *ps);

#endif
