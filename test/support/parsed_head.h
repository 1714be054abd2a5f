#ifndef TEST_PARSED_HEAD_H
#define TEST_PARSED_HEAD_H

/* The head of a request, taken apart as an HTTP server of the program's does. */

#include <stdbool.h>
#include <stddef.h>

#include <wsuv/http_request.h>

#include "support/frames.h"

enum { PARSED_FIELDS_MAX = 24 };

typedef struct parsed_head {
  wsuv_http_request_t request; /* its texts are in `text` */
  wsuv_header_t fields[PARSED_FIELDS_MAX];
  char *text;
  size_t len; /* bytes of the head */
} parsed_head;

/* false: the head is not complete. */
bool parsed_head_read(parsed_head *h, const bytes *from);
void parsed_head_free(parsed_head *h);

#endif
