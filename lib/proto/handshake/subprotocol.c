#include "proto/handshake/subprotocol.h"

/* Compares what is offered with what a server has. */

#include <stdbool.h>
#include <string.h>

size_t subprotocol_find(const subprotocol_offer *offer, const char *name) {
  const char *at = offer->names;
  size_t i = 0;
  while (i < offer->count && strcmp(at, name) != 0) {
    at += strlen(at) + 1;
    i++;
  }
  return i;
}

wsuv_refused_t subprotocol_choose(const subprotocol_offer *offer, const char *const *names,
                                  size_t count, wsuv_subprotocol_policy_t policy,
                                  const char **chosen, const char **detail) {
  *chosen = NULL;
  for (size_t i = 0; i < count && *chosen == NULL; i++) {
    if (subprotocol_find(offer, names[i]) < offer->count) *chosen = names[i];
  }
  bool optional = policy == WSUV_SUBPROTOCOL_OPTIONAL;
  if (count == 0 || *chosen != NULL || optional) return WSUV_REFUSED_NONE;
  if (offer->count == 0 && policy != WSUV_SUBPROTOCOL_REQUIRED) return WSUV_REFUSED_NONE;
  *detail = offer->count == 0 ? "no subprotocol was offered"
                              : "none of the offered subprotocols is supported";
  return WSUV_REFUSED_SUBPROTOCOL;
}
