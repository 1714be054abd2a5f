#ifndef WS_NET_TLS_TLS_ENGINE_H
#define WS_NET_TLS_TLS_ENGINE_H

/* One TLS session as memory in, memory out: no socket, no clock, no callback. Nothing here depends
   on the TLS library. The caller pulls: it feeds what came from the network, then calls handshake
   or read until that returns WS_EAGAIN; what is to be sent lies in a queue. An idle engine holds no
   memory except the library's. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bufq.h"
#include "base/view.h"
#include "net/tls/tls_context.h"
#include "net/tls/tls_info.h"

typedef struct tls_engine tls_engine;

/* For a peer that was reached by host and port. The certificate must be for the host, unless the
   configuration names another; both are the key under which a session is stored for resumption. A
   server passes NULL and 0. The library's memory is not taken yet. 0 or WS_ENOMEM. */
int tls_engine_new(tls_engine **out, tls_context *ctx, const char *host, uint16_t port);
void tls_engine_free(tls_engine *e); /* NULL is allowed */

/* Feed ciphertext from the network. It is borrowed until it is used or kept. Everything fed before
   must be used: tls_engine_read that returns WS_EAGAIN or an error has used it. */
void tls_engine_feed(tls_engine *e, const uint8_t *data, size_t len);

/* Copy what is not used yet, because its memory is needed. 0 or WS_ENOMEM. */
int tls_engine_keep(tls_engine *e);

/* Whether there may be plaintext to read without feeding more. */
bool tls_engine_pending(const tls_engine *e);

/* Whether everything that was fed is used, and more may come. */
bool tls_engine_is_dry(const tls_engine *e);

/* The network has ended. */
void tls_engine_eof(tls_engine *e);

enum { TLS_ENGINE_WORKED = 1 };

/* 0: the handshake is done, and the peer is verified as the context says; WS_EAGAIN: more must be
   fed; TLS_ENGINE_WORKED: a piece of work is done that counts, and the function must be called
   again, without feeding: the library's state of the session was made, or a step with public key
   work is done; or a code, for good: WSUV_ETLSVERIFY, WSUV_ETLSPIN, WSUV_ETLSTRUNCATED,
   WSUV_ETLSRECORD, WSUV_ENOTTLS, WSUV_ETLS, WSUV_ERANDOM, WS_ENOMEM. */
int tls_engine_handshake(tls_engine *e);

/* Read plaintext: 1 to len bytes; WS_EAGAIN; WS_EOF: the peer has sent close_notify;
   WSUV_ETLSTRUNCATED: the network has ended without it; WSUV_ETLSRECORD: too many records without
   data; WSUV_ETLSKEYUPDATE: a KeyUpdate, which the library does not take; or another code, for
   good. len >= 1; only after the handshake. */
ptrdiff_t tls_engine_read(tls_engine *e, uint8_t *buf, size_t len);

/* Encrypt `bufs` from byte `skip` on. Small pieces are gathered into large records; at most a batch
   of WS_FILTER_RETAIN_MAX bytes of ciphertext is made. 0, with at least 1 byte taken, if there is
   one; WS_EAGAIN: nothing can be written before more was read, because the peer is in the middle of
   a message of TLS; or a code, for good. */
int tls_engine_write(tls_engine *e, const ws_view *bufs, size_t count, size_t skip, size_t *taken);

/* Send close_notify, once, if that is still possible. If it cannot be made, the peer sees that the
   stream is cut off, and the error is that of all later writes. */
void tls_engine_close(tls_engine *e);

/* The queue of ciphertext for the network; tls_engine_sent consumes it. */
const bufq *tls_engine_output(const tls_engine *e);
void tls_engine_sent(tls_engine *e, size_t n);

/* May be called at any time. The result is valid until the engine is used again. */
void tls_engine_info(const tls_engine *e, tls_info *tls);

#endif
