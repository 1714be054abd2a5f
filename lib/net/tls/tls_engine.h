#ifndef WS_NET_TLS_TLS_ENGINE_H
#define WS_NET_TLS_TLS_ENGINE_H

/* One session of TLS as memory in, memory out: no socket, no clock, no callback. Which library is
   behind it does not show. It is pulled: what came from the network is fed, then handshake or read
   is called until it says WS_EAGAIN; what it wants to have sent lies in a queue.

   An idle engine holds no memory but for the library's. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bufq.h"
#include "base/view.h"
#include "net/tls/tls_context.h"
#include "net/tls/tls_info.h"

typedef struct tls_engine tls_engine;

/* For a peer that was reached as host and port: the host is whom the certificate must be for, if
   the configuration names nobody else, and both are what a session is found by that may be resumed.
   A server gives NULL and 0. 0; WSUV_ETLS or WS_ENOMEM. */
int tls_engine_new(tls_engine **out, tls_context *ctx, const char *host, uint16_t port);
void tls_engine_free(tls_engine *e); /* NULL is fine */

/* Ciphertext from the network: borrowed until it is eaten or kept. All that was fed before has
   been eaten; tls_engine_read that says WS_EAGAIN, or fails, has done so. */
void tls_engine_feed(tls_engine *e, const uint8_t *data, size_t len);

/* Make a copy of what was not eaten: its memory is wanted elsewhere. 0 or WS_ENOMEM. */
int tls_engine_keep(tls_engine *e);

/* Whether there may be something to read without more being fed. */
bool tls_engine_pending(const tls_engine *e);

/* The network has come to its end. */
void tls_engine_eof(tls_engine *e);

/* 0: it is done, and the peer is who it must be; WS_EAGAIN: more must be fed; or a code, for good:
   WSUV_ETLSVERIFY, WSUV_ETLSPIN, WSUV_ETLSTRUNCATED, WSUV_ETLS, WSUV_ERANDOM, WS_ENOMEM. */
int tls_engine_handshake(tls_engine *e);

/* Plaintext, as much as there is: 1 to len bytes; WS_EAGAIN; WS_EOF: the peer has said that there
   is no more; WSUV_ETLSTRUNCATED: the network has ended without that; or another code, for good.
   len >= 1; after the handshake only. */
ptrdiff_t tls_engine_read(tls_engine *e, uint8_t *buf, size_t len);

/* Encrypt what is in `bufs` behind the first `skip` bytes, small pieces gathered into large
   records, but no more than a batch of WS_FILTER_RETAIN_MAX bytes of ciphertext. 0, with 1 byte
   taken at least, if there is one; or a code, for good. */
int tls_engine_write(tls_engine *e, const ws_view *bufs, size_t count, size_t skip, size_t *taken);

/* Say that nothing more will be sent (close_notify), once, if that still can be said. */
void tls_engine_close(tls_engine *e);

/* Ciphertext for the network, in front of which tls_engine_sent takes away. */
const bufq *tls_engine_output(const tls_engine *e);
void tls_engine_sent(tls_engine *e, size_t n);

/* At any time; valid until anything else is done with the engine. */
void tls_engine_info(const tls_engine *e, tls_info *tls);

#endif
