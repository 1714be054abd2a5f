#include "support/bracket.h"

#include <string.h>

#include <wsuv/error.h>

#include "testkit/check.h"

typedef struct bracket_state {
  bracket *b;
  const wsuv_allocator_t *alloc;
  bool holds; /* the last byte that came in, which may be the letter behind the message */
  uint8_t held;
  bool begun;
} bracket_state;

static int install(void *data, const wsuv_allocator_t *alloc, void **shared) {
  bracket *b = data;
  CHECK(alloc != NULL);
  b->installed++;
  *shared = b;
  return 0;
}

static void uninstall(void *shared) {
  bracket *b = shared;
  CHECK(b->states == 0);
  b->installed--;
}

static int make(bracket *b, const wsuv_allocator_t *alloc, void **state) {
  bracket_state *s = alloc->malloc(sizeof *s, alloc->arg);
  if (s == NULL) return -12;
  *s = (bracket_state){.b = b, .alloc = alloc};
  b->states++;
  *state = s;
  return 0;
}

static void unmake(void *state) {
  bracket_state *s = state;
  s->b->states--;
  s->alloc->free(s, s->alloc->arg);
}

static void put_letter(const bracket *b, wsuv_extension_params_t *params) {
  char value[] = {b->letter, '\0'};
  wsuv_extension_put(params, "letter", value);
}

static int offer(void *shared, size_t n, wsuv_extension_params_t *params) {
  bracket *b = shared;
  if ((int) n >= b->offers) return 0;
  put_letter(b, params);
  if (n > 0) wsuv_extension_put(params, "again", NULL);
  return 1;
}

static bool is_ours(const bracket *b, const wsuv_extension_param_t *params, size_t count) {
  return count == 1 && strcmp(params[0].name, "letter") == 0 && params[0].value != NULL &&
         params[0].value[0] == b->letter && params[0].value[1] == '\0';
}

static int accept_answer(void *shared, const wsuv_allocator_t *alloc,
                         const wsuv_extension_param_t *params, size_t count, void **state,
                         const char **why) {
  bracket *b = shared;
  if (is_ours(b, params, count)) return make(b, alloc, state);
  *why = "wrong letter";
  return WSUV_EEXTENSION;
}

static int answer(void *shared, const wsuv_allocator_t *alloc, const wsuv_extension_param_t *params,
                  size_t count, wsuv_extension_params_t *out, void **state) {
  bracket *b = shared;
  if (b->declines || !is_ours(b, params, count)) return 0;
  put_letter(b, out);
  int err = make(b, alloc, state);
  return err < 0 ? err : 1;
}

static int refuse(const bracket *b, wsuv_extension_message_t *message) {
  message->intact = b->intact;
  message->why = "bracket failed";
  return b->fails;
}

static int outgoing(void *state, wsuv_extension_message_t *message,
                    const wsuv_extension_chunk_t *chunk, wsuv_sink_t *sink) {
  bracket_state *s = state;
  bracket *b = s->b;
  CHECK(message->rsv == 0 && (chunk->len == 0 || chunk->data != NULL));
  CHECK(message->len == (chunk->first && chunk->last ? chunk->len : WSUV_LEN_UNKNOWN));
  if (chunk->first && message->plain && !b->late) return WSUV_EXTENSION_PASS;
  b->chunks++;
  int err = chunk->first ? wsuv_sink_write(sink, &b->letter, 1) : 0;
  if (err < 0) return err;
  if (b->fails < 0) return refuse(b, message);
  err = wsuv_sink_write(sink, chunk->data, chunk->len);
  if (err == 0 && chunk->last) err = wsuv_sink_write(sink, &b->letter, 1);
  if (err < 0) return err;
  if (chunk->first && message->plain) return WSUV_EXTENSION_PASS;
  message->rsv = 7; /* those that are not claimed do not count */
  return WSUV_EXTENSION_TAKEN;
}

/* All but the last byte, which is held until it is known whether there is one behind it. */
static int take_in(bracket_state *s, const wsuv_extension_chunk_t *chunk, wsuv_sink_t *sink) {
  for (size_t i = 0; i < chunk->len; i++) {
    if (!s->begun) {
      if (chunk->data[i] != (uint8_t) s->b->letter) return WSUV_EPROTOCOL;
      s->begun = true;
      continue;
    }
    int err = s->holds ? wsuv_sink_write(sink, &s->held, 1) : 0;
    if (err < 0) return err;
    s->held = chunk->data[i];
    s->holds = true;
  }
  return 0;
}

static int incoming(void *state, wsuv_extension_message_t *message,
                    const wsuv_extension_chunk_t *chunk, wsuv_sink_t *sink) {
  bracket_state *s = state;
  bracket *b = s->b;
  CHECK((message->rsv & ~b->hooks.rsv) == 0 && message->len == WSUV_LEN_UNKNOWN);
  if (chunk->first && b->hooks.rsv != 0 && message->rsv == 0) return WSUV_EXTENSION_PASS;
  if (chunk->first) s->begun = s->holds = false;
  b->chunks++;
  int err = take_in(s, chunk, sink);
  if (err == 0 && b->fails < 0) return refuse(b, message);
  bool ends = s->holds && s->held == (uint8_t) b->letter;
  if (err == 0 && chunk->last && !ends) err = WSUV_EPROTOCOL;
  if (err == WSUV_EPROTOCOL) message->why = "no bracket";
  return err;
}

void bracket_init(bracket *b, const char *key, unsigned rsv, char letter) {
  memset(b, 0, sizeof *b);
  b->letter = letter;
  b->offers = 1;
  wsuv_extension_init(&b->hooks);
  b->hooks.key = key;
  b->hooks.rsv = rsv;
  b->hooks.data = b;
  b->hooks.install = install;
  b->hooks.uninstall = uninstall;
  b->hooks.offer = offer;
  b->hooks.accept = accept_answer;
  b->hooks.answer = answer;
  b->hooks.state_free = unmake;
  b->hooks.incoming = incoming;
  b->hooks.outgoing = outgoing;
}
