#ifndef WS_SESSION_CLIENT_H
#define WS_SESSION_CLIENT_H

/* What sessions share, and the turn in which sessions get what they are owed. */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include <wsuv/client.h>
#include <wsuv/config.h>

#include "base/env.h"
#include "base/list.h"
#include "net/dial/resolver.h"
#include "net/tls/tls_context.h"
#include "proto/extension/extension_list.h"
#include "proto/frame/conn.h"
#include "session/completions.h"

enum {
  CLIENT_READ_SIZE = 256 * 1024, /* bytes of the read buffer that all sessions share */
  CLIENT_TLS_MAX = 8             /* configurations of TLS that are remembered */
};

struct wsuv_client {
  ws_env *env;
  wsuv_allocator_t alloc;
  uv_loop_t *loop; /* NULL in an environment that is not libuv's */
  wsuv_config_t config;
  extension_list *extensions; /* installed, or NULL */
  void *data;
  conn_shared shared;
  resolver resolver;
  completion_pool completions;
  struct callback_set *callbacks;   /* of the latest session, or NULL */
  tls_context *tls[CLIENT_TLS_MAX]; /* see secure.c */
  ws_list sessions;                 /* all, until their on_close has returned */
  size_t session_count;
  size_t holding;                /* sessions that keep the loop alive */
  ws_list owed;                  /* sessions with something to flush or to be told */
  ws_deferred *turn;             /* runs for them; NULL once nothing is left but to wait for env */
  uint8_t *read_buf;             /* CLIENT_READ_SIZE bytes */
  wsuv_client_close_cb close_cb; /* of the first call of close that had one, or NULL */
  ws_list close_waiters;         /* of the others */
  bool closing;
  pthread_mutex_t post_lock; /* of what follows, which other threads use, too */
  ws_list posts;             /* calls that were asked for */
  bool posts_closed;         /* no more are taken; the turn may go */
};

/* A client in any environment, which becomes the client's when this succeeds. 0, or as
   wsuv_client_new. */
int client_new_in(wsuv_client_t **out, ws_env *env, const wsuv_config_t *config);

/* Give a session a turn soon, unless it is to have one anyhow. */
void client_owe(wsuv_client_t *client, ws_list *session_owed);

/* One session more, or less, keeps the loop alive. */
void client_hold(wsuv_client_t *client, bool on);

/* A session is gone: perhaps the client can go now. */
void client_session_gone(wsuv_client_t *client);

#endif
