#ifndef EXAMPLES_WSUV_JSON_H
#define EXAMPLES_WSUV_JSON_H

/* Messages as lines of JSON (RFC 8259), for the option --json:
   {"type":"text","data":"TEXT"} or {"type":"binary","data":"BASE64"}. */

#include <stdbool.h>
#include <stddef.h>
#include <wsuv.h>

/* Write a message as a line, with its end; `time` stands in it unless NULL. What output_write()
   returns. Control characters are escaped. */
int json_write(wsuv_frame_type_t type, const void *data, size_t len, const char *time);

typedef struct json_message {
  char *memory; /* to be freed */
  wsuv_frame_type_t type;
  const char *data;
  size_t len;
} json_message;

/* Read such an object, or a string, which is a text message; other members of the object are
   ignored if their values are strings. 0; UV_EINVAL: it is neither; UV_ENOMEM. After an error there
   is nothing to be freed. */
int json_read(json_message *message, const char *line, size_t len);

#endif
