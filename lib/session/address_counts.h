#ifndef WS_SESSION_ADDRESS_COUNTS_H
#define WS_SESSION_ADDRESS_COUNTS_H

/* How many connections of a server come from one address (address_host). Unix sockets are not
   counted. */

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/list.h"

/* The counts of one address, which exist while one of them is not 0. */
typedef struct address_count {
  ws_list node;        /* This links it into a list of address_counts.buckets. */
  uint64_t key;        /* These are the bits of the address that are compared. */
  unsigned handshakes; /* This many connections have no complete request. */
  unsigned requests;   /* For this many plain requests the program owes the answer. */
  unsigned sessions;   /* This many sessions are there, or may be accepted by the program. */
  /* In a table whose keys are not addresses: the counts that this belongs to. */
  struct address_count *of;
} address_count;

struct sockaddr_storage;

typedef struct address_counts {
  const wsuv_allocator_t *alloc; /* The endpoint's allocator outlives the counts. */
  uint64_t seed;       /* This random number is in the hash, so that nobody can choose it. */
  ws_list *buckets;    /* The lists of addresses, by hash; NULL: none was counted yet. */
  size_t bucket_count; /* This is the number of `buckets`, a power of two. */
  size_t count;        /* This many addresses are counted. */
  /* This is the memory of the address that was dropped last, or NULL: most come and go one by
     one. */
  address_count *spare;
} address_counts;

void address_counts_init(address_counts *t, const wsuv_allocator_t *alloc, uint64_t seed);
void address_counts_free(address_counts *t); /* all counts are 0 */

/* The counts of an address. If all are 0 afterwards, call address_counts_drop. NULL: it is not an
   IP address, or there is no memory (*err is WS_ENOMEM, otherwise 0). */
address_count *address_counts_get(address_counts *t, const struct sockaddr_storage *addr, int *err);

/* The same for any key. NULL: no memory. */
address_count *address_counts_at(address_counts *t, uint64_t key);

/* Without making them; NULL: all counts are 0. */
address_count *address_counts_find(const address_counts *t, uint64_t key);
address_count *address_counts_find_address(const address_counts *t,
                                           const struct sockaddr_storage *addr);

/* Forget an address if its counts are 0. */
void address_counts_drop(address_counts *t, address_count *c);

#endif
