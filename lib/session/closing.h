#ifndef WS_SESSION_CLOSING_H
#define WS_SESSION_CLOSING_H

/* The state of the closing handshake (RFC 6455 7), and what follows from it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/session.h>

#include "base/alloc.h"
#include "proto/frame/conn.h"

/* The reasons of both close frames, kept until on_close. */
typedef struct close_reasons {
  /* This is the reason in the peer's close frame, terminated. */
  char received[WSUV_CLOSE_REASON_MAX + 1];
  char sent[WSUV_CLOSE_REASON_MAX + 1]; /* This is the reason in our close frame, terminated. */
  size_t received_len, sent_len;        /* The two reasons have this many bytes, without the NUL. */
} close_reasons;

typedef struct closing {
  /* These are the reasons, which `closing` owns; NULL if there are none or no memory. */
  close_reasons *reasons;
  /* The closing deadline is this many milliseconds; UINT32_MAX stands for that long or longer. */
  uint32_t timeout_ms;
  uint8_t renewals; /* The deadline was renewed this often because the peer still reads. */
  bool progress; /* The kernel has taken bytes since closing began or the deadline was renewed. */
  bool by_peer;  /* The peer's close frame came before ours was made. */
  bool written;  /* The kernel has taken our whole close frame. */
} closing;

void closing_init(closing *c, uint64_t timeout_ms);

/* Keep the reason of a close frame. Without memory on_close reports none. */
void closing_keep_received(closing *c, const wsuv_allocator_t *alloc, const void *reason,
                           size_t len);
void closing_keep_sent(closing *c, const wsuv_allocator_t *alloc, const char *reason, size_t len);

typedef enum closing_verdict {
  CLOSING_WAIT,  /* wait for the peer, or for our own frames to be written */
  CLOSING_SAID,  /* both close frames are through */
  CLOSING_FAILED /* we have failed the connection, and all is written: end our direction */
} closing_verdict;

/* How far the closing handshake has come. For a session that is closing. */
closing_verdict closing_check(const conn *c);

/* Report what the kernel has taken. Returns true once: when our close frame is part of it, and the
   time for the peer's answer starts. */
bool closing_written(closing *c, const conn *cn);

/* Whether our close frame can still be made while the session is closing. Only a raw session's
   owner answers the peer's close frame itself. */
bool closing_awaits_answer(const conn *c);

/* The deadline has passed. Returns true if it starts again, because the peer still reads; that
   needs a filter that can still write. */
bool closing_renew(closing *c);

/* Describe both close frames. */
void closing_describe(const closing *c, const conn *cn, wsuv_close_info_t *info);

void closing_free(closing *c, const wsuv_allocator_t *alloc);

#endif
