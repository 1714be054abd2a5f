#ifndef WS_SESSION_REQUEST_H
#define WS_SESSION_REQUEST_H

/* What a program wants to connect to, checked and copied with all that it points to. Any number of
   attempts can be made with it. */

#include <stdbool.h>

#include <wsuv/session.h>

#include "base/alloc.h"
#include "base/env.h"
#include "net/dial/dial.h"
#include "proto/handshake/handshake_request.h"
#include "proto/handshake/url.h"

typedef struct session_request {
  const wsuv_allocator_t *alloc;
  ws_url url; /* Its views point to texts of the request. */
  /* The fields of the opening handshake, and limits for the response. */
  handshake_request handshake;
  dial_target to;               /* The host and port, or the address to use instead. */
  char host[URL_HOST_SIZE];     /* The host name for the lookup, terminated. */
  ws_socket_options socket;     /* Options for a TCP socket. */
  const wsuv_tls_config_t *tls; /* The TLS configuration of `wss`; NULL: the defaults. */
  wsuv_tls_config_t own_tls;    /* A copy, if the request has a configuration of its own. */
} session_request;

/* `config` applies to the session and was checked; it is the endpoint's, which outlives the
   request, or the one in `from`. `extensions` are offered; NULL: none. 0; WSUV_EURL; WS_EINVAL: URL
   and parts together, or a malformed address; WS_ENOMEM. Whether fields may be in a handshake is
   checked when its request is made. */
int request_new(session_request **out, const wsuv_allocator_t *alloc, const wsuv_request_t *from,
                const wsuv_config_t *config, extension_list *extensions);

void request_free(session_request *r); /* NULL is allowed */

#endif
