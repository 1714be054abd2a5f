#include "session/request.h"

#include <limits.h>
#include <stdalign.h>
#include <string.h>

#include "base/error.h"
#include "net/address.h"
#include "net/tls/tls_config.h"
#include "net/tls/tls_library.h"
#include "proto/handshake/url_reference.h"

/* Copies a request, with its texts and lists, into one block of memory. Starts nothing. */

/* Divides the memory after the structure into pieces. If `base` is NULL, it only measures how much
   memory is needed. */
typedef struct packer {
  /* The memory begins here; it belongs to the request, and is NULL if only its size is measured. */
  char *base;
  size_t used; /* This many bytes were handed out. */
} packer;

static void *pack_room(packer *p, size_t size) {
  size_t at = (p->used + alignof(void *) - 1) / alignof(void *) * alignof(void *);
  p->used = at + size;
  return p->base != NULL ? p->base + at : NULL;
}

static const char *pack_text(packer *p, const char *text) {
  if (text == NULL) return NULL;
  size_t size = strlen(text) + 1;
  char *copy = pack_room(p, size);
  if (copy != NULL) memcpy(copy, text, size);
  return copy;
}

static const wsuv_header_t *pack_headers(packer *p, const wsuv_header_t *list, size_t count) {
  wsuv_header_t *copy = pack_room(p, count * sizeof *copy);
  for (size_t i = 0; i < count; i++) {
    const wsuv_header_t field = {pack_text(p, list[i].name), pack_text(p, list[i].value)};
    if (copy != NULL) copy[i] = field;
  }
  return copy;
}

static const char *const *pack_list(packer *p, const char *const *list, size_t count) {
  const char **copy = pack_room(p, count * sizeof *copy);
  for (size_t i = 0; i < count; i++) {
    const char *text = pack_text(p, list[i]);
    if (copy != NULL) copy[i] = text;
  }
  return copy;
}

/* The fields of the opening handshake: the configuration's, then the request's. */
static void pack_handshake(handshake_request *h, packer *p, const wsuv_request_t *from,
                           const wsuv_config_t *config) {
  bool own = from->subprotocols != NULL;
  h->subprotocol_count = own ? from->subprotocol_count : config->subprotocol_count;
  h->subprotocols =
      pack_list(p, own ? from->subprotocols : config->subprotocols, h->subprotocol_count);
  h->origin = pack_text(p, from->origin);
  h->user_agent = pack_text(p, config->user_agent);
  h->headers[0] = pack_headers(p, config->headers, config->header_count);
  h->headers[1] = pack_headers(p, from->headers, from->header_count);
  h->header_count[0] = config->header_count;
  h->header_count[1] = from->header_count;
  h->max_size = config->max_handshake_size;
  h->max_headers = config->max_handshake_headers;
}

/* The URL, or the same from parts; both together are an error. */
static int read_url(session_request *r, packer *p, const wsuv_request_t *from, ws_why *why) {
  bool parts = from->host != NULL || from->path != NULL || from->port != 0 || from->secure;
  const char *url = pack_text(p, from->url), *host = pack_text(p, from->host);
  const char *path = pack_text(p, from->path);
  if (from->url != NULL && parts) return WS_EINVAL;
  if (from->url == NULL && from->host == NULL) {
    return ws_why_set(why, WSUV_EURL, "neither a URL nor a host");
  }
  if (p->base == NULL) return 0;
  int err = url != NULL ? url_parse(&r->url, url, strlen(url))
                        : url_from_parts(&r->url, from->secure, host, from->port, path);
  return err < 0 ? url_explain(&r->url, why) : 0;
}

static void pack_proxy(proxy_choice *choice, packer *p, const wsuv_request_t *from,
                       const wsuv_config_t *config) {
  choice->urls = pack_text(p, from->proxy != NULL ? from->proxy : config->proxy);
  choice->no_proxy = pack_text(p, config->no_proxy);
  choice->auth = config->proxy_auth;
}

static void pack_hops(hops_config *h, packer *p, const wsuv_request_t *from,
                      const wsuv_config_t *config) {
  h->user = pack_text(p, from->user);
  h->password = pack_text(p, from->password);
  h->cookies = pack_text(p, from->cookies);
  h->auth = config->auth;
  h->max_redirects = config->max_redirects;
  h->max_attempts = config->max_attempts;
  h->hash = tls_library_hash;
}

static int pack_all(session_request *r, packer *p, const wsuv_request_t *from,
                    const wsuv_config_t *config, ws_why *why) {
  if (from->password != NULL && from->user == NULL) return WS_EINVAL;
  pack_hops(&r->hops, p, from, config);
  pack_proxy(&r->proxy, p, from, config);
  pack_handshake(&r->handshake, p, from, config);
  return read_url(r, p, from, why);
}

/* The address that the program gives, which holds for its host at any port. */
static int set_address(session_request *r, const char *address) {
  r->first = r->url;
  if (address == NULL) return 0;
  const bool is_unix = r->url.socket.base != NULL;
  return !is_unix && address_parse(&r->address, address, r->url.port) ? 0 : WS_EINVAL;
}

