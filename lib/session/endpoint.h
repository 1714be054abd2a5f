#ifndef WS_SESSION_ENDPOINT_H
#define WS_SESSION_ENDPOINT_H

/* What a client and a server have in common (RFC 6455 calls either an endpoint): the tick of the
   loop in which sessions get what is pending for them, calls from other threads, pools, the read
   buffer, TLS contexts, the list of sessions, and keeping the loop alive. It knows no session. */

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include <wsuv/config.h>

#include "base/env.h"
#include "base/list.h"
#include "base/role.h"
#include "net/tls/tls_contexts.h"
#include "proto/extension/extension_list.h"
#include "proto/frame/conn.h"
#include "session/completions.h"
#include "session/posts.h"

enum { ENDPOINT_READ_SIZE = 256 * 1024 }; /* bytes of the read buffer that all sessions share */

typedef struct endpoint endpoint;

/* Work that runs in a tick. Whoever owns it gives it its place in memory. */
typedef struct endpoint_task {
  ws_list node; /* Of endpoint.pending; in no list when nothing is scheduled. */
  void (*run)(struct endpoint_task *task);
} endpoint_task;

struct endpoint {
  ws_env *env;
  wsuv_allocator_t alloc;
  uv_loop_t *loop; /* NULL in an environment that is not libuv's. */
  ws_role role;
  wsuv_config_t config;
  extension_list *extensions; /* Installed, or NULL. */
  conn_shared shared;
  completion_pool completions;
  struct callback_set *callbacks; /* Of the latest session, or NULL. */
  tls_contexts tls;
  ws_list sessions; /* All of them, until their on_close has returned. */
  size_t session_count;
  size_t keeping_alive; /* Sessions that keep the loop alive. */
  ws_list pending;      /* Tasks that run in the next tick. */
  ws_deferred *tick;    /* NULL once nothing is left but to wait for the environment. */
  uint8_t *read_buf;    /* ENDPOINT_READ_SIZE bytes. */
  posts posts;
  void (*on_gone)(endpoint *e); /* Nothing of it is left but for endpoint_free. */
  bool closing;
};

/* `e` is zeroed; `env` becomes the endpoint's when this succeeds. `config` was checked and is
   copied, with all that it points to. 0; WS_ENOMEM, WS_EINVAL: extensions clash; what a hook of an
   extension returned; what the environment said. */
int endpoint_init(endpoint *e, ws_role role, ws_env *env, const wsuv_config_t *config,
                  void (*on_gone)(endpoint *e));

/* The last of it, inside on_gone: until then other threads may still try to post. */
void endpoint_free(endpoint *e);

/* Have a task run in the next tick. Scheduling it again before that changes nothing. */
void endpoint_schedule(endpoint *e, endpoint_task *task);

/* One session more, or less, that keeps the loop alive. */
void endpoint_keep_alive(endpoint *e, bool on);

/* A session is there, and is gone again. */
void endpoint_add_session(endpoint *e, ws_list *node);
void endpoint_remove_session(endpoint *e, ws_list *node);

/* Take no more sessions and posts. When the last session is gone, on_gone runs from the loop.
   Idempotent. */
void endpoint_close(endpoint *e);

/* Have a call run on the thread of the loop; from any thread. false: it is closing. */
bool endpoint_post(endpoint *e, post *p);

/* The configuration as the program may read it, as far as `size` goes. */
void endpoint_copy_config(const endpoint *e, wsuv_config_t *config, size_t size);

#endif
