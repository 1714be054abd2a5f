#ifndef EXAMPLES_WSUV_RESOLVE_H
#define EXAMPLES_WSUV_RESOLVE_H

/* Addresses that are given on the command line in place of a lookup: HOST:PORT:ADDRESS. */

#include <stdbool.h>
#include <stddef.h>

typedef struct resolve_entry {
  const char *host; /* without brackets */
  unsigned long port;
  const char *address; /* without brackets */
} resolve_entry;

/* Take `s` apart in place; IPv6 addresses may have brackets. false: it is no such thing. */
bool resolve_read(resolve_entry *entry, char *s);

/* The address of the first entry for the host and port of `url`; NULL: none. */
const char *resolve_find(const resolve_entry *entries, size_t count, const char *url);

#endif
