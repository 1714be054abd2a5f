#include "session/refresh.h"

#include <string.h>

#include "base/error.h"

/* Questions in a list, each with its waiters. A linear search is enough: there are as many
   questions as different credentials were refused at the same time, and some that are remembered.
 */

struct refresh_question {
  ws_list node;                   /* This links the question into refreshes.questions. */
  ws_list waiters;                /* These wait, in the order in which they came. */
  refresh_key keys[REFRESH_KEYS]; /* It is about these keys. */
  size_t key_count;               /* So many keys were added; the last REFRESH_KEYS are kept. */
  refresh_key answer_key;         /* This stands for the answer's credentials. */
  refresh_answer *answer;         /* The question has a reference; NULL: it has no answer. */
};

void refreshes_init(refreshes *r, const wsuv_allocator_t *alloc) {
  *r = (refreshes){.alloc = alloc};
  ws_list_init(&r->questions);
  ws_list_init(&r->due);
}

static refresh_question *question_at(ws_list *node) {
  return ws_list_entry(node, refresh_question, node);
}

static refresh_waiter *waiter_at(ws_list *node) {
  return ws_list_entry(node, refresh_waiter, node);
}

static void question_free(refreshes *r, refresh_question *q) {
  ws_list_remove(&q->node);
  refresh_answer_unref(q->answer);
  ws_free(r->alloc, q);
}

void refreshes_free(refreshes *r) {
  while (!ws_list_empty(&r->questions)) question_free(r, question_at(r->questions.next));
  r->idle = 0;
}

/* Answers */

static const char *put(char **at, const char *text) {
  const size_t size = strlen(text) + 1;
  const char *copy = memcpy(*at, text, size);
  *at += size;
  return copy;
}

refresh_answer *refresh_answer_new(const wsuv_allocator_t *alloc, bool given,
                                   const wsuv_header_t *headers, size_t count, int status) {
  size_t size = count * sizeof *headers;
  for (size_t i = 0; i < count; i++) {
    size += strlen(headers[i].name) + strlen(headers[i].value) + 2;
  }
  refresh_answer *a = ws_calloc(alloc, sizeof *a + size);
  if (a == NULL) return NULL;
  char *at = (char *) (a->headers + count);
  a->alloc = alloc;
  a->refs = 1;
  a->size = size;
  a->given = given;
  a->status = status;
  a->count = count;
  for (size_t i = 0; i < count; i++) {
    a->headers[i].name = put(&at, headers[i].name);
    a->headers[i].value = put(&at, headers[i].value);
  }
  return a;
}

void refresh_answer_unref(refresh_answer *a) {
  if (a == NULL || --a->refs > 0) return;
  ws_wipe(a->headers, a->size);
  ws_free(a->alloc, a);
}

static refresh_answer *answer_ref(refresh_answer *a) {
  a->refs++;
  return a;
}

/* Keys */

static bool key_equal(const refresh_key *a, const refresh_key *b) {
  return memcmp(a->hash, b->hash, sizeof a->hash) == 0;
}

static bool has_key(const refresh_question *q, const refresh_key *key) {
  const size_t count = q->key_count < REFRESH_KEYS ? q->key_count : REFRESH_KEYS;
  for (size_t i = 0; i < count; i++) {
    if (key_equal(&q->keys[i], key)) return true;
  }
  return false;
}

static void add_key(refresh_question *q, const refresh_key *key) {
  if (!has_key(q, key)) q->keys[q->key_count++ % REFRESH_KEYS] = *key;
}

static bool yields(const refresh_question *q, const refresh_key *key) {
  return q->answer != NULL && key_equal(&q->answer_key, key);
}

static bool is_idle(const refresh_question *q) {
  return ws_list_empty(&q->waiters);
}

/* The one about this key for whose answer others wait; then the last of the list that is about the
   key. Two may be: a program can give the same answer to both. false: there is none. */
