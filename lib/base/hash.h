#ifndef WS_BASE_HASH_H
#define WS_BASE_HASH_H

/* Hash functions, as those who need them get them passed in: lib/proto has none of its own for
   security, and lib/net/tls provides those of the TLS library. */

#include <stddef.h>
#include <stdint.h>

#include "base/view.h"

typedef enum ws_hash_kind {
  WS_HASH_MD5,   /* RFC 1321 */
  WS_HASH_SHA256 /* FIPS 180-4 */
} ws_hash_kind;

enum { WS_HASH_SIZE_MAX = 32 }; /* bytes of the longest hash */

/* The number of bytes of a hash. */
static inline size_t ws_hash_size(ws_hash_kind kind) {
  return kind == WS_HASH_MD5 ? 16 : 32;
}

/* Hash `count` parts as if they were one text. 0; WS_ENOTSUP: there is no such function here;
   WS_ENOMEM. */
typedef int ws_hash_fn(ws_hash_kind kind, const ws_view *parts, size_t count,
                       uint8_t hash[WS_HASH_SIZE_MAX]);

#endif
