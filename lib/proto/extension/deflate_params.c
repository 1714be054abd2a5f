#include "proto/extension/deflate_params.h"

/* The four parameters of permessage-deflate: reading, checking, writing. Compresses nothing. */

#include <string.h>

#include "base/error.h"

enum { PARAM_COUNT = 4 };

typedef enum param_id { SERVER_NO_TAKEOVER, CLIENT_NO_TAKEOVER, SERVER_BITS, CLIENT_BITS } param_id;

static const char *const names[PARAM_COUNT] = {"server_no_context_takeover",
                                               "client_no_context_takeover",
                                               "server_max_window_bits", "client_max_window_bits"};

/* The parameters of one offer or response. */
typedef struct param_set {
  bool there[PARAM_COUNT];   /* By param_id: the parameter is there. */
  uint8_t bits[PARAM_COUNT]; /* By param_id: the parameter has this value, or 0 if it has none. */
} param_set;

/* Decimal without leading zeros, 8 to 15 (RFC 7692 7.1.2); else 0. */
static uint8_t read_bits(const char *s) {
  if (s[0] >= '8' && s[0] <= '9' && s[1] == '\0') return (uint8_t) (s[0] - '0');
  if (s[0] == '1' && s[1] >= '0' && s[1] <= '5' && s[2] == '\0') return (uint8_t) (10 + s[1] - '0');
  return 0;
}

static const char *read_param(param_set *set, const wsuv_extension_param_t *param) {
  int id = 0;
  while (id < PARAM_COUNT && strcmp(names[id], param->name) != 0) id++;
  if (id == PARAM_COUNT) return "unknown parameter of permessage-deflate";
  if (set->there[id]) return "repeated parameter of permessage-deflate";
  set->there[id] = true;
  if (param->value == NULL) return NULL;
  bool takes_value = id == SERVER_BITS || id == CLIENT_BITS;
  if (!takes_value) return "value of a context_takeover parameter";
  set->bits[id] = read_bits(param->value);
  return set->bits[id] == 0 ? "max_window_bits out of range" : NULL;
}

/* NULL, or what is wrong. Only client_max_window_bits may have no value, and only in an offer (RFC
   7692 7.1.2.2). */
static const char *read_params(param_set *set, const wsuv_extension_param_t *params, size_t count,
                               bool answer) {
  *set = (param_set){{false}, {0}};
  for (size_t i = 0; i < count; i++) {
    const char *wrong = read_param(set, &params[i]);
    if (wrong != NULL) return wrong;
  }
  if ((set->there[SERVER_BITS] && set->bits[SERVER_BITS] == 0) ||
      (answer && set->there[CLIENT_BITS] && set->bits[CLIENT_BITS] == 0)) {
    return "max_window_bits without a value";
  }
  return NULL;
}

static int put_params(wsuv_extension_params_t *out, const param_set *set) {
  int err = 0;
  for (int id = 0; id < PARAM_COUNT && err == 0; id++) {
    if (!set->there[id]) continue;
    unsigned bits = set->bits[id];
    char value[3] = {(char) ('0' + bits), '\0', '\0'};
    if (bits >= 10) {
      value[0] = '1';
      value[1] = (char) ('0' + bits - 10);
    }
    err = wsuv_extension_put(out, names[id], bits == 0 ? NULL : value);
  }
  return err;
}

static bool bits_in_range(unsigned bits) {
  return bits >= DEFLATE_BITS_MIN && bits <= DEFLATE_BITS_MAX;
}

int deflate_options_check(const wsuv_deflate_options_t *o) {
  bool good = o->level >= 0 && o->level <= 9 && o->mem_level >= 1 && o->mem_level <= 9 &&
              bits_in_range(o->server_max_window_bits) &&
              (o->client_max_window_bits == 0 || bits_in_range(o->client_max_window_bits)) &&
              o->max_inflated_size > 0;
  return good ? 0 : WS_EINVAL;
}

static uint8_t least(unsigned a, unsigned b) {
  return (uint8_t) (a < b ? a : b);
}

/* The limit of the window in our options. For the client's window 0 stands for no limit. */
static unsigned limit(unsigned option) {
  return option == 0 ? DEFLATE_BITS_MAX : option;
}

