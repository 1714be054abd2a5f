#ifndef WS_SESSION_POSTS_H
#define WS_SESSION_POSTS_H

/* Calls that other threads ask an endpoint for. Everything but posts_add runs on the thread of the
   loop. */

#include <pthread.h>
#include <stdbool.h>

#include "base/env.h"
#include "base/list.h"

/* One call. It may free itself when it runs. */
typedef struct post post;
struct post {
  ws_list node;
  void (*run)(post *p);
};

typedef struct posts {
  pthread_mutex_t lock;  /* Guards the other members. */
  ws_list list;          /* The calls that wait, in the order in which they were made. */
  const ws_env_ops *ops; /* What wakes the tick. */
  ws_deferred *tick;     /* The tick in which they run; not used once they are closed. */
  bool closed;           /* No more are taken. */
} posts;

int posts_init(posts *ps);  /* 0 or WS_ENOMEM; `ops` and `tick` are set before the first post */
void posts_free(posts *ps); /* all have been run */

/* From any thread: have it run in a later tick. false: no more are taken. */
bool posts_add(posts *ps, post *p);

/* Run those that are there now. A call that is made meanwhile waits for the next tick. */
void posts_run(posts *ps);

/* Take no more. No other thread uses the tick after this. */
void posts_close(posts *ps);

#endif
