#ifndef WS_NET_ADDRESS_H
#define WS_NET_ADDRESS_H

/* Socket addresses from text. Nothing is looked up. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/ip.h"

enum {
  ADDRESS_PATH_MAX = 107, /* bytes of a Unix socket's path: sun_path without its NUL */
  ADDRESS_TEXT_SIZE = 128 /* room for address_print */
};

/* An IPv4 address, or an IPv6 address without brackets, perhaps with "%" and a zone. false: it is
   none, and *addr is undefined. */
bool address_parse(struct sockaddr_storage *addr, const char *text, uint16_t port);

/* The socket address of an IP address. */
void address_of_ip(struct sockaddr_storage *addr, const ws_ip *ip);

/* The other way round. false: it is no IP address. */
bool address_to_ip(const struct sockaddr_storage *addr, ws_ip *ip);

/* The address of a Unix socket; `len` is ADDRESS_PATH_MAX at most. */
void address_of_path(struct sockaddr_storage *addr, const char *path, size_t len);

/* Set *addr to no address (AF_UNSPEC), and check whether it is an address. */
void address_clear(struct sockaddr_storage *addr);
bool address_is_set(const struct sockaddr_storage *addr);

/* Set the port of an IPv4 or IPv6 address. */
void address_set_port(struct sockaddr_storage *addr, uint16_t port);

/* An address as text, without its port: a literal, or the path of a Unix socket. */
void address_print(char text[ADDRESS_TEXT_SIZE], const struct sockaddr_storage *addr);

/* The port of an IP address; 0 for any other. */
uint16_t address_port(const struct sockaddr_storage *addr);

/* Whether only this machine can reach it: IPv4 127.0.0.0/8, also mapped into IPv6, and IPv6 ::1. */
bool address_is_loopback(const struct sockaddr_storage *addr);

/* What identifies the host of an IP address: an IPv4 address, also one that is mapped into IPv6, or
   the first 64 bits of an IPv6 address, which one host usually has for itself. false: it is no IP
   address. */
bool address_host(const struct sockaddr_storage *addr, uint64_t *host);

#endif
