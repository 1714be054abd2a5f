#ifndef TEST_SIM_CONTENT_H
#define TEST_SIM_CONTENT_H

/* What messages have in them. A message is a number, and its type, length and bytes follow from the
   number and the salt of its flow: so neither end has to keep what was sent. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONTENT_MAX = 64 * 1024 }; /* bytes of a message */

typedef struct content {
  const uint8_t *data; /* The bytes, in memory that is never freed. */
  size_t len;          /* There are so many of them. */
  bool text;           /* The message is text, which is valid UTF-8. */
} content;

/* The message with this number, of `most` bytes at most. */
content content_of(uint64_t salt, uint32_t number, size_t most);

#endif
