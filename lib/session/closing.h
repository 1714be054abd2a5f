#ifndef WS_SESSION_CLOSING_H
#define WS_SESSION_CLOSING_H

/* The state of the closing handshake (RFC 6455 7), and the decisions that depend on it. */

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

typedef struct closing {
  /* These are the reasons, which `closing` owns; NULL if there are none or no memory. */
  close_reasons *reasons;
  /* The peer must answer, or acknowledge bytes, within this many milliseconds; UINT32_MAX stands
     for that long or longer. */
  uint32_t timeout_ms;
  bool by_peer; /* The peer's close frame came before ours was made. */
  bool written; /* The kernel has taken our whole close frame. */
} closing;

void closing_init(closing *c, uint64_t timeout_ms);

/* Keep the reason of a close frame. If there is no memory, on_close reports no reason. */
void closing_keep_received(closing *c, const wsuv_allocator_t *alloc, const void *reason,
                           size_t len);
void closing_keep_sent(closing *c, const wsuv_allocator_t *alloc, const char *reason, size_t len);

/* Keep a detail that is not static text, cut at 31 bytes. Returns the copy; "": no memory. */
const char *closing_keep_detail(closing *c, const wsuv_allocator_t *alloc, const char *detail);

typedef enum closing_verdict {
  CLOSING_WAIT, /* wait for the peer, or for our own frames to be written */
  CLOSING_DONE, /* the peer's close frame was received, and ours is written */
  /* we have failed the connection, and all frames are written: shut the write side down */
  CLOSING_FAILED
} closing_verdict;

/* Check if the closing handshake is complete. Call it only for a session that is closing. */
closing_verdict closing_check(const conn *c);

/* Check if the kernel has taken our whole close frame, and note it. Returns true only the first
   time. */
bool closing_written(closing *c, const conn *cn);

/* Whether the peer's close frame was received and our answer was not made yet. While a session is
   closing, this happens only in a raw session, in which the program makes the answer. */
bool closing_answer_due(const conn *c);

/* Describe both close frames. */
void closing_describe(const closing *c, const conn *cn, wsuv_close_info_t *info);

void closing_free(closing *c, const wsuv_allocator_t *alloc);

#endif
