#ifndef WS_SESSION_ENDPOINT_H
#define WS_SESSION_ENDPOINT_H

/* What a client and a server have in common (RFC 6455 calls both endpoints): the tick, in which
   sessions do what is pending; calls from other threads; pools; the read buffer; TLS contexts; the
   list of sessions; and keeping the loop alive. An endpoint knows no session. */

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

enum { ENDPOINT_READ_SIZE = 256 * 1024 }; /* bytes of the read buffer, which all sessions share */

typedef struct endpoint endpoint;

/* Work that runs in a tick. Its owner gives it its place in memory. */
typedef struct endpoint_task {
  ws_list node; /* Its place in endpoint.pending; in no list when nothing is scheduled. */
  void (*run)(struct endpoint_task *task);
} endpoint_task;

struct endpoint {
  ws_env *env;
  wsuv_allocator_t alloc;
  uv_loop_t *loop; /* NULL in an environment without libuv. */
  ws_role role;
  wsuv_config_t config;
  extension_list *extensions; /* The installed extensions, or NULL. */
  conn_shared shared;
  completion_pool completions;
  struct callback_set *callbacks; /* The set that the latest session uses, or NULL. */
  tls_contexts tls;
  ws_list sessions; /* All sessions, until their on_close has returned. */
  size_t session_count;
  size_t keeping_alive; /* Sessions that keep the loop alive. */
  ws_list pending;      /* Tasks that run in the next tick. */
  /* Runs the tick. NULL when the endpoint only waits for its environment to close. */
  ws_deferred *tick;
  uint8_t *read_buf; /* ENDPOINT_READ_SIZE bytes. */
  posts posts;
  void (*on_gone)(endpoint *e); /* Everything is closed: only endpoint_free is left to do. */
  bool closing;
};

/* Initialise `e`, which is zeroed. `env` becomes the endpoint's when this succeeds. `config` was
   checked and is copied, with all that it points to. 0; WS_ENOMEM; WS_EINVAL: two extensions
   conflict; what a hook of an extension returned; an error of the environment. */
int endpoint_init(endpoint *e, ws_role role, ws_env *env, const wsuv_config_t *config,
                  void (*on_gone)(endpoint *e));

/* Free what is left, inside on_gone: until then other threads may still call endpoint_post. */
void endpoint_free(endpoint *e);

/* Run a task in the next tick. A task that is scheduled already stays so. */
void endpoint_schedule(endpoint *e, endpoint_task *task);

/* One session more, or one less, keeps the loop alive. */
void endpoint_keep_alive(endpoint *e, bool on);

/* Add a session, and remove it. */
void endpoint_add_session(endpoint *e, ws_list *node);
void endpoint_remove_session(endpoint *e, ws_list *node);

/* Accept no more sessions and posts. When the last session is gone, on_gone runs from the loop. May
   be called again. */
void endpoint_close(endpoint *e);

/* Run a call on the loop's thread. May be called from any thread. false: the endpoint is
   closing. */
bool endpoint_post(endpoint *e, post *p);

/* Copy the configuration to a caller's structure of `size` bytes. */
void endpoint_copy_config(const endpoint *e, wsuv_config_t *config, size_t size);

#endif
