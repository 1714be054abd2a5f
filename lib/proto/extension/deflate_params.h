#ifndef WS_PROTO_EXTENSION_DEFLATE_PARAMS_H
#define WS_PROTO_EXTENSION_DEFLATE_PARAMS_H

/* Negotiation of permessage-deflate (RFC 7692 7.1): options and parameters, and the settings that
   result. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/deflate.h>

enum { DEFLATE_BITS_MIN = 8, DEFLATE_BITS_MAX = 15 };

/* How the messages of one side are compressed. */
typedef struct deflate_way {
  uint8_t bits;  /* The compressor's window has 2 to the power of `bits` bytes. */
  bool takeover; /* The window is kept from one message to the next. */
} deflate_way;

typedef struct deflate_agreement {
  deflate_way server, client; /* The server and the client compress their messages in these ways. */
} deflate_agreement;

/* 0, or WS_EINVAL: out of range. */
int deflate_options_check(const wsuv_deflate_options_t *options);

/* Write the parameters of a client's only offer. 0, or an error as wsuv_extension_put. */
int deflate_params_offer(const wsuv_deflate_options_t *options, wsuv_extension_params_t *params);

/* Client: check the parameters of the response. 0, or WSUV_EEXTENSION with *why. */
int deflate_params_accept(const wsuv_deflate_options_t *options,
                          const wsuv_extension_param_t *params, size_t count,
                          deflate_agreement *agreement, const char **why);

/* Server: check an offer and write the parameters of the response. 1; 0: decline the offer (RFC
   7692 7.1); or an error as wsuv_extension_put. */
int deflate_params_answer(const wsuv_deflate_options_t *options,
                          const wsuv_extension_param_t *params, size_t count,
                          wsuv_extension_params_t *answer, deflate_agreement *agreement);

#endif
