#include "proto/extension/extension_set.h"

/* Passes messages through the extensions of a connection. Received data is pushed from one to the
   next, so that between two of them lies at most one stage's output. Sent data is passed in whole
   chunks, because an extension may decide only at the end that it changes nothing. */

#include <string.h>

#include "base/error.h"

void extension_scratch_init(extension_scratch *scratch, const wsuv_allocator_t *alloc) {
  memset(scratch, 0, sizeof *scratch);
  scratch->alloc = alloc;
  for (int i = 0; i < 2; i++) block_spare_init(&scratch->spares[i], alloc);
}

void extension_scratch_free(extension_scratch *scratch) {
  extension_scratch_release(scratch);
  for (int i = 0; i < 2; i++) block_spare_free(&scratch->spares[i]);
  for (int i = 0; i < WSUV_EXTENSIONS_MAX; i++) ws_free(scratch->alloc, scratch->stages[i]);
  extension_scratch_init(scratch, scratch->alloc);
}

void extension_scratch_release(extension_scratch *scratch) {
  for (int i = 0; i < 2; i++) block_release(&scratch->blocks[i], &scratch->spares[i]);
}

/* A bit for each extension that has the hook. */
static uint8_t with_hook(const extension_set *set, bool outgoing) {
  unsigned mask = 0;
  for (size_t i = 0; i < set->count; i++) {
    const wsuv_extension_t *hooks = set->entries[i].hooks;
    bool has = outgoing ? hooks->outgoing != NULL : hooks->incoming != NULL;
    if (has) mask |= 1u << i;
  }
  return (uint8_t) mask;
}

static bool has(uint8_t mask, size_t i) {
  return (mask & 1u << i) != 0;
}

static void set_bit(uint8_t *mask, size_t i) {
  *mask = (uint8_t) (*mask | 1u << i);
}

static void clear_bit(uint8_t *mask, size_t i) {
  *mask = (uint8_t) (*mask & ~(1u << i));
}

/* What a hook says becomes the reason in a close frame. What may not stand there is left out. */
static const char *usable(const char *why) {
  size_t n = 0;
  if (why == NULL) return "";
  while (n <= WSUV_CLOSE_REASON_MAX && why[n] > '\0' && why[n] < 0x7f) n++;
  return n <= WSUV_CLOSE_REASON_MAX && why[n] == '\0' ? why : "";
}

/* Receiving */

typedef struct in_run {
  extension_set *set;         /* The chunk passes through these extensions. */
  extension_scratch *scratch; /* Output between extensions is written to its stages. */
  wsuv_frame_type_t type;     /* This is the type of the message. */
  wsuv_sink_t *out;           /* The caller's sink takes the final result. */
  bool failed;                /* An extension has returned an error. */
  const char *why;            /* After an error, this static text says what was wrong, or is "". */
} in_run;

/* Gives the output of the extension `above` to the next one below it. */
typedef struct in_stage {
  wsuv_sink_t sink; /* This must be the first field, because stage_more converts its address. */
  in_run *run;      /* This is the run that the stage belongs to. */
  size_t above;     /* This is the index of the extension that writes to the stage. */
  /* These are EXTENSION_STAGE_SIZE bytes of the scratch, or NULL before the first output. */
  uint8_t *base;
  int err; /* This is an error of an extension below, which is final, or 0. */
} in_stage;

static int push(in_run *run, size_t below, const wsuv_extension_chunk_t *chunk);

static void show_room(in_stage *stage) {
  stage->sink.at = stage->base;
  stage->sink.left = EXTENSION_STAGE_SIZE;
  stage->sink.written = 0;
}

static int pass_on(in_stage *stage, bool last) {
  size_t len = (size_t) (stage->sink.at - stage->base);
  wsuv_extension_chunk_t chunk = {stage->base, len, false, last};
  set_bit(&stage->run->set->in_taken, stage->above);
  return push(stage->run, stage->above, &chunk);
}

/* Memory is allocated with the first output. */
static int stage_more(wsuv_sink_t *sink, size_t want) {
  in_stage *stage = (in_stage *) sink;
  (void) want;
  if (stage->base != NULL) {
    if (stage->err == 0) stage->err = pass_on(stage, false);
    if (stage->err < 0) return stage->err;
  } else {
    uint8_t **base = &stage->run->scratch->stages[stage->above];
    if (*base == NULL) *base = ws_malloc(stage->run->scratch->alloc, EXTENSION_STAGE_SIZE);
    if (*base == NULL) return WS_ENOMEM;
    stage->base = *base;
  }
  show_room(stage);
  return 0;
}

/* If one below has failed, its error comes up through those above it, and what it said counts. */
static void note_failure(in_run *run, const wsuv_extension_message_t *message) {
  if (*run->why == '\0') run->why = usable(message->why);
  if (!run->failed) run->set->in_close_code = message->close_code;
  run->failed = true;
}

