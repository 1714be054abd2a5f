#ifndef TEST_HOP_PEERS_H
#define TEST_HOP_PEERS_H

/* Servers at two origins, each of which answers one request on a connection as it is told; and what
   they have got. */

#include "support/raw_peer.h"
#include "support/session_user.h"

enum { HOP_ANSWERS = 128, HOP_TEXT = 2048 };

typedef struct hop_peer {
  raw_peer *raw;
  char name;                      /* 'A' or 'B' */
  char answers[HOP_ANSWERS][512]; /* in order; after them comes 101 */
  size_t answer_count;
  size_t requests;                                 /* that have come */
  char got[4][HOP_TEXT];                           /* the first ones of them */
  void (*choose)(raw_conn *c, struct hop_peer *p); /* answers in place of all this */
} hop_peer;

typedef struct hop_peers {
  hop_peer a, b;
} hop_peers;

/* Start both, A perhaps at a Unix socket. Make a user, too, whose client hop_connect makes with
   u->config. "%A" and "%B" in an answer become "ws://127.0.0.1:PORT", or wss. */
void hop_peers_begin(hop_peers *p, world *w, session_user *u);
void hop_peers_begin_unix(hop_peers *p, world *w, session_user *u, const char *path);
void hop_peers_answer(hop_peers *p, hop_peer *peer, const char *text);

/* What a session of the test's does besides those of session_user. */
int hop_connect(session_user *u, const wsuv_request_t *request,
                bool (*on_redirect)(wsuv_session_t *session, const wsuv_redirect_t *redirect),
                void (*on_unauthorized)(wsuv_session_t *session,
                                        const wsuv_unauthorized_t *refusal));

/* Close an open session from our side, and finish. */
void hop_close(session_user *u);

#endif
