#ifndef WS_PROTO_FRAME_PREPARED_H
#define WS_PROTO_FRAME_PREPARED_H

/* A message for many connections, and what extensions have made of it (wsuv/prepared.h). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/prepared.h>

#include "proto/extension/extension_set.h"

/* For all sessions in which an extension does the same to it. */
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
  prepared_variant *variants; /* that were needed so far */
  size_t len;
  uint8_t data[];
};

/* The variant for a connection, where it is to be sent now; NULL: there is none, and it is to be
   changed like any message. 0; WS_ENOMEM; an extension's error: nothing has happened. */
int prepared_for(wsuv_prepared_t *p, const extension_set *set, const prepared_variant **out);

#endif
