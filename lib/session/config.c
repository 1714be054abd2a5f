#include "session/config.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

#include <wsuv/converter.h>
#include <wsuv/version.h>

#include "base/error.h"
#include "base/sized.h"
#include "net/address.h"
#include "net/address_ranges.h"
#include "net/tls/tls_config.h"
#include "proto/handshake/handshake_request.h"
#include "proto/handshake/origin.h"
#include "session/proxies.h"

/* The configuration: default values, checks, deep copies. */

enum {
  KIB = 1024,
  MIB = 1024 * 1024,
  KEEPALIVE_MAX_S = 32767 /* Linux accepts no more (MAX_TCP_KEEPIDLE) */
};

/* The defaults that both roles have. */
#define COMMON_DEFAULTS                                                                        \
  .max_frame_size = 2147483647, .max_message_size = 16 * MIB, .max_message_fragments = 131072, \
  .outgoing_max = 16 * MIB, .high_water = 1 * MIB, .low_water = 256 * KIB,                     \
  .handshake_timeout_ms = 10000, .close_timeout_ms = 5000, .max_handshake_size = 16 * KIB,     \
  .max_handshake_headers = 100, .tcp_nodelay = true, .log_level = WSUV_LOG_INFO,               \
  .fragment_size = 64 * KIB, .log_payload_size = 64

/* A field that only the other role has is 0. */
static const wsuv_config_t defaults[] = {
    [WS_CLIENT] = {COMMON_DEFAULTS, .masking = true, .user_agent = "wsuv/" WSUV_VERSION_STRING,
                   .queue_timeout_ms = 10000, .close_deadline_ms = 120000,
                   .proxy_auth = WSUV_AUTH_ANY, .max_attempts = 2},
    [WS_SERVER] = {COMMON_DEFAULTS, .ping_timeout_ms = 15000, .tcp_keepalive_s = 60,
                   .close_deadline_ms = 30000, .max_sessions = 100000, .max_handshakes = 1024,
                   .max_handshakes_per_address = 256, .backlog = 511},
};

SIZED_TYPE(config_type, wsuv_config_t, max_attempts, sizeof(wsuv_config_t));

void wsuv_client_config_defaults(wsuv_config_t *config, size_t size) {
  sized_fill(config, size, &config_type, &defaults[WS_CLIENT]);
}