/* The destination: name and port, an address in place of the name, or the URL's Unix socket. */
static int set_target(session_request *r) {
  int err = url_host_copy(&r->url, r->host);
  if (err < 0) return err;
  r->to = (dial_target){.host = r->host, .port = r->url.port};
  if (r->url.socket.base != NULL) {
    address_of_path(&r->to.address, r->url.socket.base, r->url.socket.len);
  } else if (address_is_set(&r->address) && url_same_host(&r->url, &r->first)) {
    r->to.address = r->address;
    address_set_port(&r->to.address, r->url.port);
  }
  return 0;
}

static int set_socket(ws_socket_options *socket, const wsuv_config_t *config) {
  socket->nodelay = config->tcp_nodelay;
  socket->keepalive_s = config->tcp_keepalive_s;
  socket->user_timeout_ms = config->tcp_user_timeout_ms;
  if (config->local_address == NULL) return 0;
  return address_parse(&socket->local, config->local_address, 0) ? 0 : WS_EINVAL;
}

/* An adopted stream does not ask for the limit of attempts. */
static void set_limits(session_request *r, const wsuv_config_t *config) {
  r->handshake_timeout_ms = config->handshake_timeout_ms;
  r->queue_timeout_ms = config->queue_timeout_ms;
  r->max_connecting = config->max_connecting;
}

unsigned request_max_connecting(const session_request *r) {
  enum { MAX_SECURE = 16 };
  const unsigned by_default = r->url.secure ? MAX_SECURE : UINT_MAX;
  return r->max_connecting > 0 ? r->max_connecting : by_default;
}

static int fill(session_request *r, packer *p, const wsuv_request_t *from,
                const wsuv_config_t *config, tls_contexts *contexts, ws_why *why) {
  int err = pack_all(r, p, from, config, why);
  if (err == 0) err = set_socket(&r->socket, config);
  if (err == 0) err = set_address(r, from->address);
  if (err == 0) err = set_target(r);
  set_limits(r, config);
  if (err == 0 && from->proxy != NULL) err = proxies_check(r->alloc, &r->proxy, why);
  if (err == 0 && r->proxy.urls != NULL && *r->proxy.urls != '\0') {
    err = tls_contexts_get(contexts, r->alloc, config->proxy_tls, WS_CLIENT, &r->proxy_tls);
  }
  if (err < 0 || (!r->url.secure && config->max_redirects == 0)) return err;
  err = tls_contexts_get(contexts, r->alloc, config->tls, WS_CLIENT, &r->first_tls);
  if (err == 0) r->tls = tls_context_ref(r->first_tls);
  return err;
}

int request_new(session_request **out, const wsuv_allocator_t *alloc, const wsuv_request_t *from,
                const wsuv_config_t *config, tls_contexts *contexts, extension_list *extensions,
                ws_why *why) {
  session_request measured = {.alloc = alloc};
  packer p = {NULL, 0};
  int err = pack_all(&measured, &p, from, config, why);
  if (err < 0) return err;
  session_request *r = ws_calloc(alloc, sizeof *r + p.used);
  if (r == NULL) return WS_ENOMEM;
  const size_t measured_size = p.used;
  p = (packer){(char *) (r + 1), 0};
  r->alloc = alloc;
  r->size = sizeof *r + measured_size;
  err = fill(r, &p, from, config, contexts, why);
  r->handshake.url = &r->url;
  r->handshake.extensions = extension_list_ref(extensions);
  if (err < 0) {
    request_free(r);
    return err;
  }
  *out = r;
  return 0;
}

static void request_free_text(const session_request *r, char *text) {
  if (text != NULL) ws_wipe(text, strlen(text));
  ws_free(r->alloc, text);
}

int request_choose_proxies(session_request *r, ws_why *why) {
  proxies_free(r->proxies);
  return proxies_choose(&r->proxies, r->alloc, &r->proxy, &r->url, why);
}

/* The context for another origin has the configuration of the program, but not our certificate, and
   at another host than the first one not the name of the server either. */
static int redirect_tls(session_request *r, const ws_url *to, tls_contexts *contexts,
                        tls_context **out) {
  wsuv_tls_config_t config = *tls_context_config(r->first_tls);
  tls_config_drop_own(&config);
  if (!url_same_host(to, &r->first)) config.server_name = NULL;
  return tls_contexts_get(contexts, r->alloc, &config, WS_CLIENT, out);
}

int request_redirect(session_request *r, char *url, bool crosses, tls_contexts *contexts) {
  ws_url to;
  tls_context *tls = NULL;
  int err = url_parse(&to, url, strlen(url));
  if (err == 0 && crosses) err = redirect_tls(r, &to, contexts, &tls);
  if (err < 0) return err;
  if (tls != NULL) {
    tls_context_unref(r->tls);
    r->tls = tls;
  }
  request_free_text(r, r->redirected);
  r->redirected = url;
  r->url = to;
  return set_target(r);
}

void request_free(session_request *r) {
  if (r == NULL) return;
  request_free_text(r, r->redirected);
  proxies_free(r->proxies);
  tls_context_unref(r->proxy_tls);
  tls_context_unref(r->tls);
  tls_context_unref(r->first_tls);
  extension_list_unref(r->handshake.extensions);
  const wsuv_allocator_t *alloc = r->alloc;
  ws_wipe(r, r->size); /* it may have credentials */
  ws_free(alloc, r);
}
