#ifndef WS_SESSION_REQUEST_H
#define WS_SESSION_REQUEST_H

/* What a program wants to connect to, checked and copied with all that it points to: attempts can
   be made of it any number of times. */

#include <stdbool.h>

#include <wsuv/session.h>

#include "base/alloc.h"
#include "base/env.h"
#include "net/dial/dial.h"
#include "proto/handshake/handshake_request.h"
#include "proto/handshake/url.h"

typedef struct session_request {
  const wsuv_allocator_t *alloc;
  ws_url url;                   /* Its slices point to texts of the request. */
  handshake_request handshake;  /* What the opening handshake says, with limits for the response. */
  dial_target to;               /* The host and port, or the address in place of them. */
  char host[URL_HOST_SIZE];     /* For the lookup, terminated. */
  ws_socket_options socket;     /* What a TCP socket is given. */
  const wsuv_tls_config_t *tls; /* How `wss` is secured; NULL: the defaults. */
  wsuv_tls_config_t own_tls;    /* A copy, if the request has a configuration of its own. */
} session_request;

/* `config` holds for the session and was checked; it is the endpoint's, which outlives the request,
   or that of `from`. `extensions` are offered; NULL: none. 0; WSUV_EURL; WS_EINVAL: URL and parts,
   or an address that is none; WS_ENOMEM. What may not be in the handshake is found when that is
   made. */
int request_new(session_request **out, const wsuv_allocator_t *alloc, const wsuv_request_t *from,
                const wsuv_config_t *config, extension_list *extensions);

void request_free(session_request *r); /* NULL is fine */

#endif
