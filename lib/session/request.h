#ifndef WS_SESSION_REQUEST_H
#define WS_SESSION_REQUEST_H

/* What a program wants to connect to, checked and copied with all that it points to. Any number of
   attempts can be made with it. */

#include <stdbool.h>

#include <wsuv/session.h>

#include "base/alloc.h"
#include "base/env.h"
#include "net/dial/dial.h"
#include "net/tls/tls_contexts.h"
#include "proto/handshake/handshake_request.h"
#include "proto/handshake/url.h"
#include "session/hops.h"
#include "session/proxies.h"

typedef struct session_request {
  const wsuv_allocator_t *alloc; /* The endpoint's allocator outlives the request. */
  size_t size;                   /* The request has this many bytes, with its texts. */
  ws_url url;                    /* The URL's views point to texts that the request owns. */
  ws_url first;                  /* This is the URL that the program has given. */
  char *redirected;              /* The request owns this URL of a redirect, or it is NULL. */
  /* This address is used for the host of `first`; AF_UNSPEC: its name is looked up. */
  struct sockaddr_storage address;
  void (*asks_with)(void); /* The program's function that is asked for credentials, or NULL. */
  hops_config hops;        /* This is what the program says of redirects and credentials. */
  /* These are the fields of the opening handshake and the limits for the response; they point to
     what the request owns, and hold a reference to the extensions. */
  handshake_request handshake;
  dial_target to; /* This is the destination: `host` and a port, or an address to use instead. */
  char host[URL_HOST_SIZE]; /* This is the host name for the lookup, terminated. */
  ws_socket_options socket; /* These are the options for a TCP socket. */
  /* So many milliseconds may pass from the beginning of an attempt to the open session. */
  uint64_t handshake_timeout_ms;
  /* An attempt may wait for its turn for so many milliseconds; 0: without a limit. */
  uint64_t queue_timeout_ms;
  unsigned max_connecting; /* This is what the configuration says; request_max_connecting. */
  proxy_choice proxy;      /* This is what the program says of proxies, for each destination. */
  proxies *proxies;        /* The request owns the proxies that it goes through, or this is NULL. */
  /* The request has a reference to the TLS context for proxies; NULL: there can be none. */
  tls_context *proxy_tls;
  /* The request has references to the TLS contexts for `wss`, that of `first` and that of `url`.
     NULL: it does not come to that. */
  tls_context *first_tls;
  tls_context *tls;
} session_request;

/* `config` applies to the session and was checked; it is the endpoint's, or the one in `from`. The
   TLS context is from `contexts`. `extensions` are offered; NULL: none. Returns 0; WSUV_EURL;
   WS_EINVAL: URL and parts together, or a malformed address; WS_ENOMEM. *why, unless it is NULL,
   says what is wrong with the URL. Header fields are not checked here, but in attempt_new. */
int request_new(session_request **out, const wsuv_allocator_t *alloc, const wsuv_request_t *from,
                const wsuv_config_t *config, tls_contexts *contexts, extension_list *extensions,
                ws_why *why);

/* So many attempts to the host connect at the same time. */
unsigned request_max_connecting(const session_request *r);

/* Decide which proxies lead to the destination. Returns 0, or an error as proxies_choose. */
int request_choose_proxies(session_request *r, ws_why *why);

/* Go to another URL, which must be correct, and of which the request takes possession on success.
   `crosses`: it is at another origin, where our certificate is not shown. 0; WSUV_EURL; WS_ENOMEM;
   or an error of tls_contexts_get. After an error nothing has changed. */
int request_redirect(session_request *r, char *url, bool crosses, tls_contexts *contexts);

void request_free(session_request *r); /* NULL is allowed */

#endif
