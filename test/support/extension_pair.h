#ifndef TEST_EXTENSION_PAIR_H
#define TEST_EXTENSION_PAIR_H

/* The extensions of both ends of a connection, negotiated with each other, and messages from one to
   the other without frames between. */

#include <stdbool.h>
#include <stddef.h>

#include <wsuv/extension.h>

#include "proto/extension/extension_set.h"
#include "support/frames.h"
#include "testkit/track_alloc.h"

/* A field Sec-WebSocket-Extensions more. 0 or the error of the store. */
int extension_field(header_store *fields, const char *value);

/* What a server negotiates from the fields of a request. 0; an error of extension_header_parse or
   extension_set_answer. */
int extension_judge_offer(extension_set **out, extension_list *list, const header_store *fields,
                          const char **why);

/* What was sent last: a message, its frames one behind the other. */
typedef struct sent_message {
  bytes wire;
  size_t ends[64]; /* where each frame ends */
  size_t frames;
  uint8_t rsv;
  bool taken; /* as in extension_send */
  bool plain; /* to be set before */
} sent_message;

typedef struct extension_end {
  extension_list *list;
  extension_set *set; /* NULL: nothing was agreed upon */
} extension_end;

typedef struct extension_pair {
  track_alloc alloc;
  extension_scratch scratch;
  block_spare spare; /* of what was received */
  extension_end client, server;
  char offer[512], answer[512]; /* as sent */
  const char *why;              /* after an error */
  sent_message sent;
  bytes out; /* received last */
} extension_pair;

void extension_pair_open(extension_pair *p);

/* The whole negotiation, each side with extensions of its own. 0 or the first error. */
int extension_pair_negotiate(extension_pair *p, const wsuv_extension_t *const *client,
                             size_t client_count, const wsuv_extension_t *const *server,
                             size_t server_count);

/* The client's half, with an answer that is given. */
int extension_pair_accept(extension_pair *p, const wsuv_extension_t *const *client,
                          size_t client_count, const char *answer);

/* The server's half, with an offer that is given. */
int extension_pair_answer(extension_pair *p, const wsuv_extension_t *const *server,
                          size_t server_count, const char *offer);

/* Frees all that is left, and fails unless nothing is. */
void extension_pair_close(extension_pair *p);

/* Send a message, cut into `count` fragments of the given lengths: what goes out is in p->sent. 0
   or the error. */
int extension_pair_send(extension_pair *p, extension_end *from, wsuv_frame_type_t type,
                        const void *data, const size_t *lengths, size_t count);

/* Receive what is in p->sent, in chunks of `piece` bytes at most, each in a block of its exact
   size. 1: complete and in p->out; or the error. Bounded by `most`. */
int extension_pair_receive(extension_pair *p, extension_end *to, wsuv_frame_type_t type,
                           size_t piece, size_t most);

#endif
