#ifndef WS_SESSION_CLOSING_H
#define WS_SESSION_CLOSING_H

/* What is known of the closing handshake (RFC 6455 7), and what follows from it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/session.h>

#include "base/alloc.h"
#include "proto/frame/conn.h"

/* The reasons of both close frames, kept from when they are known until on_close. */
typedef struct close_reasons {
  char received[WSUV_CLOSE_REASON_MAX + 1];
  char sent[WSUV_CLOSE_REASON_MAX + 1];
  size_t received_len, sent_len;
} close_reasons;

typedef struct closing {
  close_reasons *reasons; /* NULL: there are none, or no memory for them. */
  uint32_t timeout_ms;    /* For the answer of the peer; UINT32_MAX: that long or longer. */
  uint8_t renewals;       /* How often the deadline began anew. */
  bool progress;          /* The kernel has taken bytes since the deadline began. */
  bool by_peer;           /* The close frame of the peer came first. */
  bool written;           /* Our close frame is in the hands of the kernel. */
} closing;

void closing_init(closing *c, uint64_t timeout_ms);

/* Keep the reason of a close frame; without memory it is not told later. */
void closing_keep_received(closing *c, const wsuv_allocator_t *alloc, const void *reason,
                           size_t len);
void closing_keep_sent(closing *c, const wsuv_allocator_t *alloc, const char *reason, size_t len);

typedef enum closing_verdict {
  CLOSING_WAIT,  /* for the peer, or for our own frames to be written */
  CLOSING_SAID,  /* both sides have said what they had to say */
  CLOSING_FAILED /* we have failed the connection, and it is all written: end our direction */
} closing_verdict;

/* How far the closing handshake has come, in a session whose closing has begun. */
closing_verdict closing_check(const conn *c);

/* Our close frame is among what has left: from now on the peer has its time to answer. True the
   first time that it is so. */
bool closing_written(closing *c, const conn *cn);

/* Whether our side of the handshake can still be begun, or the answer be given, once closing has
   begun: the owner of a raw session answers by itself. */
bool closing_awaits_answer(const conn *c);

/* The deadline has passed. True: it begins anew, since the peer still reads; only while our frames
   can be written. */
bool closing_renew(closing *c);

/* Fill in what both sides have said. */
void closing_describe(const closing *c, const conn *cn, wsuv_close_info_t *info);

void closing_free(closing *c, const wsuv_allocator_t *alloc);

#endif
