#ifndef TEST_WIRE_H
#define TEST_WIRE_H

/* The peer's end of a connection, the same over a simulated and over a real socket. All events run
   from the loop. Writing never fails and never blocks: what cannot go yet is kept. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct wire wire;

typedef struct wire_events {
  void (*on_data)(void *up, const uint8_t *data, size_t len);
  void (*on_end)(void *up, int status); /* once: 0, the client's FIN; or an error */
} wire_events;

typedef struct wire_ops {
  void (*read)(wire *w, bool on);                       /* at first it does not read */
  void (*write)(wire *w, const void *data, size_t len); /* copied */
  void (*end)(wire *w);                                 /* FIN behind all that was written */
  void (*close)(wire *w); /* as close(2), what is kept is lost; no event comes any more */
  void (*reset)(wire *w); /* the same, with a reset for the client */
} wire_ops;

struct wire {
  const wire_ops *ops;
  const wire_events *events; /* set by the peer that accepts it */
  void *up;
};

#endif
