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
  struct prepared_variant *next; /* This is the next variant of the same message, or NULL. */
  /* This hook of an extension has made the variant. */
  int (*prepare)(void *state, wsuv_extension_message_t *message,
                 const wsuv_extension_chunk_t *chunk, wsuv_sink_t *sink);
  uint64_t id;    /* The extension's hook `variant` has given this number. */
  uint8_t rsv;    /* These are the reserved bits of the frame. */
  bool taken;     /* The extension has changed the message; otherwise it is sent as it is. */
  size_t len;     /* `data` has this many bytes, or 0 if `taken` is not set. */
  uint8_t data[]; /* This is the payload to be sent. */
} prepared_variant;

struct wsuv_prepared {
  wsuv_allocator_t alloc; /* This copy of the program's allocator frees the message. */
  wsuv_frame_type_t type; /* The message is WSUV_FRAME_TEXT or WSUV_FRAME_BINARY. */
  /* The message owns this list of the variants that were needed so far. */
  prepared_variant *variants;
  size_t len;     /* `data` has this many bytes. */
  uint8_t data[]; /* This is the message as the program has given it. */
};

/* Get the variant for a connection on which the message is sent now. NULL: there is none, and
   extensions change the message like any other. 0; WS_ENOMEM; an extension's error: nothing has
   changed. */
int prepared_for(wsuv_prepared_t *p, const extension_set *set, const prepared_variant **out);

#endif