void wsuv_server_config_defaults(wsuv_config_t *config, size_t size) {
  sized_fill(config, size, &config_type, &defaults[WS_SERVER]);
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

static int read_tls(const wsuv_tls_config_t **field, wsuv_tls_config_t *room, ws_why *why) {
  const wsuv_tls_config_t *from = *field;
  if (from == NULL || from->size == sizeof *from) return 0;
  *field = room;
  return tls_config_read(room, from, why);
}

int config_read(config_input *to, ws_role role, const wsuv_config_t *from, ws_why *why) {
  to->config = defaults[role];
  if (from == NULL) return 0;
  int err = sized_in(&to->config, &config_type, from, why);
  if (err == 0) err = read_converter(to, why);
  if (err == 0) err = read_tls(&to->config.tls, &to->tls, why);
  return err == 0 ? read_tls(&to->config.proxy_tls, &to->proxy_tls, why) : err;
}

/* The fields that not both roles have, and those that the configuration of a request, a route or a
   decision may not change. */

enum { CLIENT = 1 << WS_CLIENT, SERVER = 1 << WS_SERVER, BOTH = CLIENT | SERVER };

typedef struct config_field {
  const char *name; /* This is the field's name, for the log. */
  uint16_t at;      /* The field begins at this byte of wsuv_config_t. */
  uint8_t size;     /* The field has this many bytes, all of which are its value. */
  uint8_t roles;    /* These roles have the field; in the other role it is 0. */
  uint8_t whole;    /* In these roles the field belongs to the endpoint as a whole. */
} config_field;

#define FIELD(name, roles, whole)                                                                \
  {                                                                                              \
#name, (uint16_t) offsetof(wsuv_config_t, name), (uint8_t) SIZED_FIELD(wsuv_config_t, name), \
        (roles), (whole)                                                                         \
  }

/* What `allocator`, `hosts` and `trusted_proxies` point to is compared by check_whole. */
static const config_field fields[] = {
    FIELD(random, BOTH, BOTH),
    FIELD(random_arg, BOTH, BOTH),
    FIELD(log, BOTH, BOTH),
    FIELD(log_arg, BOTH, BOTH),
    FIELD(log_level, BOTH, BOTH),
    FIELD(log_payload_size, BOTH, BOTH),
    FIELD(handshake_timeout_ms, BOTH, SERVER),
    FIELD(max_handshake_size, BOTH, SERVER),
    FIELD(max_handshake_headers, BOTH, SERVER),
    FIELD(tcp_nodelay, BOTH, SERVER),
    FIELD(tcp_keepalive_s, BOTH, SERVER),
    FIELD(tcp_user_timeout_ms, BOTH, SERVER),
    FIELD(user_agent, CLIENT, 0),
    FIELD(local_address, CLIENT, 0),
    FIELD(resolver, CLIENT, CLIENT),
    FIELD(max_connecting, CLIENT, CLIENT),
    FIELD(queue_timeout_ms, CLIENT, CLIENT),
    FIELD(proxy, CLIENT, 0),
    FIELD(no_proxy, CLIENT, 0),
    FIELD(proxy_tls, CLIENT, 0),
    FIELD(proxy_auth, CLIENT, 0),
    FIELD(auth, CLIENT, 0),
    FIELD(max_redirects, CLIENT, 0),
    FIELD(max_attempts, CLIENT, 0),
    FIELD(max_sessions, SERVER, SERVER),
    FIELD(max_sessions_per_address, SERVER, SERVER),
    FIELD(max_handshakes, SERVER, SERVER),
    FIELD(max_handshakes_per_address, SERVER, SERVER),
    FIELD(backlog, SERVER, SERVER),
    FIELD(reuse_port, SERVER, SERVER),
    FIELD(hosts, SERVER, 0),
    FIELD(host_count, SERVER, SERVER),
    FIELD(origins, SERVER, 0),
    FIELD(origin_count, SERVER, 0),
    FIELD(subprotocol_policy, SERVER, 0),
    FIELD(forwarded, SERVER, SERVER),
    FIELD(deflate_memory_max, SERVER, SERVER),
    FIELD(trusted_proxies, SERVER, 0),
    FIELD(trusted_proxy_count, SERVER, SERVER),
};

enum { FIELDS = sizeof fields / sizeof *fields };

static const void *value_of(const wsuv_config_t *c, const config_field *f) {
  return (const char *) c + f->at;
}

/* A configuration of the other role is refused, as it would be used by mistake: a client would not
   mask, for example. */
static int check_role(const wsuv_config_t *c, ws_role role, ws_why *why) {
  static const char zero[sizeof(uint64_t)];
  for (size_t i = 0; i < FIELDS; i++) {
    const config_field *f = &fields[i];
    if ((f->roles & 1U << role) == 0 && memcmp(value_of(c, f), zero, f->size) != 0) {
      return ws_why_set(why, WS_EINVAL, "%s is a field of a %s", f->name,
                        role == WS_CLIENT ? "server" : "client");
    }
  }
  return 0;
}

static bool same_allocator(const wsuv_allocator_t *a, const wsuv_allocator_t *b) {
  return a == NULL || (a->malloc == b->malloc && a->realloc == b->realloc && a->free == b->free &&
                       a->arg == b->arg);
}

/* Both were checked, and are of the same length. */
static bool same_list(const char *const *a, const char *const *b, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(a[i], b[i]) != 0) return false;
  }
  return true;
}

/* All sessions share the allocator, the pool of random bytes, the log, and what else belongs to the
   endpoint as a whole. */
static int check_whole(const wsuv_config_t *c, ws_role role, const wsuv_config_t *endpoint,
                       ws_why *why) {
  const char *other = same_allocator(c->allocator, endpoint->allocator) ? NULL : "allocator";
  for (size_t i = 0; i < FIELDS && other == NULL; i++) {
    const config_field *f = &fields[i];
    bool whole = (f->whole & 1U << role) != 0;
    if (whole && memcmp(value_of(c, f), value_of(endpoint, f), f->size) != 0) other = f->name;
  }
  if (other == NULL && !same_list(c->hosts, endpoint->hosts, c->host_count)) other = "hosts";
  if (other == NULL &&
      !same_list(c->trusted_proxies, endpoint->trusted_proxies, c->trusted_proxy_count)) {
    other = "trusted_proxies";
  }
  if (other == NULL) return 0;
  return ws_why_set(why, WS_EINVAL, "%s is not that of the %s", other,
                    role == WS_CLIENT ? "client" : "server");
}

/* Checks */

static bool limits_set(const wsuv_config_t *c) {
  return c->max_frame_size > 0 && c->max_message_size > 0 && c->max_message_fragments > 0 &&
         c->outgoing_max > 0 && c->high_water > 0 && c->handshake_timeout_ms > 0 &&
         c->close_timeout_ms > 0 && c->close_deadline_ms > 0 && c->max_handshake_size > 0 &&
         c->max_handshake_headers > 0;
}

