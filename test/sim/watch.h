#ifndef TEST_SIM_WATCH_H
#define TEST_SIM_WATCH_H

/* Reads the frames on the simulated wire, in both directions of each connection, by code that
   shares nothing with the library (RFC 6455 5.2). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WATCH_HEADER_MAX = 14, WATCH_KEYS = 4 };

/* One direction of one connection. Zeroed is the beginning. */
typedef struct watched {
  uint8_t head_end; /* So many characters of the empty line behind the head have come. */
  bool known;       /* Whose connection it is was found out. */
  bool open;        /* The head is over, and frames follow, */
  bool refused;     /* unless it was a response other than 101, or a plain request of visits.c. */
  /* Of the header of a frame, or of the head, so many bytes are here. */
  uint8_t have;
  uint8_t header[WATCH_HEADER_MAX];
  uint64_t payload;          /* So many bytes of payload are still to come. */
  uint32_t keys[WATCH_KEYS]; /* The last masking keys. */
  size_t frames;             /* So many frames have begun. */
} watched;

/* A header is complete. */
typedef void (*watch_cb)(void *arg, watched *w, bool masked, uint32_t key);

void watch_bytes(watched *w, const uint8_t *data, size_t len, watch_cb cb, void *arg);

/* Note the masking key of the frame. Whether it is that of one of the few frames before it. */
bool watch_key_repeats(watched *w, uint32_t key);

#endif