int deflate_params_offer(const wsuv_deflate_options_t *o, wsuv_extension_params_t *params) {
  param_set set = {{false}, {0}};
  set.there[SERVER_NO_TAKEOVER] = o->server_no_context_takeover;
  set.there[CLIENT_NO_TAKEOVER] = o->client_no_context_takeover;
  set.there[SERVER_BITS] = o->server_max_window_bits < DEFLATE_BITS_MAX;
  set.bits[SERVER_BITS] = (uint8_t) o->server_max_window_bits;
  set.there[CLIENT_BITS] = o->client_max_window_bits != 0;
  bool limited = limit(o->client_max_window_bits) < DEFLATE_BITS_MAX;
  set.bits[CLIENT_BITS] = limited ? (uint8_t) o->client_max_window_bits : 0;
  return put_params(params, &set);
}

/* The response must contain what our offer requires of the server. NULL if it does. */
static const char *check_required(const wsuv_deflate_options_t *o, const param_set *set) {
  if (set->there[CLIENT_BITS] && o->client_max_window_bits == 0) {
    return "client_max_window_bits was not offered";
  }
  if (o->server_no_context_takeover && !set->there[SERVER_NO_TAKEOVER]) {
    return "server_no_context_takeover is missing";
  }
  if (o->server_max_window_bits == DEFLATE_BITS_MAX) return NULL;
  if (!set->there[SERVER_BITS]) return "server_max_window_bits is missing";
  bool above = set->bits[SERVER_BITS] > o->server_max_window_bits;
  return above ? "server_max_window_bits is above the one offered" : NULL;
}

/* The parameters that both sides use: those of the response, and the limits that we keep without
   telling the peer. */
static void agree(const param_set *set, deflate_agreement *agreement) {
  agreement->server.takeover = !set->there[SERVER_NO_TAKEOVER];
  agreement->client.takeover = !set->there[CLIENT_NO_TAKEOVER];
  agreement->server.bits = (uint8_t) limit(set->bits[SERVER_BITS]);
  agreement->client.bits = (uint8_t) limit(set->bits[CLIENT_BITS]);
}

int deflate_params_accept(const wsuv_deflate_options_t *o, const wsuv_extension_param_t *params,
                          size_t count, deflate_agreement *agreement, const char **why) {
  param_set set;
  const char *wrong = read_params(&set, params, count, true);
  if (wrong == NULL) wrong = check_required(o, &set);
  if (wrong != NULL) {
    *why = wrong;
    return WSUV_EEXTENSION;
  }
  agree(&set, agreement);
  if (o->client_no_context_takeover) agreement->client.takeover = false;
  agreement->client.bits = least(agreement->client.bits, limit(o->client_max_window_bits));
  return 0;
}

/* Whether an offer excludes takeover on both sides, and has no limits of windows. So does the one
   of Go's gorilla: it uses no takeover, and fails if the response does not say the same. */
static bool is_without_takeover(const param_set *set) {
  return set->there[SERVER_NO_TAKEOVER] && set->there[CLIENT_NO_TAKEOVER] &&
         !set->there[SERVER_BITS] && !set->there[CLIENT_BITS];
}

int deflate_params_answer(const wsuv_deflate_options_t *o, const wsuv_extension_param_t *params,
                          size_t count, wsuv_extension_params_t *answer,
                          deflate_agreement *agreement) {
  param_set set;
  if (read_params(&set, params, count, false) != NULL) return 0;
  /* In an offer it is a hint (RFC 7692 7.1.1.2). In the response it would forbid the client what
     makes short messages small. */
  set.there[CLIENT_NO_TAKEOVER] = o->client_no_context_takeover || is_without_takeover(&set);
  set.there[SERVER_NO_TAKEOVER] |= o->server_no_context_takeover;
  set.bits[SERVER_BITS] = least(limit(set.bits[SERVER_BITS]), o->server_max_window_bits);
  set.there[SERVER_BITS] |= set.bits[SERVER_BITS] < DEFLATE_BITS_MAX;
  /* It may only stand in the response if the client has offered it (RFC 7692 7.1.2.2). */
  bool may_limit = set.there[CLIENT_BITS] && o->client_max_window_bits != 0;
  set.bits[CLIENT_BITS] =
      may_limit ? least(limit(set.bits[CLIENT_BITS]), o->client_max_window_bits) : DEFLATE_BITS_MAX;
  set.there[CLIENT_BITS] = set.bits[CLIENT_BITS] < DEFLATE_BITS_MAX;
  agree(&set, agreement);
  int err = put_params(answer, &set);
  return err < 0 ? err : 1;
}
