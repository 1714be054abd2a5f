#ifndef WS_NET_TLS_OPENSSL_OSSL_HASH_H
#define WS_NET_TLS_OPENSSL_OSSL_HASH_H

#include "base/hash.h"

/* OpenSSL's hash functions. */
ws_hash_fn ossl_hash;

#endif
