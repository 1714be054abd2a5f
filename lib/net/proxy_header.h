#ifndef WS_NET_PROXY_HEADER_H
#define WS_NET_PROXY_HEADER_H

/* Reads the header of the PROXY protocol, versions 1 and 2, with which a proxy begins a connection
   to say whose it is (haproxy.org, "The PROXY protocol", 2020). No I/O: bytes are fed. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"

enum {
  PROXY_HEADER_V1_MAX = 107, /* bytes of a header of version 1, with its CRLF */
  PROXY_HEADER_V2_MAX = 4096 /* bytes of one of version 2 that are accepted; it could have 65,551 */
};

/* Whose connection it is. */
typedef enum proxy_source {
  PROXY_SOURCE_PROXY,   /* the proxy's own, such as a health check */
  PROXY_SOURCE_UNKNOWN, /* of a client whose address is not said, or is none of IP */
  PROXY_SOURCE_ADDRESS  /* of the client with the address */
} proxy_source;

typedef struct proxy_header {
  uint8_t bytes[PROXY_HEADER_V1_MAX + 1]; /* These are the first bytes of the header. */
  size_t len;          /* This many bytes of the header have come; not all of them are kept. */
  size_t total;        /* Version 2: the header has this many bytes; 0: this is not known. */
  size_t option_left;  /* Version 2: this many bytes of the present option are missing. */
  uint8_t option[3];   /* Version 2: these are type and length of the present option. */
  size_t option_len;   /* Version 2: this many bytes of `option` have come. */
  uint32_t crc;        /* Version 2: this is the CRC32c of what has come, without its own value. */
  uint32_t sent_crc;   /* Version 2: this is the CRC32c that the header has, as far as it came. */
  bool has_crc;        /* Version 2: the header has a CRC32c. */
  bool wrong_option;   /* Version 2: an option is malformed. */
  proxy_source source; /* Once the header is read: this is whose connection it is. */
  ws_ip address;       /* With PROXY_SOURCE_ADDRESS: this is the client's address. */
  const char *detail;  /* After an error, this static text says what is wrong. */
} proxy_header;

void proxy_header_init(proxy_header *h);

/* At least so many more bytes belong to the header, unless it is malformed: a caller that reads no
   more than this never reads what is behind it. It is 1 or more until the header is read. */
size_t proxy_header_wants(const proxy_header *h);

/* Read bytes. *used says how many belong to the header. 1: it is read; 0: more is needed;
   WS_EINVAL: it is malformed, of a version or kind that does not exist, too long, or not one at
   all. The result does not depend on how the bytes are cut. After anything but 0 it may not be
   called again. */
int proxy_header_feed(proxy_header *h, const uint8_t *data, size_t len, size_t *used);

#endif
