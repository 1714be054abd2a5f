#include "session/exchange.h"

#include <string.h>

#include "base/error.h"
#include "proto/handshake/handshake.h"
#include "proto/handshake/refused.h"
#include "session/log.h"
#include "session/notify.h"

/* Carries out what the program answers. */

static decision *decision_of(const wsuv_exchange_t *exchange) {
  return (decision *) (uintptr_t) exchange;
}

/* Offering */

static char *put_word(char *end, ws_text word) {
  memcpy(end, word.base, word.len);
  end[word.len] = '\0';
  return end + word.len + 1;
}

/* The method and the path, each terminated. */
static char *copy_words(const decision *d) {
  const ws_text method = h1_server_method(d->in.request), path = h1_server_path(d->in.request);
  char *words = ws_malloc(d->in.alloc, method.len + 1 + path.len + 1);
  if (words != NULL) (void) put_word(put_word(words, method), path); /* nothing follows */
  return words;
}

/* Each has its memory, and none is ended to make room for others, so there may not be too many, and
   no address may have all of them. */
static wsuv_refused_t check_owed(decision *d) {
  const wsuv_server_t *server = d->server;
  const wsuv_config_t *c = &server->endpoint.config;
  if (server->handshakes.counts[HANDSHAKE_PLAIN] > c->max_handshakes) return WSUV_REFUSED_REQUESTS;
  if (incoming_count_request(&d->in) < 0) return WSUV_REFUSED_NO_MEMORY;
  bool crowd = incoming_requests_of_address(&d->in) > c->max_handshakes_per_address;
  return crowd ? WSUV_REFUSED_REQUESTS_PER_ADDRESS : WSUV_REFUSED_NONE;
}

void exchange_offer(decision *d, wsuv_refused_t verdict) {
  const wsuv_refused_t refused = check_owed(d);
  if (refused != WSUV_REFUSED_NONE) {
    decision_refuse(d, refused, refused_error(refused), "");
    return;
  }
  d->words = copy_words(d);
  if (d->words == NULL) {
    decision_refuse(d, WSUV_REFUSED_NO_MEMORY, WS_ENOMEM, "");
    return;
  }
  d->verdict = verdict;
  decision_owe(d);
  notify_exchange(d->server->request_cb, decision_exchange(d));
}

/* Answers */

/* Whether the next request may come after this one. */
static bool persists(const decision *d) {
  return h1_server_may_persist(d->in.request) && incoming_may_have_more(&d->in) &&
         !d->server->draining && d->in.answers + 1 < WSUV_EXCHANGE_REQUESTS_MAX;
}

int wsuv_exchange_respond(wsuv_exchange_t *exchange, int status, const wsuv_header_t *headers,
                          size_t header_count, const void *body, size_t len) {
  decision *d = decision_of(exchange);
  ws_why why = {""};
  int err = decision_begin_answer(d);
  if (err < 1) return err;
  if ((header_count > 0 && headers == NULL) || (len > 0 && body == NULL)) return WS_EINVAL;
  if (len > WSUV_EXCHANGE_BODY_MAX) return WSUV_EMSGSIZE;
  const bool more = persists(d);
  err = handshake_check_fields(headers, header_count, &why);
  if (err == 0) {
    err = h1_server_respond(d->in.request, more, status, headers, header_count, body, len);
  }
  if (err < 0) return log_refusal(endpoint_log(&d->server->endpoint), err, &why);
  incoming_respond(&d->in, more);
  decision_answered(d);
  return 0;
}

int wsuv_exchange_decline(wsuv_exchange_t *exchange) {
  decision *d = decision_of(exchange);
  int err = decision_begin_answer(d);
  if (err < 1) return err;
  err = h1_server_reject(d->in.request, refused_status(d->verdict), NULL, 0, NULL, 0);
  if (err < 0) return err;
  incoming_refuse(&d->in);
  decision_answered(d);
  return 0;
}

int wsuv_exchange_detach(wsuv_exchange_t *exchange, int *fd, const void **bytes, size_t *len) {
  decision *d = decision_of(exchange);
  int err = decision_begin_answer(d);
  if (err < 1) return err;
  err = incoming_detach(&d->in, fd, bytes, len);
  if (err == 0) decision_answered(d);
  return err;
}

/* What an exchange asks for */

wsuv_server_t *wsuv_exchange_server(const wsuv_exchange_t *exchange) {
  return decision_server(decision_of(exchange));
}

const char *wsuv_exchange_method(const wsuv_exchange_t *exchange) {
  return decision_of(exchange)->words;
}

const char *wsuv_exchange_path(const wsuv_exchange_t *exchange) {
  const char *words = decision_of(exchange)->words;
  return words + strlen(words) + 1;
}

const char *wsuv_exchange_target(const wsuv_exchange_t *exchange) {
  return h1_server_target(decision_of(exchange)->in.request);
}

const char *wsuv_exchange_query(wsuv_exchange_t *exchange, const char *name) {
  return decision_query(decision_of(exchange), name);
}

const char *wsuv_exchange_header(const wsuv_exchange_t *exchange, const char *name) {
  return decision_header(decision_of(exchange), name);
}

const wsuv_header_t *wsuv_exchange_headers(wsuv_exchange_t *exchange, size_t *count) {
  return decision_headers(decision_of(exchange), count);
}

bool wsuv_exchange_has_body(const wsuv_exchange_t *exchange) {
  return h1_server_has_body(decision_of(exchange)->in.request);
}

int wsuv_exchange_peer_address(const wsuv_exchange_t *exchange, struct sockaddr_storage *addr) {
  return decision_peer_address(decision_of(exchange), addr);
}

int wsuv_exchange_peer_credentials(const wsuv_exchange_t *exchange,
                                   wsuv_credentials_t *credentials) {
  return decision_credentials(decision_of(exchange), credentials);
}

int wsuv_exchange_origin(const wsuv_exchange_t *exchange, wsuv_origin_t *origin) {
  return decision_origin(decision_of(exchange), origin);
}

const char *wsuv_exchange_trusted_header(const wsuv_exchange_t *exchange, const char *name) {
  return decision_trusted_header(decision_of(exchange), name);
}

int wsuv_exchange_tls(const wsuv_exchange_t *exchange, wsuv_tls_info_t *info) {
  return decision_tls(decision_of(exchange), info);
}

void wsuv_exchange_set_data(wsuv_exchange_t *exchange, void *data) {
  decision_of(exchange)->data = data;
}

void *wsuv_exchange_data(const wsuv_exchange_t *exchange) {
  return decision_of(exchange)->data;
}

void wsuv_exchange_on_gone(wsuv_exchange_t *exchange, wsuv_exchange_cb cb) {
  decision_of(exchange)->exchange_gone_cb = cb;
}
