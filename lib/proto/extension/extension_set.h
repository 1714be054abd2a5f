#ifndef WS_PROTO_EXTENSION_EXTENSION_SET_H
#define WS_PROTO_EXTENSION_EXTENSION_SET_H

/* The extensions that were negotiated for a connection. Messages pass through them as chunks, in
   the order of the handshake's response (RFC 6455 9.1) when they are received, and in reverse order
   when they are sent. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/extension.h>

#include "base/block.h"
#include "base/text_buf.h"
#include "proto/extension/extension_header.h"
#include "proto/extension/extension_list.h"
#include "proto/extension/sink.h"
#include "proto/http/headers.h"

/* Memory for output between extensions, and for what is sent. Shared by many connections. Each uses
   it only inside a call, or until extension_scratch_release. */
typedef struct extension_scratch {
  const wsuv_allocator_t *alloc; /* The caller's allocator outlives the scratch. */
  block_spare spares[2];         /* Each block has a spare of its own. */
  /* The extensions that change a sent chunk write their output into these two in turn. */
  block blocks[2];
  /* A received chunk's output from extension i is written to stages[i], which has
     EXTENSION_STAGE_SIZE bytes, or is NULL before it is needed. */
  uint8_t *stages[WSUV_EXTENSIONS_MAX];
} extension_scratch;

enum { EXTENSION_STAGE_SIZE = 16 * 1024 };

void extension_scratch_init(extension_scratch *scratch, const wsuv_allocator_t *alloc);
void extension_scratch_free(extension_scratch *scratch);

/* Call it when the result of extension_set_outgoing was used. */
void extension_scratch_release(extension_scratch *scratch);

typedef struct extension_entry {
  const wsuv_extension_t *hooks; /* These are the extension's functions, in the set's list. */
  void *state; /* The extension's state for this connection is freed by its hook `state_free`. */
} extension_entry;

typedef struct extension_set {
  extension_list *list; /* The set has a reference to the installed extensions. */
  text_buf text;        /* This is the value of the response's field, terminated. */
  uint8_t rsv; /* These reserved bits are in use: a combination of FRAME_RSV1 and the like. */
  /* This has a bit for each extension that may still change the received message. */
  uint8_t in_active;
  /* This has a bit for each extension that has got a chunk of the received message. */
  uint8_t in_begun;
  uint8_t in_taken; /* This has a bit for each extension that has changed the received message. */
  uint8_t in_rsv;   /* These are the reserved bits of the first frame of the received message. */
  /* After an error, this is the close code to send; 0 stands for that of the error. */
  uint16_t in_close_code;
  /* This has a bit for each extension that may still change the sent message. */
  uint8_t out_active;
  /* A byte of input is expected to become this many bytes of output, or less. */
  uint16_t in_ratio;
  /* The connection pauses when received messages have become this many bytes more. Its owner sets
     it; at first it is UINT64_MAX. */
  uint64_t in_left;
  uint64_t in_produced; /* The frame that is being received has become this many bytes so far. */
  /* Received payloads are this many bytes longer than their frames, modulo 2^64. */
  uint64_t in_saved;
  uint64_t out_saved; /* Sent payloads are this many bytes longer than their frames, modulo 2^64. */
  size_t count;       /* `entries` has this many elements. */
  /* These are the negotiated extensions, in the order of the response. */
  extension_entry entries[];
} extension_set;

/* Client: negotiate, from all fields Sec-WebSocket-Extensions of a response; `offered` is from
   extension_list_offer. 0, with *out NULL if there are no extensions; WSUV_EEXTENSION: malformed,
   not offered, repeated, or rejected by a hook; WS_ENOMEM; what a hook returned. *why is set with
   an error. */
int extension_set_accept(extension_set **out, extension_list *list, unsigned offered,
                         const header_store *answer, const char **why);

/* Server: negotiate, from the offers of a request. Each installed extension accepts the first of
   its offers that suits it. `list` may be NULL: none is installed. 0, with *out NULL if there are
   no extensions; WS_ENOMEM; what a hook returned. */
int extension_set_answer(extension_set **out, extension_list *list, const extension_header *offer);

void extension_set_free(extension_set *set); /* NULL is allowed */

/* The value of the server's Sec-WebSocket-Extensions; "" for NULL. */
static inline const char *extension_set_text(const extension_set *set) {
  return set == NULL ? "" : text_buf_base(&set->text);
}

/* Whether no extension will change the rest of the message that is being received. */
static inline bool extension_set_in_idle(const extension_set *set) {
  return set == NULL || set->in_active == 0;
}

/* Pass on a chunk of a received data message; `rsv` and `type` are those of its first frame.
   WSUV_EXTENSION_TAKEN: the result was written to `out`, and so will be the rest of the message;
   WSUV_EXTENSION_PASS: no extension changes the message, neither this chunk nor the rest; an error:
   the connection has failed, with *why ("" if unknown). */
int extension_set_incoming(extension_set *set, extension_scratch *scratch, wsuv_frame_type_t type,
                           uint8_t rsv, const wsuv_extension_chunk_t *chunk, wsuv_sink_t *out,
                           const char **why);

/* A chunk that is sent, and what extensions have made of it. */
typedef struct extension_send {
  wsuv_frame_type_t type; /* This is the type of the message. */
  bool plain;             /* The program wants the message not to be compressed. */
  /* This is the payload to be sent, and then what the extensions have made of it; a whole message
     is one chunk that is first and last, otherwise each fragment is a chunk. */
  wsuv_extension_chunk_t chunk;
  uint8_t rsv; /* After the first chunk, these are the reserved bits for the first frame. */
  /* An extension has changed its state, so the connection fails if the chunk is not sent now. */
  bool taken;
  const char *why; /* After an error, this static text says what was wrong, or is "". */
} extension_send;

/* 0: send->chunk.data is unchanged, or points into the scratch. An error: WS_... or what a hook
   returned; if send->taken, the connection has failed; otherwise nothing has changed. */
int extension_set_outgoing(extension_set *set, extension_scratch *scratch, extension_send *send);

#endif
