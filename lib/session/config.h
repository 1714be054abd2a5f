#ifndef WS_SESSION_CONFIG_H
#define WS_SESSION_CONFIG_H

/* Configuration: defaults, validation, and the copy that a client keeps. */

#include <wsuv/config.h>
#include <wsuv/converter.h>

#include "base/alloc.h"

/* A configuration as it came from a program, and what of it had to be completed. */
typedef struct config_input {
  wsuv_config_t config;
  wsuv_tls_config_t tls;
  wsuv_converter_t converter;
} config_input;

/* Make it one of today's sizes, with all that it points to but its extensions; what has that size
   already is pointed to as before. 0 or WSUV_ESIZE. */
int config_read(config_input *to, const wsuv_config_t *from);

/* Fill in a caller's structure of `size` bytes. */
void config_output(wsuv_config_t *to, size_t size, const wsuv_config_t *from);

/* 0; WS_EINVAL: a limit of 0 or out of range, water marks the wrong way
   round, a local address that is none; WSUV_EINVAL_HEADER: a header or subprotocol that may not be
   sent. */
int config_check(const wsuv_config_t *config);

/* A copy with all that it points to, hooks apart; `config` was checked. 0 or WS_ENOMEM. */
int config_copy(wsuv_config_t *copy, const wsuv_allocator_t *alloc, const wsuv_config_t *config);

/* The converter of a session: that of the endpoint's configuration, or a copy of its own; and what
   that copy takes back. */
int config_take_converter(const wsuv_converter_t **out, const wsuv_config_t *config,
                          const wsuv_config_t *endpoint, const wsuv_allocator_t *alloc);
void config_drop_converter(const wsuv_converter_t *converter, const wsuv_config_t *endpoint,
                           const wsuv_allocator_t *alloc);

void config_free(wsuv_config_t *copy, const wsuv_allocator_t *alloc);

#endif
