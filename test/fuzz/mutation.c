#include "fuzz/mutation.h"

#include <string.h>

#include "testkit/check.h"

enum { HEADER = 5, MESSAGE_HEADER = 4, BYTES_MAX = 1 << 20, FEW = 64, RECORDS_MAX = 64 };

/* Bytes */

void bytes_free(bytes *b) {
  check_free(b->data);
  *b = (bytes){.data = NULL};
}

void bytes_replace(bytes *b, size_t at, size_t old, const void *data, size_t len) {
  CHECK(at <= b->len && old <= b->len - at);
  size_t now = b->len - old + len;
  if (now > b->size) {
    b->size = 2 * now;
    b->data = check_realloc(b->data, b->size);
  }
  if (b->len > at + old) memmove(b->data + at + len, b->data + at + old, b->len - at - old);
  if (len > 0) memcpy(b->data + at, data, len);
  b->len = now;
}

/* The same with bytes that may be its own. */
static void bytes_repeat(bytes *b, size_t to, size_t from, size_t len) {
  bytes copy = {.data = NULL};
  bytes_replace(&copy, 0, 0, b->data + from, len);
  bytes_replace(b, to, 0, copy.data, len);
  bytes_free(&copy);
}

/* Chance (splitmix64) */

void mutator_seed(mutator *m, uint64_t seed) {
  m->state = seed;
}

void mutator_free(mutator *m) {
  for (size_t i = 0; i < POOL_RECORDS; i++) bytes_free(&m->pool[i]);
}

