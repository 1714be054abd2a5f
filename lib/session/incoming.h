#ifndef WS_SESSION_INCOMING_H
#define WS_SESSION_INCOMING_H

/* A connection that a server has accepted, until it has a session or is closed: TLS, the request,
   the answer. It reads the request and writes the answer; what the answer is, its owner decides. It
   knows no session: to the session of an accepted request it is an opening. After the response to a
   plain request, which is one for something else than a WebSocket, the next request may come. One
   request at a time is read, so responses are in order.

       incoming_enter, incoming_begin
         -> on_request -> incoming_accept -> opening -> on_over
                       -> incoming_refuse -> on_over
                       -> incoming_respond [-> on_next -> on_request ...] -> on_over
                       -> incoming_detach -> on_over
                       -> on_gone -> on_over
         -> on_refused -> on_over */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/refusal.h>

#include "base/block.h"
#include "net/filter.h"
#include "net/tls/tls_context.h"
#include "proto/handshake/h1_server.h"
#include "session/address_counts.h"
#include "session/endpoint.h"
#include "session/forwarding.h"
#include "session/handshakes.h"
#include "session/opening.h"

/* A second for the peer to take an answer of ours, and then one to end. */
enum {
  INCOMING_ENDING_MS = 1000,
  INCOMING_EARLY_MAX = 64 * 1024 /* bytes behind the request that are read before the answer */
};

typedef struct incoming_conn incoming_conn;

/* Why a connection gets no session. */
typedef struct incoming_failure {
  wsuv_refused_t cause; /* This is the cause. */
  int code;             /* This is the error that belongs to it. */
  int status;           /* This is the status of the response; 0: there is none. */
  const char *detail;   /* This text says what was wrong, or is "". */
} incoming_failure;

/* The events of a connection, called from the loop. The owner may abandon the connection in each of
   them. */
typedef struct incoming_events {
  /* The request is complete, and the answer is owed: incoming_accept, or one of the functions below
     it, now or later. */
  void (*on_request)(incoming_conn *in);
  /* The connection ends without a session, and no answer is owed. */
  void (*on_refused)(incoming_conn *in, const incoming_failure *failure);
  /* The answer that is owed has become useless. on_refused follows, unless the server ends. Or,
     while the state is still INCOMING_DECIDING after it, the peer of a plain request has ended its
     direction: it may be gone, or wait for the response, which can still be given. */
  void (*on_gone)(incoming_conn *in);
  /* The response to a plain request has left, and the next request may come: the last one is
     forgotten, and incoming_take_plain may be called. The owner may end the connection. */
  void (*on_next)(incoming_conn *in);
  /* The connection is closed, or belongs to a session that has opened. Nothing of the endpoint but
     the allocator is used any more. The request can be read until incoming_free. */
  void (*on_over)(incoming_conn *in);
} incoming_events;

typedef enum incoming_state {
  INCOMING_READING,   /* the PROXY header, TLS, or the request is not complete */
  INCOMING_DECIDING,  /* the answer is owed */
  INCOMING_ACCEPTED,  /* the response 101 is written; the connection is a session's opening */
  INCOMING_ANSWERING, /* the response to a plain request is written */
  INCOMING_REFUSED,   /* a response is written, after which the connection ends */
  INCOMING_ENDING,    /* the peer has its answer, and what it sends is discarded */
  INCOMING_CLOSED     /* on_over follows or was called */
} incoming_state;

struct incoming_conn {
  opening base; /* This must be the first field, because of_opening converts its address. */
  const wsuv_allocator_t *alloc; /* This is the endpoint's allocator, which outlives the request. */
  endpoint *endpoint;            /* The connection came to this endpoint; NULL after on_over. */
  handshake_place place;         /* The connection waits with this for its deadlines. */
  address_counts *counts;        /* The connection is counted here under its address. */
  address_count *from;           /* These are the counts of its address, or NULL. */
  const incoming_events *events; /* The owner's functions are in this table. */
  h1_server *request;            /* The connection owns the request and the text of the answer. */
  const address_ranges *proxies; /* These are the trusted proxies. */
  forwarding client;             /* This is for whom the present request is. */
  forwarding of_connection;      /* This is what `client` is before a request's fields are read. */
  /* The connection owns this while it waits for the header of the PROXY protocol, or it is NULL. */
  struct incoming_header *header;
  block head;  /* With `takes_plain`, and without TLS, this is the request's head as it came. */
  block early; /* These bytes came behind the request before the answer was written. */
  endpoint_task next_task; /* The response has left, and this begins the next request. */
  ws_params *params; /* The connection owns the parameters of an accepted request, or it is NULL. */
  uint8_t state;     /* This is an incoming_state. */
  uint8_t answers;   /* This many requests of the connection were answered before this one. */
  bool secure;       /* The connection has TLS. */
  bool takes_plain;  /* The owner may answer a request that is plain. */
  bool persists;     /* The next request may come after the response that is written. */
  bool received;     /* A byte of the request has come. */
  bool reading;      /* The filter was told to read. */
  bool peer_ended;   /* The peer has ended its direction, or reading has failed. */
  bool abandoned;    /* The session of an accepted request has abandoned its opening. */
};

