#ifndef WS_PROTO_HANDSHAKE_FORWARDED_H
#define WS_PROTO_HANDSHAKE_FORWARDED_H

/* What proxies say of a request in its header fields, in one of two families:

     X-Forwarded-For: 203.0.113.7, 10.0.0.2    each proxy adds the address of its peer
     X-Forwarded-Host: app.example             what the request was for
     X-Forwarded-Proto: https

     Forwarded: for=203.0.113.7;host=app.example;proto=https, for=10.0.0.2       RFC 7239

   Each proxy adds to the right, so the fields are read from the right: the last element comes from
   our peer, the one before it from the proxy before, and at last from the client itself, which may
   write anything. Nothing here knows whom to believe: the caller asks for one element after the
   other, and stops at the first address that is no proxy of its own. What is left of it is never
   looked at, so that quotation marks of the client do not hide what a proxy has added. */

#include <stdbool.h>
#include <stddef.h>

#include <wsuv/config.h>

#include "base/ip.h"
#include "base/view.h"
#include "proto/http/headers.h"

typedef struct forwarded {
  const header_store *fields; /* These are the fields of the request. */
  bool standard;              /* The family is that of RFC 7239. */
  size_t lines;               /* This many fields of the list were not begun. */
  const char *line;           /* This is the field that is being read, or NULL. */
  size_t left;                /* This many characters of it were not read. */
  size_t depth;               /* This many elements were read. */
  bool malformed;             /* The element after those is malformed. */
  ws_text host, proto;        /* Forwarded: these are parameters of the element that was read. */
} forwarded;

typedef enum forwarded_result {
  FORWARDED_END,    /* there are no more elements, or the next one is malformed */
  FORWARDED_NOBODY, /* an element without an address ("unknown", "_hidden") */
  FORWARDED_ADDRESS /* an element with an address */
} forwarded_result;

/* Begin at the right end of a family, which is not WSUV_FORWARDED_NONE. The fields must outlive
   it. */
void forwarded_begin(forwarded *f, const header_store *fields, wsuv_forwarded_t family);

/* Read the next element to the left. With FORWARDED_ADDRESS it is in *address. */
forwarded_result forwarded_next(forwarded *f, ws_ip *address);

/* The host and the scheme that belong to the element which was read last; len is 0 if they are not
   said. They point into the fields.
   X-Forwarded-Host and X-Forwarded-Proto may be lists, too: theirs is the value as far from the
   right as that element, or the first one if there are fewer. They count without X-Forwarded-For,
   but not if its last element is malformed. */
ws_text forwarded_host(const forwarded *f);
ws_text forwarded_proto(const forwarded *f);

#endif
