#ifndef WS_NET_TLS_OPENSSL_OSSL_TICKETS_H
#define WS_NET_TLS_OPENSSL_OSSL_TICKETS_H

/* The keys of a server's session tickets, which change. */

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <openssl/ssl.h>

enum { OSSL_TICKET_NAME = 16, OSSL_TICKET_KEY = 32 };

typedef struct ossl_ticket_key {
  bool made;                       /* The rest is filled in. */
  uint8_t name[OSSL_TICKET_NAME];  /* A ticket says with this which key it is encrypted with. */
  uint8_t cipher[OSSL_TICKET_KEY]; /* This is the key of the cipher, AES-256-CBC. */
  uint8_t mac[OSSL_TICKET_KEY];    /* This is the key of HMAC-SHA256. */
  time_t since;                    /* The key encrypts tickets since this time. */
} ossl_ticket_key;

/* Starts zeroed. */
typedef struct ossl_tickets {
  ossl_ticket_key keys[2]; /* The first encrypts tickets; the second is the one before it. */
  unsigned lifetime_s;     /* Tickets, and the first key, are good for this time. */
} ossl_tickets;

/* Let a server give tickets. false: no memory. */
bool ossl_tickets_use(ossl_tickets *t, SSL_CTX *ssl, unsigned lifetime_s);

void ossl_tickets_wipe(ossl_tickets *t); /* overwrite the keys */

#endif
