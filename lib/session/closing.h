#ifndef WS_SESSION_CLOSING_H
#define WS_SESSION_CLOSING_H

/* The closing handshake (RFC 6455 7): decisions that depend on its state, which conn has, and the
   texts that on_close reports. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/session.h>

#include "base/alloc.h"
#include "proto/frame/conn.h"

/* Texts that are kept until on_close: the reasons of both close frames, and what was wrong. */
typedef struct close_reasons {
  /* This is the reason in the peer's close frame, terminated. */
  char received[WSUV_CLOSE_REASON_MAX + 1];
  char sent[WSUV_CLOSE_REASON_MAX + 1]; /* This is the reason in our close frame, terminated. */
  size_t received_len, sent_len;        /* The two reasons have this many bytes, without the NUL. */
  char detail[32];                      /* This is the detail of the error, or "". */
} close_reasons;

/* Keep the reason of a close frame in *reasons, which is NULL until something is kept. If there is
   no memory, on_close reports no reason. */
void closing_keep_received(close_reasons **reasons, const wsuv_allocator_t *alloc,
                           const void *reason, size_t len);
void closing_keep_sent(close_reasons **reasons, const wsuv_allocator_t *alloc, const char *reason,
                       size_t len);

/* Keep a detail that is not static text, cut at 31 bytes. Returns the copy; "": no memory. */
const char *closing_keep_detail(close_reasons **reasons, const wsuv_allocator_t *alloc,
                                const char *detail);

typedef enum closing_verdict {
  CLOSING_WAIT, /* wait for the peer, or for our own frames to be written */
  CLOSING_DONE, /* the peer's close frame was received, and ours is written */
  /* we have failed the connection, and all frames are written: shut the write side down */
  CLOSING_FAILED
} closing_verdict;

/* Check if the closing handshake is complete. Call it only for a session that is closing. */
closing_verdict closing_check(const conn *c);

/* Whether the kernel has taken our whole close frame, as long as the queue was not cleared. */
bool closing_has_left(const conn *c);

/* Whether the peer's close frame was received and our answer was not made yet. While a session is
   closing, this happens only in a raw session, in which the program makes the answer. */
bool closing_answer_due(const conn *c);

/* Describe both close frames. `left`: ours was written. `reasons` may be NULL. */
void closing_describe(const close_reasons *reasons, const conn *c, bool left,
                      wsuv_close_info_t *info);

#endif
