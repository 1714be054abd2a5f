#ifndef WS_PROTO_EXTENSION_DEFLATE_PARAMS_H
#define WS_PROTO_EXTENSION_DEFLATE_PARAMS_H

/* Negotiating permessage-deflate (RFC 7692 7.1): options, parameters, and what follows from both.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/deflate.h>

enum { DEFLATE_BITS_MIN = 8, DEFLATE_BITS_MAX = 15 };

/* How one side's messages are compressed. */
typedef struct deflate_way {
  uint8_t bits;  /* of the window */
  bool takeover; /* the window lives on from one message to the next */
} deflate_way;

typedef struct deflate_agreement {
  deflate_way server, client;
} deflate_agreement;

/* 0, or WS_EINVAL: out of range. */
int deflate_options_check(const wsuv_deflate_options_t *options);

/* Put the parameters of a client's only offer. 0, or as wsuv_extension_put. */
int deflate_params_offer(const wsuv_deflate_options_t *options, wsuv_extension_params_t *params);

/* Client: judge the answer to it. 0 or WSUV_EEXTENSION, *why says why. */
int deflate_params_accept(const wsuv_deflate_options_t *options,
                          const wsuv_extension_param_t *params, size_t count,
                          deflate_agreement *agreement, const char **why);

/* Server: judge an offer, and put the parameters of the answer. 1; 0: the offer is to be declined
   (RFC 7692 7.1); or as wsuv_extension_put. */
int deflate_params_answer(const wsuv_deflate_options_t *options,
                          const wsuv_extension_param_t *params, size_t count,
                          wsuv_extension_params_t *answer, deflate_agreement *agreement);

#endif
