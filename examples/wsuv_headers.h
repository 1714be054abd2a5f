#ifndef EXAMPLES_WSUV_HEADERS_H
#define EXAMPLES_WSUV_HEADERS_H

/* The header fields that the command line adds, and those of files. */

#include <stddef.h>
#include <wsuv.h>

/* All zeros: none. */
typedef struct header_list {
  wsuv_header_t *fields; /* their texts are those of argv, and the lines */
  size_t count, room;
  char **lines; /* of files */
  size_t line_count, line_room;
} header_list;

/* 'NAME: VALUE', which is taken apart in place and must stay. 0; UV_EINVAL: it has no colon;
   UV_ENOMEM. */
int headers_add(header_list *h, char *text);

/* Each line of a file is a field, but empty ones. As headers_add, or why the file cannot be read;
 *line is the number of the line that was read last. */
int headers_read(header_list *h, const char *path, unsigned long *line);

void headers_free(header_list *h);

#endif
