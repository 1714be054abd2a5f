#ifndef WS_NET_TLS_TLS_PARTS_H
#define WS_NET_TLS_TLS_PARTS_H

/* What the contexts and engines of all libraries have, for the files of this folder and of those
   below it. A library's own structure begins with one of these. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/bufq.h"
#include "base/role.h"
#include "net/tls/tls_config.h"
#include "net/tls/tls_flood.h"
#include "net/tls/tls_keylog.h"
#include "net/tls/tls_library.h"
#include "net/tls/tls_peer.h"
#include "net/tls/tls_sessions.h"

enum {
  TLS_RECORD_MAX =
      16 * 1024 -
      64, /* plaintext in a record, so that its ciphertext fills one chunk of the queue */
  TLS_BATCH_RECORDS =
      4, /* records encrypted before the socket is asked: WS_FILTER_RETAIN_MAX bytes */
  TLS_READ_SIZE = 64 * 1024,          /* ciphertext that is read at once */
  TLS_OUTPUT_MAX = 256 * 1024,        /* limit of the output; beyond it the connection fails */
  TLS_RECORD_HEADER_LEN = 5,          /* bytes (RFC 8446 5.1) */
  TLS_TICKET_LIFETIME_S = 2 * 60 * 60 /* a server's tickets, and their key, by default */
};

/* The protocols of ALPN if the configuration names none, ended by NULL. */
extern const char *const tls_default_alpn[];

typedef struct tls_context tls_context;
typedef struct tls_engine tls_engine;

struct tls_context {
  const tls_library *library;    /* The context is of this library. */
  const wsuv_allocator_t *alloc; /* The caller's allocator outlives the context. */
  unsigned refs; /* The context has this many references, and is freed when it has none. */
  ws_role role;  /* All sessions of the context have this role. */
  bool loaded;   /* Everything that the configuration names was read, so the context can be used. */
  wsuv_tls_config_t config; /* This is a deep copy of the configuration. */
  uint8_t *pins;         /* The context owns the pins, TLS_PIN_SIZE bytes each, or this is NULL. */
  tls_keylog keylog;     /* The secrets of all sessions are appended to this file, if it is open. */
  tls_sessions sessions; /* A client stores the sessions that it can resume here. */
  bufq_pool pool;        /* Queues of ciphertext take their chunks from this pool. */
  /* The context owns these TLS_RECORD_MAX bytes, in which small pieces become one record. */
  uint8_t *gather;
  /* The context owns these TLS_READ_SIZE bytes, into which all sessions read ciphertext. */
  uint8_t *read_buf;
};

struct tls_engine {
  tls_context *ctx; /* The engine has a reference to the context. */
  bufq out;         /* This is the ciphertext that is to be sent. */
  /* These bytes were fed and are not used yet; they are the caller's, or in `kept`. */
  const uint8_t *in;
  size_t in_len;           /* `in` has this many bytes. */
  uint8_t *kept;           /* The engine owns this copy of what was fed, or it is NULL. */
  int read_error;          /* Nothing more can be read because of this error, or it is 0. */
  int write_error;         /* Nothing more can be written because of this error, or it is 0. */
  bool set_up;             /* The library's state of the session was made. */
  bool network_ended;      /* The network has ended after what was fed. */
  bool input_exhausted;    /* The library has asked for more than was fed, and got nothing. */
  bool may_have_plaintext; /* The library may hold plaintext or records. */
  bool done;               /* The handshake is done. */
  bool given;              /* A session that can be resumed is stored. */
  bool offered;            /* A client has offered a session to resume. */
  bool wrong_pin;          /* The public key of the peer is not among the pinned ones. */
  bool close_said;         /* tls_engine_close has tried to send close_notify. */
  /* The engine owns this copy of the peer's certificate in DER, because the library may free one
     that is refused, and one that it cannot parse. It is NULL if none has come, if there was no
     memory for it, or if the library keeps it. */
  uint8_t *cert;
  size_t cert_len;     /* `cert` has this many bytes. */
  tls_peer peer;       /* The peer's certificate must be for this identity. */
  tls_failure failure; /* This is the error, for tls_engine_info. */
  tls_flood flood;     /* This counts what the peer sends without data. */
  uint16_t port;       /* The peer was reached on this port; 0 for a server. */
  char *host; /* The peer was reached by this host name, in the same block; "" for a server. */
};

/* Of contexts */

/* Whether one of the pins is that hash of a public key, of TLS_PIN_SIZE bytes, or there are none.
 */
bool tls_context_pins(const tls_context *ctx, const uint8_t *hash);

/* Whether its sessions ask for an OCSP response, and check one that comes. */
bool tls_context_wants_ocsp(const tls_context *ctx);

/* Of engines */

/* Take up to `len` bytes of what was fed. 0: there is nothing, and input_exhausted is set. */
size_t tls_engine_take_input(tls_engine *e, uint8_t *buf, size_t len);
void tls_engine_drop_input(tls_engine *e);

/* Queue ciphertext. 0; WS_ENOMEM; or WSUV_ETLSRECORD: the peer does not read its answers, and the
   flood is noted. */
int tls_engine_put_output(tls_engine *e, const uint8_t *buf, size_t len);

/* Keep the peer's certificate for tls_engine_info. It is not needed for anything else, so that the
   handshake goes on without memory for it. */
void tls_engine_keep_cert(tls_engine *e, const uint8_t *der, size_t len);
void tls_engine_drop_cert(tls_engine *e);

/* The engine has failed for good. A session that was offered may be why, so it is not offered
   again. Returns `status`. */
int tls_engine_end(tls_engine *e, int status);

/* As tls_engine_end, with words and the library's code. */
int tls_engine_end_with(tls_engine *e, int library_error, int status, const char *text);

/* The alert that goes with the error could not be made: the words of the error say so. */
void tls_engine_note_no_alert(tls_engine *e);

/* The public key of the server is not among the pinned ones. */
int tls_engine_reject_pin(tls_engine *e);

/* The peer speaks HTTP. */
int tls_engine_reject_http(tls_engine *e, int library_error);

/* Whether the beginning of a record, TLS_RECORD_HEADER_LEN bytes, is that of an HTTP message: of a
   response for a client, of a request, also of HTTP/2, for a server. */
bool tls_engine_is_http(const tls_engine *e, const uint8_t *header);

/* Whether its sessions can be resumed, and are stored. */
bool tls_engine_resumes(const tls_engine *e);

#endif
