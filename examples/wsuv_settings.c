#include "wsuv_settings.h"

/* Makes a configuration of either role; what they share is set in one place. */

#include <stdint.h>
#include <stdio.h>

#include "wsuv_report.h"

enum { STREAM_QUEUE = 1024 * 1024 }; /* bytes: as much as is read ahead of a slow server */

/* The log hook. A call that fails is told with its one line about that (settings_error()); the end
   of a session tells what else fails. */
static void on_log(wsuv_log_level_t level, const wsuv_session_t *session, const char *text,
                   void *arg) {
  settings *s = arg;
  if (session == NULL && level == WSUV_LOG_ERROR) {
    snprintf(s->refusal, sizeof s->refusal, "%s", text);
  } else if (s->config.log_level > WSUV_LOG_ERROR) {
    report_log(text);
  }
}

const char *settings_error(const settings *s, int err) {
  return *s->refusal != '\0' ? s->refusal : wsuv_strerror(err);
}

static void set_log(settings *s, int verbose) {
  s->config.log = on_log;
  s->config.log_arg = s;
  s->config.log_level = WSUV_LOG_ERROR;
  if (verbose > 0) s->config.log_level = verbose > 1 ? WSUV_LOG_TRACE : WSUV_LOG_DEBUG;
}

/* What is the same in both roles. */
static int set_both(settings *s, const options *o) {
  wsuv_config_t *config = &s->config;
  config->ping_interval_ms = o->ping_interval_ms;
  if (o->timeout_ms > 0) config->handshake_timeout_ms = config->close_timeout_ms = o->timeout_ms;
  if (o->close_deadline_ms > 0) config->close_deadline_ms = o->close_deadline_ms;
  config->headers = o->headers.fields;
  config->header_count = o->headers.count;
  config->subprotocols = o->subprotocols;
  config->subprotocol_count = o->subprotocol_count;
  set_log(s, o->verbose);
  if (!o->deflate) return 0;
  s->extensions[0] = &s->deflate;
  config->extensions = s->extensions;
  config->extension_count = 1;
  return wsuv_permessage_deflate(&s->deflate, &o->deflate_options);
}

static void set_access(settings *s, const options *o) {
  const access_options *a = &o->access;
  wsuv_config_t *config = &s->config;
  const char *proxies = a->proxies != NULL ? a->proxies : WSUV_PROXY_ENVIRONMENT;
  config->proxy = a->no_proxies ? NULL : proxies;
  config->no_proxy = a->exceptions;
  s->proxy_tls = a->proxy_tls;
  s->proxy_tls.keylog_file = o->tls.config.keylog_file;
  s->proxy_tls.library = o->tls.config.library;
  config->proxy_tls = &s->proxy_tls;
  config->auth = a->auth;
  config->max_redirects = a->redirects < UINT32_MAX ? (unsigned) a->redirects : UINT32_MAX;
}

static int make_client(settings *s, const options *o) {
  wsuv_client_config_init(&s->config);
  set_access(s, o);
  s->config.tls = &o->tls.config;
  s->config.resolver = o->resolver;
  if (o->stream) {
    s->config.max_frame_size = UINT64_MAX;
    s->config.outgoing_max = STREAM_QUEUE;
  }
  return set_both(s, o);
}

/* One of these without the others is an error that the library tells. */
static bool wants_tls(const wsuv_tls_config_t *tls) {
  return tls->cert_file != NULL || tls->key_file != NULL || tls->ca_file != NULL ||
         tls->ca_dir != NULL || tls->crl_file != NULL || tls->ocsp_file != NULL;
}

static int make_server(settings *s, const options *o) {
  wsuv_config_t *config = &s->config;
  wsuv_server_config_init(config);
  if (wants_tls(&o->tls.config)) config->tls = &s->tls;
  s->tls = o->tls.config;
  if (s->tls.ca_file != NULL || s->tls.ca_dir != NULL)
    s->tls.client_auth = WSUV_TLS_CLIENT_AUTH_REQUIRE;
  if (o->max > 0) config->max_sessions = o->max < UINT32_MAX ? (unsigned) o->max : UINT32_MAX;
  if (o->origin_count > 0) config->origins = o->origins;
  config->origin_count = o->origin_count;
  if (o->host_count > 0) config->hosts = o->hosts;
  config->host_count = o->host_count;
  return set_both(s, o);
}

int settings_make(settings *s, const options *o) {
  *s->refusal = '\0';
  return o->mode == MODE_CLIENT ? make_client(s, o) : make_server(s, o);
}
