#ifndef WS_SESSION_ENDPOINT_H
#define WS_SESSION_ENDPOINT_H

/* What a client and a server have in common (RFC 6455 calls both endpoints): the tick, in which
   sessions do what is pending; calls from other threads; pools; the read buffer; TLS contexts; the
   list of sessions; the queue of those that connect; and keeping the loop alive. An endpoint knows
   no session. */

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include <wsuv/config.h>

#include "base/env.h"
#include "base/list.h"
#include "base/role.h"
#include "net/tls/tls_contexts.h"
#include "net/turn_list.h"
#include "proto/extension/extension_list.h"
#include "proto/frame/conn.h"
#include "session/completions.h"
#include "session/connect_queue.h"
#include "session/deadlines.h"
#include "session/kind.h"
#include "session/log.h"
#include "session/posts.h"
#include "session/refresh.h"
#include "session/work.h"

enum { ENDPOINT_READ_SIZE = 256 * 1024 }; /* bytes of the read buffer, which all sessions share */

typedef struct endpoint endpoint;

/* Work that runs in a tick. The owner of the task provides its memory. */
typedef struct endpoint_task {
  /* This links the task into endpoint.pending, or into no list if nothing is scheduled. */
  ws_list node;
  /* The tick calls this function, which may free the task. */
  void (*run)(struct endpoint_task *task);
} endpoint_task;

struct endpoint {
  ws_env *env; /* The endpoint owns the environment and closes it last. */
  /* This is a copy of the environment's allocator; all parts point to it. */
  wsuv_allocator_t alloc;
  uv_loop_t *loop;      /* The loop is the program's; it is NULL in an environment without libuv. */
  ws_role role;         /* All sessions of the endpoint have this role. */
  wsuv_config_t config; /* This is a checked deep copy of the program's configuration. */
  /* The endpoint holds a reference to the installed extensions, or this is NULL. */
  extension_list *extensions;
  /* The sessions' extensions may come to use this much memory (deflate_memory_max). */
  extension_budget extension_memory;
  conn_shared shared;          /* All connections use these pools, random bytes and log hooks. */
  completion_pool completions; /* All sessions take their completions from this pool. */
  work_pool works; /* All sessions take from this pool what they need while they are not idle. */
  session_kinds kinds;  /* Sessions with the same callbacks and limits share them here. */
  tls_contexts tls;     /* These are the TLS contexts of the configurations that were used last. */
  turn_list tls_turns;  /* The TLS handshakes of all sessions share this budget. */
  turn_list dial_turns; /* The lookups and attempts to connect of all sessions share this budget. */
  endpoint_task turns_task;  /* This renews the two budgets in the tick. */
  connect_queue connecting;  /* Attempts to connect wait here for their turn. */
  refreshes refreshes;       /* Attempts wait here for an answer of the program to status 401. */
  ws_list sessions;          /* All sessions are in this list until their on_close has returned. */
  size_t session_count;      /* This is the number of sessions in `sessions`. */
  size_t keeping_loop_alive; /* This many sessions keep the loop alive. */
  ws_list pending;           /* The tasks in this list run in the next tick. */
  /* The tick is a deferred call; it is NULL when the endpoint only waits for its environment to
     close. */
  ws_deferred *tick;
  /* The endpoint owns this buffer of ENDPOINT_READ_SIZE bytes, which all sessions share. */
  uint8_t *read_buf;
  posts posts; /* Calls from other threads wait here for the tick. */
  /* This function is called when everything is closed. It must call endpoint_free. */
  void (*on_gone)(endpoint *e);
  /* This function frees what only the role has, before the environment closes; or it is NULL. */
  void (*on_release)(endpoint *e);
  /* This function is called when a session was removed, or (NULL) a thing that was retained; or it
     is NULL. */
  void (*on_removed)(endpoint *e, const ws_list *session);
  deadlines deadlines; /* All sessions wait for their timeouts here. */
  /* This timer is for ending.c; the endpoint owns it. NULL: there is none. */
  ws_timer *end_timer;
  /* The sessions from this one on were not closed yet; NULL: there are none, or ending.c has not
     begun. */
  ws_list *end_next;
  size_t retained; /* The endpoint does not close before this many things are released. */
  bool closing;    /* endpoint_close was called, so no more sessions and posts are accepted. */
  /* endpoint_close was called after the program had closed the handles of the environment. */
  bool recovered;
};

