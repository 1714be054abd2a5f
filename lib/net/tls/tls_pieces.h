#ifndef WS_NET_TLS_TLS_PIECES_H
#define WS_NET_TLS_TLS_PIECES_H

/* Pieces of plaintext, cut into records: small ones are gathered. Knows no TLS. */

#include <stddef.h>
#include <stdint.h>

#include "base/view.h"

/* A position in pieces of memory. */
typedef struct tls_pieces {
  const ws_view *bufs; /* This is the piece that is read now. */
  size_t count, off;   /* `count` pieces are left, and `off` bytes of the first one were read. */
} tls_pieces;

/* Go on by n bytes; there must be as many. */
void tls_pieces_skip(tls_pieces *p, size_t n);

/* The plaintext of the next record, at most `max` bytes, which may be in `scratch`, as large as
   that; empty at the end. */
ws_view tls_pieces_next(tls_pieces *p, uint8_t *scratch, size_t max);

#endif
