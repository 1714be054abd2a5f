#ifndef WS_NET_TLS_TLS_FLOOD_H
#define WS_NET_TLS_TLS_FLOOD_H

/* Counts what a peer sends without data, of which TLS libraries take many: alerts that are not
   fatal, empty records, change_cipher_spec in TLS 1.3, session tickets, requests to renegotiate. */

#include <stdbool.h>
#include <stddef.h>

enum { TLS_DATALESS_MAX = 64 }; /* as many records and messages without data are taken in a row */

typedef enum tls_flood_kind {
  TLS_FLOOD_NONE,
  TLS_FLOOD_DATALESS, /* More than TLS_DATALESS_MAX in a row have come. */
  TLS_FLOOD_UNREAD    /* The peer does not read the answers that it makes us send. */
} tls_flood_kind;

typedef struct tls_flood {
  unsigned dataless;   /* So many records and messages have begun since the last data. */
  unsigned messages;   /* So many messages of the current record were handled. */
  tls_flood_kind kind; /* This is the flood that ends the connection, if there is one. */
} tls_flood;

/* A record begins: its type is not known yet, so it is counted as one without data. false: too many
   were before it, and it must not be read. */
bool tls_flood_add_record(tls_flood *f);

/* A message that is not data was handled. One record can hold thousands of them: all behind its
   first are counted. false: there are too many. */
bool tls_flood_add_message(tls_flood *f);

/* Data has come, or a message that the handshake needs. */
void tls_flood_reset(tls_flood *f);

/* The flood in words: "more than 64 TLS records in a row without data, the last one an alert". NULL
   for `last`: it is not known. */
void tls_flood_describe(const tls_flood *f, const char *last, char *text, size_t size);

#endif