static int call_incoming(in_run *run, size_t i, const wsuv_extension_chunk_t *chunk,
                         wsuv_sink_t *sink) {
  const extension_entry *entry = &run->set->entries[i];
  wsuv_extension_message_t message = {.type = run->type,
                                      .rsv = run->set->in_rsv & entry->hooks->rsv,
                                      .len = WSUV_LEN_UNKNOWN,
                                      .why = ""};
  wsuv_extension_chunk_t own = *chunk;
  own.first = !has(run->set->in_begun, i);
  set_bit(&run->set->in_begun, i);
  const size_t before = sink->written;
  int r = entry->hooks->incoming(entry->state, &message, &own, sink);
  if (r < 0) note_failure(run, &message);
  bool wrote = sink->written != before || has(run->set->in_taken, i);
  if (r > 0 && (!own.first || wrote)) return WS_EINVAL;
  return r;
}

/* Pass a chunk through extension i, and its output through those below it. */
static int take(in_run *run, size_t i, const wsuv_extension_chunk_t *chunk) {
  unsigned below = run->set->in_active & ((1u << i) - 1);
  if (below == 0) return call_incoming(run, i, chunk, run->out);
  in_stage stage = {.sink = {.more = stage_more}, .run = run, .above = i};
  int r = call_incoming(run, i, chunk, &stage.sink);
  if (stage.err < 0) return stage.err;
  if (r != 0) return r;
  if (stage.sink.at == stage.base && !chunk->last) return 0;
  r = pass_on(&stage, chunk->last);
  return r < 0 ? r : 0;
}

/* Pass a chunk through the extensions below; the one that was installed last comes first. */
static int push(in_run *run, size_t below, const wsuv_extension_chunk_t *chunk) {
  extension_set *set = run->set;
  for (size_t i = below; i-- > 0;) {
    if (!has(set->in_active, i)) continue;
    int r = take(run, i, chunk);
    if (r == 0) set_bit(&set->in_taken, i);
    if (r <= 0) return r;
    clear_bit(&set->in_active, i);
  }
  if (set->in_taken == 0) return WSUV_EXTENSION_PASS;
  return wsuv_sink_write(run->out, chunk->data, chunk->len);
}

int extension_set_incoming(extension_set *set, extension_scratch *scratch, wsuv_frame_type_t type,
                           uint8_t rsv, const wsuv_extension_chunk_t *chunk, wsuv_sink_t *out,
                           const char **why) {
  in_run run = {.set = set, .scratch = scratch, .type = type, .out = out, .why = ""};
  if (chunk->first) {
    set->in_active = with_hook(set, false);
    set->in_begun = set->in_taken = 0;
    set->in_rsv = rsv;
  }
  int r = push(&run, set->count, chunk);
  *why = run.why;
  return r;
}

/* Sending */

static int call_outgoing(const extension_entry *entry, extension_send *send, wsuv_sink_t *sink,
                         bool *intact) {
  const wsuv_extension_chunk_t *chunk = &send->chunk;
  bool whole = chunk->first && chunk->last;
  wsuv_extension_message_t message = {.type = send->type,
                                      .len = whole ? chunk->len : WSUV_LEN_UNKNOWN,
                                      .plain = send->plain,
                                      .why = ""};
  int r = entry->hooks->outgoing(entry->state, &message, chunk, sink);
  if (r < 0) send->why = usable(message.why);
  if (r > 0 && !chunk->first) return WS_EINVAL;
  if (r == 0 && chunk->first) send->rsv |= (uint8_t) (message.rsv & entry->hooks->rsv);
  *intact = message.intact && chunk->first;
  return r;
}

/* Pass the chunk through one extension. Its output replaces the chunk. */
static int run_outgoing(extension_set *set, size_t i, extension_scratch *scratch, int turn,
                        extension_send *send) {
  block_sink sink;
  block *to = &scratch->blocks[turn];
  bool intact = false;
  to->len = 0;
  block_sink_begin(&sink, to, &scratch->spares[turn], SIZE_MAX);
  int r = call_outgoing(&set->entries[i], send, &sink.sink, &intact);
  block_sink_end(&sink);
  if (r == 0) {
    send->chunk.data = to->base;
    send->chunk.len = to->len;
  }
  if (r == 0 || (r < 0 && !intact)) send->taken = true;
  return r;
}

int extension_set_outgoing(extension_set *set, extension_scratch *scratch, extension_send *send) {
  int turn = 0;
  send->rsv = 0;
  send->taken = false;
  send->why = "";
  if (send->chunk.first) set->out_active = with_hook(set, true);
  for (size_t i = 0; i < set->count; i++) {
    if (!has(set->out_active, i)) continue;
    int r = run_outgoing(set, i, scratch, turn, send);
    if (r < 0) return r;
    if (r > 0) clear_bit(&set->out_active, i);
    if (r == 0) turn ^= 1;
  }
  return 0;
}
