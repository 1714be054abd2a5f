#ifndef WS_PROTO_EXTENSION_EXTENSION_SET_H
#define WS_PROTO_EXTENSION_EXTENSION_SET_H

/* The extensions that a connection's two sides agreed upon, and the way of messages through them:
   chunks in, chunks out, in the order of the handshake's answer (RFC 6455 9.1) and back. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/extension.h>

#include "base/block.h"
#include "base/text_buf.h"
#include "proto/extension/extension_list.h"
#include "proto/extension/sink.h"
#include "proto/http/headers.h"

/* Memory for what is between two extensions, and behind the last on the way out. Shared by many
   connections; each uses it only inside a call, or until extension_scratch_release. */
typedef struct extension_scratch {
  const wsuv_allocator_t *alloc;
  block_spare spares[2];
  block blocks[2];                      /* outgoing: they take turns */
  uint8_t *stages[WSUV_EXTENSIONS_MAX]; /* incoming: EXTENSION_STAGE_SIZE bytes each, or NULL */
} extension_scratch;

enum { EXTENSION_STAGE_SIZE = 16 * 1024 };

void extension_scratch_init(extension_scratch *scratch, const wsuv_allocator_t *alloc);
void extension_scratch_free(extension_scratch *scratch);

/* The result of extension_set_outgoing has been used. */
void extension_scratch_release(extension_scratch *scratch);

typedef struct extension_entry {
  const wsuv_extension_t *hooks;
  void *state;
} extension_entry;

typedef struct extension_set {
  extension_list *list;
  text_buf text;        /* as in the answer, terminated */
  uint8_t rsv;          /* FRAME_RSV1 | ...: bits that are claimed */
  uint8_t in_active;    /* a bit for each extension that may still change the message */
  uint8_t in_begun;     /* ... that was given the first chunk of it */
  uint8_t in_taken;     /* ... that did change it */
  uint8_t in_rsv;       /* of its first frame */
  uint8_t out_active;   /* the same for what is sent */
  uint64_t in_produced; /* kept by the connection: what has become of the frame that arrives; */
  uint64_t in_saved;    /* how much shorter frames have been than what they held, modulo 2^64, */
  uint64_t out_saved;   /* both ways */
  size_t count;
  extension_entry entries[];
} extension_set;

/* Client: judge all fields Sec-WebSocket-Extensions of an answer, with what `offered` of
   extension_list_offer was. 0, with *out NULL if nothing is agreed upon; WSUV_EEXTENSION:
   malformed, not offered, there twice, or what a hook found wrong; WS_ENOMEM; what a hook returned.
   *why is set with an error. */
int extension_set_accept(extension_set **out, extension_list *list, unsigned offered,
                         const header_store *answer, const char **why);

/* Server: judge those of a request, and make the answer: the first of its offers that each
   installed extension accepts. 0, with *out NULL if there is none; WSUV_EEXTENSION: malformed;
   WS_ENOMEM; what a hook returned. */
int extension_set_answer(extension_set **out, extension_list *list, const header_store *request,
                         const char **why);

void extension_set_free(extension_set *set); /* NULL is fine */

/* The value of the server's Sec-WebSocket-Extensions, written anew; "" for NULL. */
static inline const char *extension_set_text(const extension_set *set) {
  return set == NULL ? "" : text_buf_base(&set->text);
}

/* Whether no extension looks at the rest of the message that is being received. */
static inline bool extension_set_in_idle(const extension_set *set) {
  return set == NULL || set->in_active == 0;
}

/* Take a chunk of a data message that was received; `rsv` and `type` are those of its first frame.
   WSUV_EXTENSION_TAKEN: what became of it was written to `out`, and this is so for the rest of the
   message; WSUV_EXTENSION_PASS: no extension wants it, and it is to be used as it lies, as will be
   the rest; an error: the connection has failed, *why says why, "" if nobody knows. */
int extension_set_incoming(extension_set *set, extension_scratch *scratch, wsuv_frame_type_t type,
                           uint8_t rsv, const wsuv_extension_chunk_t *chunk, wsuv_sink_t *out,
                           const char **why);

/* What is to be sent, and what became of it. */
typedef struct extension_send {
  wsuv_frame_type_t type;
  bool plain;                   /* not to be compressed */
  wsuv_extension_chunk_t chunk; /* in: the payload; out: what to send. A whole message is one chunk
                                   that is first and last, else each fragment is a chunk */
  uint8_t rsv;                  /* out, for the first chunk: of the first frame */
  bool taken;                   /* out: an extension has changed something: if the chunk is not
                                   sent now, the connection cannot go on */
  const char *why;              /* out, with an error that ends the connection */
} extension_send;

/* 0: send->chunk.data is where it was, or in the scratch; WS_... or what a hook returned, and then,
   if send->taken, the connection has failed; else nothing is changed. */
int extension_set_outgoing(extension_set *set, extension_scratch *scratch, extension_send *send);

#endif
