#include "session/opening.h"

#include <string.h>

#include "base/error.h"
#include "net/address.h"
#include "net/tls/tls_config.h"
#include "session/log.h"

/* From a request to a validated plan: URL taken apart, handshake written. Starts nothing. */

static void describe(handshake_request *to, const ws_url *url, const wsuv_request_t *request,
                     const wsuv_config_t *config) {
  bool own_subprotocols = request->subprotocols != NULL;
  *to = (handshake_request){
      .url = url,
      .origin = request->origin,
      .user_agent = config->user_agent,
      .headers = {config->headers, request->headers},
      .header_count = {config->header_count, request->header_count},
      .subprotocols = own_subprotocols ? request->subprotocols : config->subprotocols,
      .subprotocol_count =
          own_subprotocols ? request->subprotocol_count : config->subprotocol_count,
      .max_size = config->max_handshake_size,
      .max_headers = config->max_handshake_headers,
  };
}

static int make_handshake(opening *o, ws_env *env, random_pool *random, const ws_url *url,
                          const wsuv_request_t *request, const wsuv_config_t *config,
                          extension_list *extensions) {
  handshake_request parts;
  uint8_t key[HANDSHAKE_KEY_SIZE];
  describe(&parts, url, request, config);
  parts.extensions = extensions;
  int err = random_pool_take(random, key, sizeof key);
  if (err < 0) return err;
  return h1_client_new(&o->handshake, env->alloc, &parts, key);
}

/* A name and a port, an address in place of the name, or the socket that the URL names. */
static int set_target(opening *o, const ws_url *url, const char *address) {
  int err = url_host_copy(url, o->host);
  if (err < 0) return err;
  o->to.host = o->host;
  o->to.port = url->port;
  bool is_unix = url->socket.base != NULL;
  if (is_unix) address_of_path(&o->to.address, url->socket.base, url->socket.len);
  if (address == NULL) return 0;
  return !is_unix && address_parse(&o->to.address, address, url->port) ? 0 : WS_EINVAL;
}

static int set_socket(ws_socket_options *socket, const wsuv_config_t *config) {
  socket->nodelay = config->tcp_nodelay;
  socket->keepalive_s = config->tcp_keepalive_s;
  if (config->local_address == NULL) return 0;
  return address_parse(&socket->local, config->local_address, 0) ? 0 : WS_EINVAL;
}

/* The client's configuration outlives the session, the request's does not. */
static int set_tls(opening *o, ws_env *env, const ws_url *url, const wsuv_request_t *request,
                   const wsuv_config_t *config) {
  o->secure = url->secure;
  o->tls = config->tls;
  if (!o->secure || o->tls == NULL || request->config == NULL) return 0;
  o->tls = &o->own_tls;
  return tls_config_copy(&o->own_tls, env->alloc, config->tls);
}

static int fill(opening *o, ws_env *env, const ws_url *url, const wsuv_request_t *request,
                const wsuv_config_t *config) {
  int err = set_socket(&o->socket, config);
  if (err == 0) err = set_target(o, url, request->address);
  return err < 0 ? err : set_tls(o, env, url, request, config);
}

/* From the URL, or from its parts, not from both. */
static int read_url(ws_url *url, const wsuv_request_t *r) {
  bool parts = r->host != NULL || r->path != NULL || r->port != 0 || r->secure;
  if (r->url != NULL) return parts ? WS_EINVAL : url_parse(url, r->url, strlen(r->url));
  return r->host == NULL ? WSUV_EURL : url_from_parts(url, r->secure, r->host, r->port, r->path);
}

int opening_new(opening **out, ws_env *env, random_pool *random, const wsuv_request_t *request,
                const wsuv_config_t *config, extension_list *extensions) {
  ws_url url;
  int err = read_url(&url, request);
  if (err < 0) return err;
  opening *o = ws_calloc(env->alloc, sizeof *o);
  if (o == NULL) return WS_ENOMEM;
  err = fill(o, env, &url, request, config);
  if (err == 0) err = make_handshake(o, env, random, &url, request, config, extensions);
  if (err < 0) {
    opening_free(o, env->alloc);
    return err;
  }
  *out = o;
  return 0;
}

void opening_log(const opening *o, const wsuv_session_t *session) {
  char text[ADDRESS_TEXT_SIZE];
  if (!address_is_set(&o->to.address)) {
    log_line(session, WSUV_LOG_INFO, "connecting to %s port %u", o->host, (unsigned) o->to.port);
    return;
  }
  address_print(text, &o->to.address);
  log_line(session, WSUV_LOG_INFO, "connecting to %s port %u at %s", o->host, (unsigned) o->to.port,
           text);
}

void opening_free(opening *o, const wsuv_allocator_t *alloc) {
  if (o == NULL) return;
  tls_config_free(&o->own_tls, alloc);
  if (o->dial != NULL) dial_cancel(o->dial);
  h1_client_free(o->handshake);
  ws_free(alloc, o);
}
