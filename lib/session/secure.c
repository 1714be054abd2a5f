#include "session/secure.h"

#include "base/error.h"
#include "net/tls/tls.h"
#include "session/log.h"
#include "session/session.h"

/* Contexts of TLS, one for each configuration that is in use, and the facts about sessions. */

static const wsuv_tls_config_t defaults = {.size = sizeof defaults, .resumption = true};

/* The ones in use lie in front; the one that was used last is the first. */
static void put_first(wsuv_client_t *client, tls_context *ctx, size_t from) {
  for (size_t i = from; i > 0; i--) client->tls[i] = client->tls[i - 1];
  client->tls[0] = ctx;
}

static tls_context *find(wsuv_client_t *client, const wsuv_tls_config_t *config) {
  for (size_t i = 0; i < CLIENT_TLS_MAX && client->tls[i] != NULL; i++) {
    tls_context *ctx = client->tls[i];
    if (!tls_context_matches(ctx, config)) continue;
    put_first(client, ctx, i);
    return ctx;
  }
  return NULL;
}

/* Sessions that use the one which gives way keep it until they end. */
int secure_context(wsuv_client_t *client, const wsuv_tls_config_t *config, tls_context **out,
                   tls_failure *failure) {
  if (config == NULL) config = &defaults;
  *out = find(client, config);
  if (*out != NULL) return 0;
  int err = tls_context_new(out, &client->alloc, config, TLS_CLIENT, failure);
  if (err < 0) return err;
  tls_context_unref(client->tls[CLIENT_TLS_MAX - 1]);
  put_first(client, *out, CLIENT_TLS_MAX - 1);
  return 0;
}

void secure_free(wsuv_client_t *client) {
  for (size_t i = 0; i < CLIENT_TLS_MAX; i++) tls_context_unref(client->tls[i]);
}

void secure_log(const wsuv_session_t *s) {
  tls_facts facts;
  if (!log_wants(s->client, WSUV_LOG_WARN)) return;
  tls_filter_facts(s->filter, &facts);
  if (!facts.verified) {
    log_line(s, WSUV_LOG_WARN, "TLS: the certificate was not verified: anybody may be the peer");
  }
  log_line(s, WSUV_LOG_INFO, "TLS: %s, %s%s%s%s", facts.version, facts.ciphersuite,
           facts.alpn != NULL ? ", " : "", facts.alpn != NULL ? facts.alpn : "",
           facts.resumed ? ", resumed" : "");
}

static bool is_tls_error(int status) {
  return status == WSUV_ETLS || status == WSUV_ETLSVERIFY || status == WSUV_ETLSPIN ||
         status == WSUV_ETLSTRUNCATED;
}

void secure_describe(const wsuv_session_t *s, wsuv_close_info_t *info) {
  tls_facts facts;
  if (s->tls && is_tls_error(s->status)) {
    tls_filter_facts(s->filter, &facts);
    info->tls_error = facts.library_error;
    info->tls_verify_flags = s->status == WSUV_ETLSVERIFY ? facts.verify_flags : 0;
    info->detail = facts.text;
  } else if (s->opening != NULL && s->stage == WSUV_STAGE_TLS && !s->tls) {
    info->tls_error = s->opening->tls_failure.library_error;
    info->detail = s->opening->tls_failure.text;
  }
}

int wsuv_session_tls(const wsuv_session_t *session, wsuv_tls_info_t *info) {
  tls_facts facts;
  if (info->size != sizeof *info) return WS_EINVAL;
  if (!session->tls || session->filter == NULL) return WSUV_ESTATE;
  tls_filter_facts(session->filter, &facts);
  if (facts.version == NULL) return WSUV_ESTATE;
  info->version = facts.version;
  info->ciphersuite = facts.ciphersuite;
  info->alpn = facts.alpn;
  info->peer_certificate = facts.peer_cert;
  info->peer_certificate_len = facts.peer_cert_len;
  info->resumed = facts.resumed;
  return 0;
}
