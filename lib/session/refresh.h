#ifndef WS_SESSION_REFRESH_H
#define WS_SESSION_REFRESH_H

/* Which of the sessions that were refused with status 401 asks its program for other credentials,
   and which wait for the answer to another one. It knows waiters and keys; it calls nobody.

     refresh_join -> REFRESH_ASK       the program is asked in the waiter's name
                  -> REFRESH_WAIT      another one was asked already
                  -> REFRESH_ANSWERED  the answer is known, in waiter.answer
     refresh_answer, refresh_leave -> refresh_next returns waiters that can go on

   A key stands for what was refused: origin, credentials, and the function that is asked. A
   question remembers the keys that it is about, and its answer. If the answer itself is refused,
   the question is open again, so that all who come with one of its keys ask once. Questions without
   waiters are kept as long as there are few of them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/config.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/sha1.h"

enum {
  REFRESH_REMEMBERED = 16, /* questions with an answer and without waiters */
  REFRESH_KEYS = 4         /* keys of one question; the oldest one gives way */
};

struct endpoint_task;
typedef struct refresh_question refresh_question;

typedef struct refresh_key {
  uint8_t hash[SHA1_SIZE]; /* Who does not know the credentials cannot find them from this. */
} refresh_key;

/* What the program has answered. It is shared by all who have got it. */
typedef struct refresh_answer {
  const wsuv_allocator_t *alloc; /* The endpoint's allocator outlives the answer. */
  size_t refs;                   /* This many references to the answer exist. */
  size_t size;                   /* Behind the structure are this many bytes. */
  bool given;                    /* The program has given header fields. */
  int status;                    /* Otherwise, this is its code, or 0. */
  size_t count;                  /* There are this many header fields. */
  wsuv_header_t headers[];       /* They point to texts behind them. */
} refresh_answer;

/* One who asks or waits. Its owner provides the memory. */
typedef struct refresh_waiter {
  ws_list node;               /* This links it into the list of its question. */
  ws_list due;                /* This links it into the list of those who can go on. */
  refresh_question *question; /* It waits for the answer to this; NULL: it does not wait. */
  refresh_answer *answer;     /* It has a reference to the answer, or this is NULL. */
  bool asks;                  /* The program was asked, or is to be asked, in its name. */
  /* The owner's task runs when it can go on; it is not used here. */
  struct endpoint_task *task;
} refresh_waiter;

typedef struct refreshes {
  const wsuv_allocator_t *alloc; /* The endpoint's allocator outlives this. */
  ws_list questions;             /* These are the questions; the one that was used last is last. */
  size_t idle;                   /* So many of them have no waiter. */
  ws_list due;                   /* These waiters can go on. */
} refreshes;

typedef enum refresh_verdict { REFRESH_ASK, REFRESH_WAIT, REFRESH_ANSWERED } refresh_verdict;

void refreshes_init(refreshes *r, const wsuv_allocator_t *alloc);
void refreshes_free(refreshes *r); /* there are no waiters */

void refresh_waiter_init(refresh_waiter *w, struct endpoint_task *task);

/* A session was refused with what `key` stands for. `held` is the answer that it has used; NULL:
   none. The waiter neither waits nor has an answer. Returns a refresh_verdict or WS_ENOMEM. */
int refresh_join(refreshes *r, refresh_waiter *w, const refresh_key *key,
                 const refresh_answer *held);

/* Make an answer with header fields, which are copied, or without: `given` is false. NULL: there is
   no memory. The caller has a reference. */
refresh_answer *refresh_answer_new(const wsuv_allocator_t *alloc, bool given,
                                   const wsuv_header_t *headers, size_t count, int status);
void refresh_answer_unref(refresh_answer *answer); /* NULL is allowed */

/* The program answers the question of a waiter that waits. All who wait for it get a reference.
   `key` stands for the credentials of the answer; NULL: the program has none, and the question is
   forgotten. */
void refresh_answered(refreshes *r, refresh_waiter *w, refresh_answer *answer,
                      const refresh_key *key);

/* Wait no longer, and drop the answer. If the program was asked in this waiter's name and has not
   answered, it is to be asked in the name of the next one. It has no effect on who does not wait
   and has no answer. */
void refresh_leave(refreshes *r, refresh_waiter *w);

/* Get a waiter that can go on: it has an answer, or asks now. NULL: there is none. */
refresh_waiter *refresh_next(refreshes *r);

#endif
