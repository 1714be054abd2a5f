#include "session/config.h"

#include <string.h>

#include <wsuv/converter.h>
#include <wsuv/version.h>

#include "base/error.h"
#include "base/sized.h"
#include "net/address.h"
#include "net/tls/tls_config.h"
#include "proto/handshake/handshake_request.h"

/* The configuration: default values, checks, deep copies. */

enum {
  KIB = 1024,
  MIB = 1024 * 1024,
  KEEPALIVE_MAX_S = 32767 /* Linux accepts no more (MAX_TCP_KEEPIDLE) */
};

static const wsuv_config_t defaults = {
    .ping_interval_ms = 0,
    .ping_timeout_ms = 0,
    .max_frame_size = 2147483647,
    .max_message_size = 16 * MIB,
    .max_message_fragments = 131072,
    .masking = true,
    .outgoing_max = 16 * MIB,
    .high_water = 1 * MIB,
    .low_water = 256 * KIB,
    .handshake_timeout_ms = 10000,
    .close_timeout_ms = 5000,
    .max_handshake_size = 16 * KIB,
    .max_handshake_headers = 100,
    .user_agent = "wsuv/" WSUV_VERSION_STRING,
    .tcp_nodelay = true,
    .log_level = WSUV_LOG_INFO,
    .queue_timeout_ms = 10000,
    .close_deadline_ms = 120000,
    .fragment_size = 64 * KIB,
    .log_payload_size = 64,
};

SIZED_TYPE(config_type, wsuv_config_t, log_payload_size, sizeof(wsuv_config_t));

void wsuv_client_config_defaults(wsuv_config_t *config, size_t size) {
  sized_fill(config, size, &config_type, &defaults);
}

void config_output(wsuv_config_t *to, size_t size, const wsuv_config_t *from) {
  sized_fill(to, size, &config_type, from);
}

SIZED_TYPE(converter_type, wsuv_converter_t, deserialize, sizeof(wsuv_converter_t));

static int read_converter(config_input *to, ws_why *why) {
  const wsuv_converter_t *from = to->config.converter;
  if (from == NULL || from->size == sizeof *from) return 0;
  wsuv_converter_init(&to->converter);
  to->config.converter = &to->converter;
  return sized_in(&to->converter, &converter_type, from, why);
}

static int read_tls(config_input *to, ws_why *why) {
  const wsuv_tls_config_t *from = to->config.tls;
  if (from == NULL || from->size == sizeof *from) return 0;
  to->config.tls = &to->tls;
  return tls_config_read(&to->tls, from, why);
}

int config_read(config_input *to, const wsuv_config_t *from, ws_why *why) {
  to->config = defaults;
  int err = sized_in(&to->config, &config_type, from, why);
  if (err == 0) err = read_converter(to, why);
  return err == 0 ? read_tls(to, why) : err;
}

static bool limits_set(const wsuv_config_t *c) {
  return c->max_frame_size > 0 && c->max_message_size > 0 && c->max_message_fragments > 0 &&
         c->outgoing_max > 0 && c->high_water > 0 && c->handshake_timeout_ms > 0 &&
         c->close_timeout_ms > 0 && c->close_deadline_ms > 0 && c->max_handshake_size > 0 &&
         c->max_handshake_headers > 0;
}

/* An enum from the caller may hold any integer. */
static bool choices_known(const wsuv_config_t *c) {
  int policy = (int) c->outgoing_policy, level = (int) c->log_level, resolver = (int) c->resolver;
  return (policy == WSUV_OUTGOING_SUSPEND || policy == WSUV_OUTGOING_CLOSE) &&
         level >= WSUV_LOG_ERROR && level <= WSUV_LOG_TRACE && resolver >= WSUV_RESOLVER_AUTO &&
         resolver <= WSUV_RESOLVER_SYSTEM;
}

static bool allocator_whole(const wsuv_allocator_t *a) {
  return a == NULL || (a->malloc != NULL && a->realloc != NULL && a->free != NULL);
}

static int check_socket(const wsuv_config_t *c) {
  struct sockaddr_storage local;
  if (c->tcp_keepalive_s > KEEPALIVE_MAX_S) return WS_EINVAL;
  return c->local_address == NULL || address_parse(&local, c->local_address, 0) ? 0 : WS_EINVAL;
}

/* The header fields of the configuration are checked as part of a handshake request. */
static int check_handshake(const wsuv_config_t *c, ws_why *why) {
  const ws_url nowhere = {.port = 0};
  const handshake_request request = {
      .url = &nowhere,
      .user_agent = c->user_agent,
      .headers = {c->headers, NULL},
      .header_count = {c->header_count, 0},
      .subprotocols = c->subprotocols,
      .subprotocol_count = c->subprotocol_count,
  };
  return handshake_request_check(&request, why);
}

int config_check(const wsuv_config_t *config, ws_why *why) {
  if (!limits_set(config) || config->low_water > config->high_water) return WS_EINVAL;
  if (!choices_known(config) || !allocator_whole(config->allocator)) return WS_EINVAL;
  if (config->header_count > 0 && config->headers == NULL) return WS_EINVAL;
  if (config->subprotocol_count > 0 && config->subprotocols == NULL) return WS_EINVAL;
  int err = config->tls != NULL ? tls_config_check(config->tls) : 0;
  if (err == 0) err = check_socket(config);
  return err < 0 ? err : check_handshake(config, why);
}

