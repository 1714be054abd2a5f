#ifndef WS_PROTO_HTTP_HTTP_MESSAGE_H
#define WS_PROTO_HTTP_HTTP_MESSAGE_H

/* Reads one HTTP/1 message as it arrives, with llhttp: the head, with limits, into fields, then the
   part of a response's body that is kept. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <llhttp.h>

#include "base/alloc.h"
#include "base/text_buf.h"
#include "proto/http/headers.h"
#include "proto/http/http_scan.h"
#include "proto/http/request_line.h"

enum {
  HTTP_BODY_MAX = 4096,         /* bytes kept of a body */
  HTTP_BODY_WIRE_MAX = 1 << 16, /* bytes read of a body, with all that is not payload in it */
  HTTP_INTERIM_MAX = 8          /* interim responses (1xx) that may come before the final one */
};

typedef struct http_message {
  llhttp_t parser;      /* This is the state of llhttp; its `data` points to the message. */
  http_scan scan;       /* This finds the end of the head. */
  header_store fields;  /* These are the header fields that were read. */
  text_buf line;        /* This is the first line of a request, as far as it was read. */
  request_line request; /* Once the first line of a request was read, these are its parts. */
  text_buf body;        /* These are the first bytes of a response's body, at most HTTP_BODY_MAX. */
  size_t head_left;     /* This head and later ones may have at most this many more bytes. */
  size_t body_left;     /* At most this many more bytes of the body are read. */
  size_t max_fields;    /* One head may have at most this many fields. */
  bool line_done;       /* The first line of a request has been parsed. */
  bool head_done;       /* The head has been parsed. */
  bool complete;        /* The whole message has been parsed. */
  int error;            /* This is the error that was found, or 0. */
  /* After an error, this static text says what was wrong; otherwise it is "". */
  const char *detail;
} http_message;

/* Prepare for HTTP_REQUEST or HTTP_RESPONSE. The structure may not be moved afterwards. */
void http_message_init(http_message *m, const wsuv_allocator_t *alloc, llhttp_type_t type,
                       size_t max_size, size_t max_fields);
void http_message_clear(http_message *m); /* frees all */

/* Prepare for the next message. The limit for heads counts on. */
void http_message_next(http_message *m);

/* Take bytes of the head. *used says how many belong to it.
   1: it is read; 0: more is needed; WSUV_EHTTP: malformed; WSUV_EHEADERS: larger than max_size or
   more than max_fields fields; WS_ENOMEM. After an error it is not called again. */
int http_message_read_head(http_message *m, const uint8_t *data, size_t len, size_t *used);

/* Read bytes of the body of a response with a status of 200 or more; len may be 0. *used says how
   many belong to it. 1: the body is complete, or as much as is kept was read, or HTTP_BODY_WIRE_MAX
   bytes with the chunk headers, chunk extensions and trailers among them, or it cannot be read; 0:
   more may come; WS_ENOMEM. After 1 it may be called again, to find the end of a body of which only
   the beginning is kept: `complete` says whether it was found. */
int http_message_read_body(http_message *m, const uint8_t *data, size_t len, size_t *used);

/* Once the head is read: */
int http_message_status(const http_message *m); /* the status of a response */
/* The version of a response, as in request_line: 11 for HTTP/1.1. */
unsigned http_message_version(const http_message *m);
/* Whether the head of a response says that another one may follow on the connection (RFC 9112 6.3,
   9.3): the end of its body can be found, and it does not close. What older proxies say in
   Proxy-Connection counts, too. */
bool http_message_persists(const http_message *m);

#endif
