#ifndef TEST_DNS_SERVER_H
#define TEST_DNS_SERVER_H

/* A name server on loopback, UDP and TCP, on a loop of the test's. It answers by rules. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

enum { DNS_ADDRESSES = 8 };

typedef struct dns_rule {
  const char *name;                     /* as it is asked; NULL: the last rule, of all others */
  const char *addresses[DNS_ADDRESSES]; /* IPv4 and IPv6; none: no data */
  const char *cname;                    /* the name is an alias; the addresses are those of this */
  uint8_t rcode;                        /* 2: SERVFAIL, 3: NXDOMAIN, 5: REFUSED; no addresses */
  bool silent;                          /* never answers */
  bool silent_aaaa;                     /* does not answer questions for IPv6 */
  bool truncates;                       /* over UDP: come by TCP */
  bool garbage;                         /* an answer that is cut off */
} dns_rule;

typedef struct dns_server {
  uv_udp_t udp;
  uv_tcp_t tcp;
  const dns_rule *rules;
  uint16_t port;
  size_t questions, by_tcp; /* so far */
  char asked[256];          /* the last name */
} dns_server;

/* At a literal address; port 0: any that is free. The handles do not keep the loop alive. */
void dns_server_start(dns_server *s, uv_loop_t *loop, const char *addr, uint16_t port,
                      const dns_rule *rules);
void dns_server_stop(dns_server *s); /* the loop has to run once more */

#endif
