#ifndef WS_NET_TLS_TLS_LIBRARY_H
#define WS_NET_TLS_TLS_LIBRARY_H

/* A TLS library as functions: what a folder for one library gives to the files of this folder,
   which are the same for all of them. A configuration says which library its contexts use; nothing
   above knows which it is. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/tls.h>

#include "base/hash.h"
#include "base/view.h"
#include "base/why.h"
#include "net/tls/tls_failure.h"
#include "net/tls/tls_info.h"
#include "net/tls/tls_sessions.h"

struct tls_context;
struct tls_engine;

typedef struct tls_library {
  wsuv_tls_library_t id; /* Error codes are of this library. */
  bool (*has_1_3)(void); /* Whether it has TLS 1.3. */

  /* Check the cipher suites of a configuration. 0; WS_EINVAL: an unknown name, or none that the
     library has. */
  int (*check_suites)(const wsuv_tls_config_t *config, ws_why *why);
  /* Check the options of a configuration that not every library has. 0; WSUV_ETLSOPTION: it does
     not have one of them, which *why names. */
  int (*check_options)(const wsuv_tls_config_t *config, ws_why *why);
  ws_hash_fn *hash; /* These are its hash functions. */

  size_t context_size; /* Its contexts have this size; they begin with struct tls_context. */
  /* As tls_context_load. What all contexts have is there already. After an error `context_unload`
     is called. */
  int (*context_load)(struct tls_context *ctx, tls_failure *failure);
  /* Free what context_load has made, all of it or a part. */
  void (*context_unload)(struct tls_context *ctx);
  tls_session_drop *session_drop; /* As tls_sessions has it, for the sessions of a context. */

  size_t engine_size; /* Its engines have this size; they begin with struct tls_engine. */
  /* Make the library's state of a session, once, before the handshake. 0 or a code. */
  int (*engine_set_up)(struct tls_engine *e);
  void (*engine_free)(struct tls_engine *e); /* also if it was not set up */
  /* As tls_engine_handshake, for an engine that is set up and has not failed. */
  int (*engine_handshake)(struct tls_engine *e);
  /* A step of it with public key work costs as much of TLS_TURN_BUDGET (net/tls/tls.h); and so does
     engine_set_up, which takes less time than that. */
  unsigned step_cost;
  /* Read once: the number of bytes; 0: there is nothing more now, or read_error is set. */
  size_t (*engine_read)(struct tls_engine *e, uint8_t *buf, size_t len);
  /* Encrypt all of it, at most TLS_RECORD_MAX bytes. 0; WS_EAGAIN: nothing can be written before
     more was read; or a code, for good. */
  int (*engine_write)(struct tls_engine *e, const ws_view *record);
  void (*engine_save)(struct tls_engine *e); /* Store a session that has come, if one has. */
  int (*engine_close)(struct tls_engine *e); /* Send close_notify. 0, or a code. */
  /* Whether the library holds bytes that it has read ahead. */
  bool (*engine_buffers)(const struct tls_engine *e);
  /* Fill in what was negotiated, peer_cert if the library has it, verify_flags, and `given`. */
  void (*engine_info)(const struct tls_engine *e, tls_info *info);
} tls_library;

/* The libraries, each defined in its folder. A build has one of them or both. */
extern const tls_library tls_library_mbedtls, tls_library_openssl;

/* The library for a configuration that asks for `id`; NONE: the default. NULL: this build does not
   have it. */
const tls_library *tls_library_for(wsuv_tls_library_t id);

/* Whether the library for `id` has TLS 1.3. */
bool tls_library_has_1_3(wsuv_tls_library_t id);

/* The hash functions of the default library. */
ws_hash_fn tls_library_hash;

#endif
