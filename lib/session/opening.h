#ifndef WS_SESSION_OPENING_H
#define WS_SESSION_OPENING_H

/* What a session needs only until it is open: where to go, the dial, the handshake. Made from a
   request at once, so that everything wrong with it is known before anything begins. */

#include <wsuv/session.h>

#include "base/env.h"
#include "net/dial/dial.h"
#include "net/tls/tls_failure.h"
#include "proto/frame/conn.h"
#include "proto/handshake/h1_client.h"

typedef struct opening {
  char host[URL_HOST_SIZE]; /* for the lookup */
  dial_target to;
  ws_socket_options socket;
  dial *dial; /* under way, or NULL */
  bool secure;
  const wsuv_tls_config_t *tls; /* the client's or its own; NULL: the defaults */
  wsuv_tls_config_t own_tls;
  tls_failure tls_failure; /* why there is no context for it */
  h1_client *handshake;
} opening;

/* `config` is the one that holds for the session, and was checked; `extensions` are offered; NULL:
   none. 0, or a code of wsuv_connect. */
int opening_new(opening **out, ws_env *env, random_pool *random, const wsuv_request_t *request,
                const wsuv_config_t *config, extension_list *extensions);

/* Where it goes, for the log: "connecting to" ... */
void opening_log(const opening *o, const wsuv_session_t *session);

void opening_free(opening *o, const wsuv_allocator_t *alloc); /* cancels the dial; NULL is fine */

#endif
