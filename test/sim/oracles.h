#ifndef TEST_SIM_ORACLES_H
#define TEST_SIM_ORACLES_H

/* What must hold in every run. Each of these functions is told what has happened, and fails the run
   with its name if that may not be. test_oracles.c proves that each of them can. */

#include "sim/run.h"

/* A run has failed; the first failure counts. */
void oracle_fails(run *r, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "one on_close": each session has one, and no callback after it; and none inside a call. */
void oracle_called(side *d); /* a callback runs */
void oracle_closed(side *d); /* it is on_close */
void oracle_closed_in_the_end(side *d);

/* "completions": each comes once, in the order of sending, and before on_close; behind one whose
   bytes were dropped there is none whose bytes were not, unless it waits for the close frame. */
void oracle_completed(side *d, completion_kind kind, uint32_t index, int status);
void oracle_completed_all(const side *d);

/* "delivery": what comes is what was sent, in order, once. */
void oracle_delivered(side *d, bool text, const void *data, size_t len);
void oracle_delivered_piece(side *d, const wsuv_message_piece_t *p);
void oracle_delivered_frame(side *d, const wsuv_frame_t *f); /* of a raw session */
void oracle_delivered_all(side *to);                         /* of a conversation that has ended */

/* "memory": what is allocated is within the bound of doc/limits.md. */
void oracle_memory(run *r);

/* "turn": what a session does in one turn of the loop is bounded (doc/limits.md). */
void oracle_turn(side *d, size_t len);

/* "progress": what is waited for comes in time. */
void oracle_progress(run *r, bool done, const char *what);
void oracle_waits(const side *d, const char *what); /* this one is the first that waits */

/* "masks": a client masks each frame with a fresh key, a server masks none (RFC 6455 5.1, 5.3). */
void oracle_frame(run *r, watched *w, bool from_client, bool masked, uint32_t key);

/* "clean close": a conversation to which nothing was done ends by a closing handshake whose codes
   agree. */
void oracle_clean_close(talk *t);

/* "results": a call returned only what it may return now. */
void oracle_result(side *d, const char *call, int err);

/* "exchanges": each plain request is given to the program once, in order, when the one before was
   answered; and the responses are what was answered, in order. */
void oracle_exchange_given(visit *v, uint32_t number);
void oracle_exchange_result(const visit *v, int err);
void oracle_exchange_gone(visit *v, const struct wsuv_exchange *exchange);
void oracle_exchange_response(visit *v, int status, const void *body, size_t len);
void oracle_exchanges_all(run *r); /* of visits that have ended */

/* "credentials": nobody gets those of another one. */
void oracle_credentials(run *r, const char *whom, const void *data, size_t len,
                        const char *allowed);

/* "way": the session goes where it is led, and no further; and it ends by what was done there, in
   that stage. */
void oracle_expected_at(talk *t, bool right, const char *head);
void oracle_redirect(talk *t, const wsuv_redirect_t *redirect);
void oracle_way_opened(side *d);
void oracle_way_ended(side *d, int code, wsuv_stage_t stage);

/* "deadline": from wsuv_connect() to the open session, or to its end without that, no more time
   passes than there is for all of the way; but the library gives a loop that was late some time
   more. */
void oracle_deadline(side *d, uint64_t now_ns);

/* "questions": the program is asked as often as it may be, and for one thing once. */
void oracle_question(talk *t, const wsuv_unauthorized_t *refusal);

/* "leak": nothing is allocated when all has ended. */
void oracle_leak(run *r);

/* "verdict": the same bytes have the same end, however they were cut. */
typedef struct verdict {
  int status, stage, http_status;
  bool opened, clean, by_peer;
  unsigned code, sent_code;
  size_t messages, controls;
  uint64_t digest; /* of the messages */
} verdict;

void oracle_verdict(run *r, const verdict *whole, const verdict *cut, const char *how);

#endif