/* A zeroed array of n pointers, or of elements that hold pointers. NULL when n is 0, too. */
static void *new_array(const wsuv_allocator_t *alloc, size_t n, size_t element) {
  if (n == 0 || n > (size_t) -1 / element) return NULL;
  return ws_calloc(alloc, n * element);
}

static int copy_headers(wsuv_config_t *copy, const wsuv_allocator_t *alloc,
                        const wsuv_config_t *from) {
  wsuv_header_t *list = new_array(alloc, from->header_count, sizeof *list);
  if (list == NULL) return from->header_count == 0 ? 0 : WS_ENOMEM;
  copy->headers = list;
  copy->header_count = from->header_count;
  for (size_t i = 0; i < from->header_count; i++) {
    list[i].name = ws_strdup(alloc, from->headers[i].name);
    list[i].value = ws_strdup(alloc, from->headers[i].value);
    if (list[i].name == NULL || list[i].value == NULL) return WS_ENOMEM;
  }
  return 0;
}

static int copy_subprotocols(wsuv_config_t *copy, const wsuv_allocator_t *alloc,
                             const wsuv_config_t *from) {
  const char **list = new_array(alloc, from->subprotocol_count, sizeof *list);
  if (list == NULL) return from->subprotocol_count == 0 ? 0 : WS_ENOMEM;
  copy->subprotocols = list;
  copy->subprotocol_count = from->subprotocol_count;
  for (size_t i = 0; i < from->subprotocol_count; i++) {
    list[i] = ws_strdup(alloc, from->subprotocols[i]);
    if (list[i] == NULL) return WS_ENOMEM;
  }
  return 0;
}

static int copy_text(const char **copy, const wsuv_allocator_t *alloc, const char *from) {
  if (from == NULL) return 0;
  *copy = ws_strdup(alloc, from);
  return *copy == NULL ? WS_ENOMEM : 0;
}

static int copy_converter(const wsuv_converter_t **copy, const wsuv_allocator_t *alloc,
                          const wsuv_converter_t *from) {
  *copy = NULL;
  if (from == NULL) return 0;
  wsuv_converter_t *c = ws_malloc(alloc, sizeof *c);
  if (c == NULL) return WS_ENOMEM;
  *c = *from;
  *copy = c;
  return 0;
}

int config_take_converter(const wsuv_converter_t **out, const wsuv_config_t *config,
                          const wsuv_config_t *endpoint, const wsuv_allocator_t *alloc) {
  *out = endpoint->converter;
  return config->converter == *out ? 0 : copy_converter(out, alloc, config->converter);
}

void config_drop_converter(const wsuv_converter_t *converter, const wsuv_config_t *endpoint,
                           const wsuv_allocator_t *alloc) {
  if (converter != endpoint->converter) ws_free(alloc, (void *) (uintptr_t) converter);
}

int config_new_tls(const wsuv_tls_config_t **copy, const wsuv_allocator_t *alloc,
                   const wsuv_tls_config_t *from) {
  *copy = NULL;
  if (from == NULL) return 0;
  wsuv_tls_config_t *c = ws_malloc(alloc, sizeof *c);
  int err = c != NULL ? tls_config_copy(c, alloc, from) : WS_ENOMEM;
  if (err < 0) {
    ws_free(alloc, c);
    return err;
  }
  *copy = c;
  return 0;
}

void config_free_tls(const wsuv_tls_config_t *copy, const wsuv_allocator_t *alloc) {
  wsuv_tls_config_t *c = (wsuv_tls_config_t *) (uintptr_t) copy;
  if (c == NULL) return;
  tls_config_free(c, alloc);
  ws_free(alloc, c);
}

int config_copy(wsuv_config_t *copy, const wsuv_allocator_t *alloc, const wsuv_config_t *config) {
  *copy = *config;
  copy->headers = NULL;
  copy->subprotocols = NULL;
  copy->user_agent = copy->local_address = NULL;
  copy->converter = NULL;
  copy->tls = NULL;
  copy->extensions = NULL; /* the endpoint sets them after it has installed them */
  copy->header_count = copy->subprotocol_count = 0;
  int err = copy_headers(copy, alloc, config);
  if (err == 0) err = copy_subprotocols(copy, alloc, config);
  if (err == 0) err = copy_text(&copy->user_agent, alloc, config->user_agent);
  if (err == 0) err = copy_text(&copy->local_address, alloc, config->local_address);
  if (err == 0) err = copy_converter(&copy->converter, alloc, config->converter);
  if (err == 0) err = config_new_tls(&copy->tls, alloc, config->tls);
  if (err < 0) config_free(copy, alloc);
  return err;
}

/* The copy owns what it points to, but the pointers of the public structure are const. */
static void free_const(const wsuv_allocator_t *alloc, const void *p) {
  ws_free(alloc, (void *) (uintptr_t) p);
}

void config_free(wsuv_config_t *copy, const wsuv_allocator_t *alloc) {
  for (size_t i = 0; i < copy->header_count; i++) {
    free_const(alloc, copy->headers[i].name);
    free_const(alloc, copy->headers[i].value);
  }
  for (size_t i = 0; i < copy->subprotocol_count; i++) free_const(alloc, copy->subprotocols[i]);
  free_const(alloc, copy->headers);
  free_const(alloc, copy->subprotocols);
  free_const(alloc, copy->user_agent);
  free_const(alloc, copy->local_address);
  free_const(alloc, copy->converter);
  config_free_tls(copy->tls, alloc);
  memset(copy, 0, sizeof *copy);
}