static bool question_find(refreshes *r, const refresh_key *key, refresh_question **found) {
  for (ws_list *n = r->questions.prev; n != &r->questions; n = n->prev) {
    *found = question_at(n);
    if (has_key(*found, key) && !is_idle(*found)) return true;
  }
  for (ws_list *n = r->questions.prev; n != &r->questions; n = n->prev) {
    refresh_question *q = question_at(n);
    if (!has_key(q, key) && !yields(q, key)) continue;
    *found = q;
    return true;
  }
  return false;
}

/* Questions */

static refresh_question *question_new(refreshes *r) {
  refresh_question *q = ws_calloc(r->alloc, sizeof *q);
  if (q == NULL) return NULL;
  ws_list_init(&q->waiters);
  ws_list_append(&r->questions, &q->node);
  r->idle++;
  return q;
}

static void forget_oldest(refreshes *r) {
  ws_list *n = r->questions.next;
  while (!is_idle(question_at(n))) n = n->next;
  question_free(r, question_at(n));
  r->idle--;
}

/* Its last waiter has gone. Without an answer there is nothing to remember. */
static void question_rest(refreshes *r, refresh_question *q) {
  if (q->answer == NULL) {
    question_free(r, q);
    return;
  }
  r->idle++;
  if (r->idle > REFRESH_REMEMBERED) forget_oldest(r);
}

static void question_used(refreshes *r, refresh_question *q) {
  ws_list_remove(&q->node);
  ws_list_append(&r->questions, &q->node);
}

/* Whether the answer of the question was refused: it is what the session has used. */
static bool refused_again(const refresh_question *q, const refresh_key *key,
                          const refresh_answer *held) {
  return q->answer != NULL && (q->answer == held || (yields(q, key) && !has_key(q, key)));
}

int refresh_join(refreshes *r, refresh_waiter *w, const refresh_key *key,
                 const refresh_answer *held) {
  refresh_question *q;
  if (!question_find(r, key, &q)) q = question_new(r);
  if (q == NULL) return WS_ENOMEM;
  question_used(r, q);
  if (refused_again(q, key, held)) {
    refresh_answer_unref(q->answer);
    q->answer = NULL;
  }
  add_key(q, key);
  if (q->answer != NULL) {
    w->answer = answer_ref(q->answer);
    return REFRESH_ANSWERED;
  }
  w->asks = is_idle(q);
  if (is_idle(q)) r->idle--;
  w->question = q;
  ws_list_append(&q->waiters, &w->node);
  return w->asks ? REFRESH_ASK : REFRESH_WAIT;
}

/* Going on */

void refresh_waiter_init(refresh_waiter *w, struct endpoint_task *task) {
  *w = (refresh_waiter){.task = task};
  ws_list_init(&w->node);
  ws_list_init(&w->due);
}

static void become_due(refreshes *r, refresh_waiter *w) {
  ws_list_remove(&w->due);
  ws_list_append(&r->due, &w->due);
}

void refresh_answered(refreshes *r, refresh_waiter *w, refresh_answer *answer,
                      const refresh_key *key) {
  refresh_question *q = w->question;
  ws_list *node;
  while ((node = ws_list_pop(&q->waiters)) != NULL) {
    refresh_waiter *next = waiter_at(node);
    next->question = NULL;
    next->asks = false;
    next->answer = answer_ref(answer);
    become_due(r, next);
  }
  if (key != NULL) {
    q->answer = answer_ref(answer);
    q->answer_key = *key;
  }
  question_rest(r, q);
}

void refresh_leave(refreshes *r, refresh_waiter *w) {
  refresh_question *q = w->question;
  const bool asked = w->asks;
  ws_list_remove(&w->node);
  ws_list_remove(&w->due);
  refresh_answer_unref(w->answer);
  w->answer = NULL;
  w->question = NULL;
  w->asks = false;
  if (q == NULL) return;
  if (is_idle(q)) {
    question_rest(r, q);
  } else if (asked) {
    refresh_waiter *next = waiter_at(q->waiters.next);
    next->asks = true;
    become_due(r, next);
  }
}

refresh_waiter *refresh_next(refreshes *r) {
  ws_list *node = ws_list_pop(&r->due);
  return node != NULL ? ws_list_entry(node, refresh_waiter, due) : NULL;
}
