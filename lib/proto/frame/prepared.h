#ifndef WS_PROTO_FRAME_PREPARED_H
#define WS_PROTO_FRAME_PREPARED_H

/* A message for many connections, and what extensions have made of it (wsuv/prepared.h). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/prepared.h>

#include "proto/extension/extension_set.h"

/* The variant for all sessions whose extension changes the message in the same way. */
typedef struct prepared_variant {
  struct prepared_variant *next;
  int (*prepare)(void *state, wsuv_extension_message_t *message,
                 const wsuv_extension_chunk_t *chunk, wsuv_sink_t *sink);
  uint64_t id; /* of those that it makes */
  uint8_t rsv;
  bool taken; /* false: the extension leaves the message alone */
  size_t len;
  uint8_t data[];
} prepared_variant;

struct wsuv_prepared {
  wsuv_allocator_t alloc;
  wsuv_frame_type_t type;
  prepared_variant *variants; /* the variants that were needed so far */
  size_t len;
  uint8_t data[];
};

/* Get the variant for a connection on which the message is sent now. NULL: there is none, and
   extensions change the message like any other. 0; WS_ENOMEM; an extension's error: nothing has
   changed. */
int prepared_for(wsuv_prepared_t *p, const extension_set *set, const prepared_variant **out);

#endif