/* Returns 0; or WS_ENOMEM: nothing is allocated. */
int incoming_init(incoming_conn *in, endpoint *e, const incoming_events *events);

/* The connection begins with the header of the PROXY protocol. Returns 0; or WS_ENOMEM. */
int incoming_expect_header(incoming_conn *in);

/* Take a connection over: it takes a place in `h`, of the kind HANDSHAKE_READING or, if the request
   is known already, HANDSHAKE_GIVEN. `base.peer`, `proxies`, and of `client` the fields
   `trusted` and `secure` are set. No event comes before one of the next two functions, except if
   the connection ends. */
void incoming_enter(incoming_conn *in, ws_filter *filter, handshakes *h, handshake_kind kind);

/* From the loop: begin to read, with TLS unless `tls` is NULL. The connection is counted under the
   address of its client, once that is known, until a request for a WebSocket is complete, or the
   last response is written: as a handshake, or as a request while the answer to a plain one is
   owed. A trusted proxy is not counted, but what it asks for in the name of a client may be
   (incoming_count_request). */
void incoming_begin(incoming_conn *in, address_counts *counts, tls_context *tls);

/* The same with a request that is known: on_request, or its refusal if `request` has an error. */
void incoming_begin_deciding(incoming_conn *in, bool malformed);

/* The answer, whose text is in `request`, is 101: the connection is an opening from now on, and its
   session begins. The result of the handshake gets these parameters of the path, which may be NULL.
 */
opening *incoming_accept(incoming_conn *in, ws_params *params);

/* The answer is a response, whose text is in `request`, after which the connection ends. */
void incoming_refuse(incoming_conn *in);

/* The same with a body of the program's, which may be long: the peer has as long to take it as for
   a request. */
void incoming_refuse_at_length(incoming_conn *in);

/* Before a request is read: the owner may answer it if it is plain. It may have a body, and its
   head is kept as it came. */
void incoming_take_plain(incoming_conn *in);

/* The program will owe the answer to a plain request. If it is a trusted proxy's, count it under
   the client that the proxy has named, until it has its response. 0 or WS_ENOMEM. */
int incoming_count_request(incoming_conn *in);

/* The answers to so many plain requests of the client's address are owed; 0: it is not counted. */
static inline unsigned incoming_requests_of_address(const incoming_conn *in) {
  return in->from != NULL ? in->from->requests : 0;
}

/* Whether another request has come, or may come. */
static inline bool incoming_may_have_more(const incoming_conn *in) {
  return !in->peer_ended || in->early.len > 0;
}

/* The answer to a plain request is a response, whose text is in `request`. If the connection
   `persists`, the next request is read afterwards. */
void incoming_respond(incoming_conn *in, bool persists);

/* Give up the connection of a plain request: *fd is a descriptor of its socket, which becomes the
   caller's; *bytes has all that was read since the last response, and is valid until on_over. 0;
   WS_ENOTSUP: it has TLS, or no descriptor; WS_EAGAIN: the program's own writes have not left;
   WS_ENOMEM; or an error of the system. After an error
   the answer is still owed. */
int incoming_detach(incoming_conn *in, int *fd, const void **bytes, size_t *len);

/* Answer with the status of a failure and no body; 0, or no memory for it: close the connection.
   on_refused is called. */
void incoming_fail(incoming_conn *in, const incoming_failure *failure);

/* The server ends: an owed answer is 503, connections without a complete request are closed, and
   those that have their answer go on for a moment. `now`: all are closed without an answer. */
void incoming_end_all(handshakes *h, bool now);

/* The server drains: connections do not wait for requests after the one that they have. */
void incoming_drain_all(handshakes *h);

/* Make room for `coming` more connections of an address: close its oldest without a complete
   request, if there would be more than `max` of them. */
void incoming_make_room(handshakes *h, const address_counts *counts,
                        const struct sockaddr_storage *addr, unsigned max, unsigned coming);

void incoming_free(incoming_conn *in); /* frees what it has, not the structure itself */

#endif