uint64_t mutator_random(mutator *m) {
  uint64_t z = m->state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

size_t mutator_below(mutator *m, size_t bound) {
  return (size_t) (mutator_random(m) % bound);
}

bool mutator_chance(mutator *m, unsigned percent) {
  return mutator_below(m, 100) < percent;
}

static uint8_t some_byte(mutator *m) {
  static const uint8_t edges[] = {0, 1, 2, 3, 4, 0x7f, 0x80, 0xfe, 0xff};
  return mutator_chance(m, 50) ? edges[mutator_below(m, sizeof edges)]
                               : (uint8_t) mutator_random(m);
}

static void some_bytes(mutator *m, uint8_t *to, size_t len) {
  for (size_t i = 0; i < len; i++) to[i] = some_byte(m);
}

/* Bytes of a flight */

static void change_byte(mutator *m, bytes *b) {
  if (b->len > 0) b->data[mutator_below(m, b->len)] = some_byte(m);
}

static void flip_bit(mutator *m, bytes *b) {
  if (b->len > 0) b->data[mutator_below(m, b->len)] ^= (uint8_t) (1 << mutator_below(m, 8));
}

static void insert_bytes(mutator *m, bytes *b) {
  uint8_t some[FEW];
  size_t len = 1 + mutator_below(m, sizeof some);
  some_bytes(m, some, len);
  bytes_replace(b, mutator_below(m, b->len + 1), 0, some, len);
}

static void remove_bytes(mutator *m, bytes *b) {
  size_t at = mutator_below(m, b->len + 1), left = b->len - at;
  if (left > FEW && mutator_chance(m, 70)) left = FEW;
  bytes_replace(b, at, mutator_below(m, left + 1), NULL, 0);
}

static void repeat_bytes(mutator *m, bytes *b) {
  size_t at = mutator_below(m, b->len + 1);
  bytes_repeat(b, mutator_below(m, b->len + 1), at, mutator_below(m, b->len - at + 1));
}

/* Records of a flight */

typedef struct records {
  size_t count;
  size_t at[RECORDS_MAX + 1]; /* where each begins, and where the last one ends */
} records;

static size_t two(const uint8_t *p) {
  return (size_t) p[0] << 8 | p[1];
}

static void put_two(uint8_t *p, size_t n) {
  p[0] = (uint8_t) (n >> 8);
  p[1] = (uint8_t) n;
}

static records find_records(const bytes *b) {
  records r = {.count = 0};
  size_t at = 0;
  while (r.count < RECORDS_MAX && b->len - at >= HEADER) {
    size_t len = HEADER + two(b->data + at + 3);
    if (len > b->len - at) break;
    at += len;
    r.at[++r.count] = at;
  }
  return r;
}

static size_t len_of(const records *r, size_t i) {
  return r->at[i + 1] - r->at[i];
}

static void drop_record(mutator *m, bytes *b, const records *r) {
  size_t i = mutator_below(m, r->count);
  bytes_replace(b, r->at[i], len_of(r, i), NULL, 0);
}

static void repeat_record(mutator *m, bytes *b, const records *r) {
  size_t i = mutator_below(m, r->count), to = mutator_below(m, r->count + 1);
  bytes_repeat(b, r->at[to], r->at[i], len_of(r, i));
}

static void swap_records(mutator *m, bytes *b, const records *r) {
  if (r->count < 2) return;
  size_t i = mutator_below(m, r->count - 1);
  bytes_repeat(b, r->at[i], r->at[i + 1], len_of(r, i + 1));
  bytes_replace(b, r->at[i + 2], len_of(r, i + 1), NULL, 0);
}

static void change_header(mutator *m, bytes *b, const records *r) {
  uint8_t *header = b->data + r->at[mutator_below(m, r->count)];
  switch (mutator_below(m, 3)) {
  case 0: header[0] = (uint8_t) (20 + mutator_below(m, 6)); break;
  case 1: header[1 + mutator_below(m, 2)] = some_byte(m); break;
  default: put_two(header + 3, two(header + 3) + mutator_below(m, 9) - 4);
  }
}

static void split_record(mutator *m, bytes *b, const records *r) {
  size_t i = mutator_below(m, r->count), body = len_of(r, i) - HEADER;
  size_t first = mutator_below(m, body + 1);
  uint8_t header[HEADER];
  memcpy(header, b->data + r->at[i], HEADER);
  put_two(b->data + r->at[i] + 3, first);
  put_two(header + 3, body - first);
  bytes_replace(b, r->at[i] + HEADER + first, 0, header, HEADER);
}

static void join_records(mutator *m, bytes *b, const records *r) {
  if (r->count < 2) return;
  size_t i = mutator_below(m, r->count - 1);
  put_two(b->data + r->at[i] + 3, len_of(r, i) + len_of(r, i + 1) - 2 * HEADER);
  bytes_replace(b, r->at[i + 1], HEADER, NULL, 0);
}

static void insert_from_pool(mutator *m, bytes *b, const records *r) {
  if (m->kept == 0) return;
  size_t count = m->kept < POOL_RECORDS ? m->kept : POOL_RECORDS;
  const bytes *record = &m->pool[mutator_below(m, count)];
  bytes_replace(b, r->at[mutator_below(m, r->count + 1)], 0, record->data, record->len);
}

/* Records that are well formed, and have no place there; one, or very many. */
static void insert_foreign(mutator *m, bytes *b, const records *r) {
  static const uint8_t list[][HEADER + 6] = {
      {20, 3, 3, 0, 1, 1},                /* change_cipher_spec */
      {21, 3, 3, 0, 2, 1, 0},             /* close_notify */
      {21, 3, 3, 0, 2, 1, 90},            /* user_canceled */
      {21, 3, 3, 0, 2, 1, 100},           /* no_renegotiation */
      {21, 3, 3, 0, 2, 2, 40},            /* handshake_failure */
      {22, 3, 3, 0, 4, 0, 0, 0, 0},       /* HelloRequest */
      {22, 3, 3, 0, 0},                   /* empty ones */
      {22, 3, 3, 0, 5, 24, 0, 0, 1, 1},   /* KeyUpdate, in clear */
      {22, 3, 3, 0, 4, 20, 0, 0, 0},      /* Finished */
      {22, 3, 3, 0, 4, 4, 0xff, 0xff, 0}, /* NewSessionTicket, of which most is missing */
      {23, 3, 3, 0, 0},
  };
  const uint8_t *record = list[mutator_below(m, sizeof list / sizeof *list)];
  size_t at = r->at[mutator_below(m, r->count + 1)];
  size_t times = mutator_chance(m, 70) ? 1 : 1 + mutator_below(m, 100);
  for (size_t i = 0; i < times; i++) bytes_replace(b, at, 0, record, HEADER + two(record + 3));
}

/* Handshake messages in clear */

/* Bytes are put in or taken out, and the lengths of record and message follow. */
static void resize_message(mutator *m, bytes *b, const records *r) {
  size_t i = mutator_below(m, r->count), body = len_of(r, i) - HEADER, at = r->at[i];
  uint8_t some[FEW];
  if (b->data[at] != 22 || body < MESSAGE_HEADER) return;
  size_t room = body - MESSAGE_HEADER, place = mutator_below(m, room + 1);
  size_t old = mutator_chance(m, 50) ? mutator_below(m, room - place + 1) : 0;
  size_t len = mutator_chance(m, 50) ? mutator_below(m, sizeof some) : 0;
  some_bytes(m, some, len);
  bytes_replace(b, at + HEADER + MESSAGE_HEADER + place, old, some, len);
  put_two(b->data + at + 3, body - old + len);
  uint8_t *message = b->data + at + HEADER;
  size_t now = ((size_t) message[1] << 16 | two(message + 2)) - old + len;
  message[1] = (uint8_t) (now >> 16);
  put_two(message + 2, now);
}

/* A length, or another number of two bytes, goes up or down a little. */
static void change_number(mutator *m, bytes *b, const records *r) {
  size_t i = mutator_below(m, r->count), body = len_of(r, i) - HEADER;
  if (body < 2) return;
  uint8_t *at = b->data + r->at[i] + HEADER + mutator_below(m, body - 1);
  put_two(at, two(at) + mutator_below(m, 9) - 4);
}

/* All of them */

static const struct {
  unsigned share;
  void (*apply)(mutator *m, bytes *b);
} of_bytes[] = {
    {3, change_byte}, {3, flip_bit}, {2, insert_bytes}, {2, remove_bytes}, {1, repeat_bytes}};

static const struct {
  unsigned share;
  void (*apply)(mutator *m, bytes *b, const records *r);
} of_records[] = {{1, drop_record},      {1, repeat_record},  {1, swap_records},
                  {2, change_header},    {2, split_record},   {1, join_records},
                  {2, insert_from_pool}, {2, insert_foreign}, {4, resize_message},
                  {4, change_number}};

static void mutate_bytes(mutator *m, bytes *b) {
  size_t at = mutator_below(m, 11), i = 0;
  while (at >= of_bytes[i].share) at -= of_bytes[i++].share;
  of_bytes[i].apply(m, b);
}

static void mutate_records(mutator *m, bytes *b, const records *r) {
  size_t at = mutator_below(m, 20), i = 0;
  while (at >= of_records[i].share) at -= of_records[i++].share;
  of_records[i].apply(m, b, r);
}

void mutate(mutator *m, bytes *flight) {
  const records r = find_records(flight);
  if (flight->len > BYTES_MAX) return;
  if (r.count == 0 || mutator_chance(m, 30)) {
    mutate_bytes(m, flight);
  } else {
    mutate_records(m, flight, &r);
  }
}

void mutator_keep(mutator *m, const bytes *flight) {
  const records r = find_records(flight);
  for (size_t i = 0; i < r.count; i++) {
    if (!mutator_chance(m, 20)) continue;
    bytes *to = &m->pool[m->kept++ % POOL_RECORDS];
    bytes_replace(to, 0, to->len, flight->data + r.at[i], len_of(&r, i));
  }
}
