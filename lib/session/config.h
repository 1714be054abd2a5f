#ifndef WS_SESSION_CONFIG_H
#define WS_SESSION_CONFIG_H

/* The configuration: default values, checks, and the copy that an endpoint keeps. */

#include <wsuv/config.h>
#include <wsuv/converter.h>

#include "base/alloc.h"
#include "base/role.h"
#include "base/why.h"

/* A caller's configuration, and copies of those parts whose size is not that of the current
   version. */
typedef struct config_input {
  /* This is the configuration. Its pointers still point to the caller's memory; only `tls`,
     `proxy_tls` and `converter` may point to the fields below. */
  wsuv_config_t config;
  /* `config.tls` points here if the caller's TLS configuration has another size. */
  wsuv_tls_config_t tls;
  /* `config.proxy_tls` points here if the caller's TLS configuration has another size. */
  wsuv_tls_config_t proxy_tls;
  /* `config.converter` points here if the caller's converter has another size. */
  wsuv_converter_t converter;
} config_input;

/* Read a caller's configuration into a structure of the current size, together with the structures
   that it points to, except extensions. Structures that have the current size are not copied. The
   fields that an older caller does not have get the defaults of the role; NULL: all of them.
   Returns 0 or WSUV_ESIZE, with *why. */
int config_read(config_input *to, ws_role role, const wsuv_config_t *from, ws_why *why);

/* Fill in a caller's structure of `size` bytes. */
void config_output(wsuv_config_t *to, size_t size, const wsuv_config_t *from);

/* Check the configuration of an endpoint. Returns 0; WS_EINVAL: a limit is 0 or out of range,
   low_water is above high_water, a policy, the log level or the resolver is unknown, the allocator
   lacks a function, the local address is malformed, a list is NULL but its count is not 0, a host
   or an origin is no pattern, the TLS configuration is wrong, or a field of the other role is set;
   WS_EPROTONOSUPPORT: the TLS library has none of the allowed versions; WSUV_EINVAL_HEADER: a
   header field or subprotocol may not be sent; *why says which. */
int config_check(const wsuv_config_t *config, ws_role role, ws_why *why);

/* Check the configuration of a request, a route or a decision: as config_check, and WS_EINVAL if a
   field of the whole is not as `endpoint`, the configuration of the client or the server, has it;
   *why says which. The allocator may also be NULL. */
int config_check_own(const wsuv_config_t *config, ws_role role, const wsuv_config_t *endpoint,
                     ws_why *why);

/* Copy a configuration that was checked, with all that it points to. Hooks keep their pointers, and
   the copy has no extensions. Returns 0 or WS_ENOMEM. */
int config_copy(wsuv_config_t *copy, const wsuv_allocator_t *alloc, const wsuv_config_t *config);

/* config_new_tls makes a deep copy of a TLS configuration that was checked; NULL is copied as NULL.
   0 or WS_ENOMEM. config_free_tls frees it. */
int config_new_tls(const wsuv_tls_config_t **copy, const wsuv_allocator_t *alloc,
                   const wsuv_tls_config_t *from);
void config_free_tls(const wsuv_tls_config_t *copy, const wsuv_allocator_t *alloc);

void config_free(wsuv_config_t *copy, const wsuv_allocator_t *alloc);

#endif