/* Initialise `e`, which is zeroed. On success the endpoint owns `env`. `config` was checked and is
   copied, with all that it points to. Returns 0; WS_ENOMEM; WS_EINVAL: two extensions conflict; the
   error of an extension's hook; or an error of the environment. */
int endpoint_init(endpoint *e, ws_role role, ws_env *env, const wsuv_config_t *config,
                  void (*on_gone)(endpoint *e));

/* Free what endpoint_init has made, in place of endpoint_close: nothing was made with the endpoint.
   The environment is the caller's again. */
void endpoint_discard(endpoint *e);

/* Free the lock of the posts. Call it at the end of on_gone: before that, other threads may still
   call endpoint_post. */
void endpoint_free(endpoint *e);

/* Run a task in the next tick. endpoint_schedule has no effect on a task that is already
   scheduled. */
void endpoint_schedule_new(endpoint *e, endpoint_task *task);
static inline void endpoint_schedule(endpoint *e, endpoint_task *task) {
  if (ws_list_empty(&task->node)) endpoint_schedule_new(e, task);
}

/* Keep a task that is not scheduled until the next endpoint_close, which runs a tick. */
static inline void endpoint_keep(endpoint *e, endpoint_task *task) {
  ws_list_append(&e->pending, &task->node);
}

/* An attempt leaves the queue of those that connect. The tasks of the attempts whose turn has come
   now run in the next tick. */
void endpoint_leave_queue(endpoint *e, connect_place *place);

/* An attempt waits no longer for other credentials; or the program has given some (refresh.h). The
   tasks of those that can go on run in the next tick. */
void endpoint_leave_refresh(endpoint *e, refresh_waiter *w);
void endpoint_answer_refresh(endpoint *e, refresh_waiter *w, refresh_answer *answer,
                             const refresh_key *key);

/* Count one session more (`on`) or one session less that keeps the loop alive. The loop is kept
   alive while the count is not 0. */
void endpoint_keep_loop_alive(endpoint *e, bool on);

/* Add a session, and remove it. */
void endpoint_add_session(endpoint *e, ws_list *node);
void endpoint_remove_session(endpoint *e, ws_list *node);

/* Whether the program has closed the handles of the environment. Nothing runs then, and calls are
   refused with WS_ECANCELED, until endpoint_close. */
static inline bool endpoint_lost(const endpoint *e) {
  return ws_env_lost(e->env);
}

/* Whether the environment is lost and endpoint_close was not called since. No session may end then,
   and the endpoint may not either, even if it was closing before. */
static inline bool endpoint_waits(const endpoint *e) {
  return endpoint_lost(e) && !e->recovered;
}

/* Where the lines go that are about no session. When the endpoint is gone, as long as its memory is
   there, they go nowhere. */
static inline log_to endpoint_log(const endpoint *e) {
  return (log_to){&e->config, NULL};
}

/* Accept no more sessions and posts. When the last session is gone, on_gone runs from the loop. May
   be called again. 0; or WS_ENOMEM: the program has closed the handles again, so on_gone does not
   run unless this is called again. */
int endpoint_close(endpoint *e);

/* Something that is no session uses the endpoint: the endpoint closes only when it was released. */
void endpoint_retain(endpoint *e);
void endpoint_release(endpoint *e);

/* A call of the program's on the loop's thread; `run` converts `function` to its type, and calls
 * it. */
typedef void (*endpoint_run)(endpoint *e, void (*function)(void), void *arg);

/* Run a call on the loop's thread. May be called from any thread. Returns 0; WSUV_ESTATE: the
   endpoint is closing; or WS_ENOMEM. */
int endpoint_post(endpoint *e, endpoint_run run, void (*function)(void), void *arg);

/* Replace the TLS configuration for the sessions to come; NULL: the defaults. Everything that it
   names is read here. Returns as wsuv_client_set_tls. */
int endpoint_set_tls(endpoint *e, const wsuv_tls_config_t *tls);

/* Copy the configuration to a caller's structure of `size` bytes. */
void endpoint_copy_config(const endpoint *e, wsuv_config_t *config, size_t size);

#endif