/* An enum from the caller may hold any integer. */
static bool choices_known(const wsuv_config_t *c) {
  int policy = (int) c->outgoing_policy, level = (int) c->log_level, resolver = (int) c->resolver;
  int subprotocol = (int) c->subprotocol_policy, forwarded = (int) c->forwarded;
  return (policy == WSUV_OUTGOING_SUSPEND || policy == WSUV_OUTGOING_CLOSE) &&
         level >= WSUV_LOG_ERROR && level <= WSUV_LOG_TRACE && resolver >= WSUV_RESOLVER_AUTO &&
         resolver <= WSUV_RESOLVER_SYSTEM && subprotocol >= WSUV_SUBPROTOCOL_DEFAULT &&
         subprotocol <= WSUV_SUBPROTOCOL_OPTIONAL && forwarded >= WSUV_FORWARDED_NONE &&
         forwarded <= WSUV_FORWARDED_RFC7239;
}

static bool allocator_whole(const wsuv_allocator_t *a) {
  return a == NULL || (a->malloc != NULL && a->realloc != NULL && a->free != NULL);
}

static int check_socket(const wsuv_config_t *c) {
  struct sockaddr_storage local;
  if (c->tcp_keepalive_s > KEEPALIVE_MAX_S || c->tcp_user_timeout_ms > INT_MAX) return WS_EINVAL;
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

/* What only a server has. */

static bool server_limits_set(const wsuv_config_t *c) {
  return c->max_sessions > 0 && c->max_handshakes > 0 && c->max_handshakes_per_address > 0 &&
         c->backlog > 0 && c->backlog <= INT_MAX;
}

static int check_patterns(const char *const *list, size_t count,
                          const char *(*wrong)(const char *pattern), ws_why *why) {
  if (count > 0 && list == NULL) return WS_EINVAL;
  for (size_t i = 0; i < count; i++) {
    if (list[i] == NULL) return WS_EINVAL;
    const char *fault = wrong(list[i]);
    if (fault != NULL) return ws_why_set(why, WS_EINVAL, "pattern \"%s\": %s", list[i], fault);
  }
  return 0;
}

static int check_server(const wsuv_config_t *c, ws_why *why) {
  if (!server_limits_set(c)) return WS_EINVAL;
  if (c->forwarded != WSUV_FORWARDED_NONE && c->trusted_proxy_count == 0) {
    return ws_why_set(why, WS_EINVAL, "forwarded without trusted_proxies");
  }
  int err = check_patterns(c->hosts, c->host_count, host_pattern_wrong, why);
  if (err < 0) return err;
  err = check_patterns(c->origins, c->origin_count, origin_pattern_wrong, why);
  if (err < 0) return err;
  return check_patterns(c->trusted_proxies, c->trusted_proxy_count, address_range_wrong, why);
}

/* What only a client has. */

static bool auth_known(wsuv_auth_t auth) {
  return (int) auth >= WSUV_AUTH_BASIC && (int) auth <= WSUV_AUTH_ANY;
}

static int check_client(const wsuv_config_t *c, ws_why *why) {
  const wsuv_allocator_t *alloc = c->allocator != NULL ? c->allocator : &ws_alloc_libc;
  const proxy_choice choice = {c->proxy, c->no_proxy, c->proxy_auth};
  if (!auth_known(c->proxy_auth) || !auth_known(c->auth)) return WS_EINVAL;
  if (c->max_attempts == 0) return WS_EINVAL;
  int err = c->proxy_tls != NULL ? tls_config_check(c->proxy_tls, WS_CLIENT, why) : 0;
  return err < 0 ? err : proxies_check(alloc, &choice, why);
}

int config_check(const wsuv_config_t *config, ws_role role, ws_why *why) {
  int err = check_role(config, role, why);
  if (err < 0) return err;
  if (!limits_set(config) || config->low_water > config->high_water) return WS_EINVAL;
  if (!choices_known(config) || !allocator_whole(config->allocator)) return WS_EINVAL;
  if (config->header_count > 0 && config->headers == NULL) return WS_EINVAL;
  if (config->subprotocol_count > 0 && config->subprotocols == NULL) return WS_EINVAL;
  if (config->tls != NULL) err = tls_config_check(config->tls, role, why);
  if (err == 0) err = check_socket(config);
  if (err == 0) err = role == WS_SERVER ? check_server(config, why) : check_client(config, why);
  return err < 0 ? err : check_handshake(config, why);
}

int config_check_own(const wsuv_config_t *config, ws_role role, const wsuv_config_t *endpoint,
                     ws_why *why) {
  int err = config_check(config, role, why);
  return err < 0 ? err : check_whole(config, role, endpoint, why);
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

static int copy_list(const char *const **copy, size_t *copy_count, const wsuv_allocator_t *alloc,
                     const char *const *from, size_t count) {
  const char **list = new_array(alloc, count, sizeof *list);
  if (list == NULL) return count == 0 ? 0 : WS_ENOMEM;
  *copy = list;
  *copy_count = count;
  for (size_t i = 0; i < count; i++) {
    list[i] = ws_strdup(alloc, from[i]);
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

static int copy_lists(wsuv_config_t *copy, const wsuv_allocator_t *alloc, const wsuv_config_t *c) {
  int err = copy_headers(copy, alloc, c);
  if (err == 0) {
    err = copy_list(&copy->subprotocols, &copy->subprotocol_count, alloc, c->subprotocols,
                    c->subprotocol_count);
  }
  if (err == 0) err = copy_list(&copy->hosts, &copy->host_count, alloc, c->hosts, c->host_count);
  if (err == 0) {
    err = copy_list(&copy->origins, &copy->origin_count, alloc, c->origins, c->origin_count);
  }
  if (err < 0) return err;
  return copy_list(&copy->trusted_proxies, &copy->trusted_proxy_count, alloc, c->trusted_proxies,
                   c->trusted_proxy_count);
}

int config_copy(wsuv_config_t *copy, const wsuv_allocator_t *alloc, const wsuv_config_t *config) {
  *copy = *config;
  copy->headers = NULL;
  copy->subprotocols = copy->hosts = copy->origins = copy->trusted_proxies = NULL;
  copy->user_agent = copy->local_address = copy->proxy = copy->no_proxy = NULL;
  copy->converter = NULL;
  copy->tls = copy->proxy_tls = NULL;
  copy->extensions = NULL; /* the endpoint sets them after it has installed them */
  copy->header_count = copy->subprotocol_count = copy->host_count = copy->origin_count = 0;
  copy->trusted_proxy_count = 0;
  int err = copy_lists(copy, alloc, config);
  if (err == 0) err = copy_text(&copy->user_agent, alloc, config->user_agent);
  if (err == 0) err = copy_text(&copy->local_address, alloc, config->local_address);
  if (err == 0) err = copy_text(&copy->proxy, alloc, config->proxy);
  if (err == 0) err = copy_text(&copy->no_proxy, alloc, config->no_proxy);
  if (err == 0) err = config_new_tls(&copy->proxy_tls, alloc, config->proxy_tls);
  if (err == 0) err = copy_converter(&copy->converter, alloc, config->converter);
  if (err == 0) err = config_new_tls(&copy->tls, alloc, config->tls);
  if (err < 0) config_free(copy, alloc);
  return err;
}

/* The copy owns what it points to, but the pointers of the public structure are const. */
static void free_const(const wsuv_allocator_t *alloc, const void *p) {
  ws_free(alloc, (void *) (uintptr_t) p);
}

/* It may have passwords or tokens. */
static void free_secret(const wsuv_allocator_t *alloc, const char *text) {
  if (text != NULL) ws_wipe((void *) (uintptr_t) text, strlen(text));
  free_const(alloc, text);
}

static void free_list(const wsuv_allocator_t *alloc, const char *const *list, size_t count) {
  for (size_t i = 0; i < count; i++) free_secret(alloc, list[i]);
  free_const(alloc, list);
}

void config_free(wsuv_config_t *copy, const wsuv_allocator_t *alloc) {
  for (size_t i = 0; i < copy->header_count; i++) {
    free_const(alloc, copy->headers[i].name);
    free_secret(alloc, copy->headers[i].value);
  }
  free_const(alloc, copy->headers);
  free_list(alloc, copy->subprotocols, copy->subprotocol_count);
  free_list(alloc, copy->hosts, copy->host_count);
  free_list(alloc, copy->origins, copy->origin_count);
  free_list(alloc, copy->trusted_proxies, copy->trusted_proxy_count);
  free_const(alloc, copy->user_agent);
  free_const(alloc, copy->local_address);
  free_secret(alloc, copy->proxy);
  free_const(alloc, copy->no_proxy);
  free_const(alloc, copy->converter);
  config_free_tls(copy->tls, alloc);
  config_free_tls(copy->proxy_tls, alloc);
  memset(copy, 0, sizeof *copy);
}
