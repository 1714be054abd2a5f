#ifndef WS_SESSION_CONFIG_H
#define WS_SESSION_CONFIG_H

/* The configuration: default values, checks, and the copy that an endpoint keeps. */

#include <wsuv/config.h>
#include <wsuv/converter.h>

#include "base/alloc.h"

/* A caller's configuration, and copies of those parts that have another size than today's. */
typedef struct config_input {
  /* This is the configuration; its pointers still lead to the caller's memory, except to the two
     below. */
  wsuv_config_t config;
  /* `config.tls` points here if the caller's TLS configuration has another size. */
  wsuv_tls_config_t tls;
  /* `config.converter` points here if the caller's converter has another size. */
  wsuv_converter_t converter;
} config_input;

/* Read a caller's configuration into one of today's size, together with the structures that it
   points to, except extensions. Structures of today's size are not copied. 0 or WSUV_ESIZE. */
int config_read(config_input *to, const wsuv_config_t *from);

/* Fill in a caller's structure of `size` bytes. */
void config_output(wsuv_config_t *to, size_t size, const wsuv_config_t *from);

/* 0; WS_EINVAL: a limit is 0 or out of range, low_water is above high_water, or the local address
   is malformed; WSUV_EINVAL_HEADER: a header field or subprotocol that may not be sent. */
int config_check(const wsuv_config_t *config);

/* Copy a configuration that was checked, with all that it points to except hooks. 0 or
   WS_ENOMEM. */
int config_copy(wsuv_config_t *copy, const wsuv_allocator_t *alloc, const wsuv_config_t *config);

/* The converter of a session: the endpoint's, or a copy of the session's own; and the release of
   that copy. */
int config_take_converter(const wsuv_converter_t **out, const wsuv_config_t *config,
                          const wsuv_config_t *endpoint, const wsuv_allocator_t *alloc);
void config_drop_converter(const wsuv_converter_t *converter, const wsuv_config_t *endpoint,
                           const wsuv_allocator_t *alloc);

void config_free(wsuv_config_t *copy, const wsuv_allocator_t *alloc);

#endif
