#include "session/connect_queue.h"

#include <string.h>

#include "base/error.h"
#include "base/fnv.h"
#include "proto/http/ascii.h"

/* Hosts in a hash table, each with the places that wait, in order. A host is freed when its last
   place leaves, unless it is remembered. */

struct connect_host {
  ws_list node;       /* This links the host into connect_queue.hosts. */
  ws_list changed;    /* This links it into connect_queue.changed while a turn may be due. */
  ws_list remembered; /* This links it into connect_queue.remembered while it has no place. */
  /* These places wait, in the order in which they came: those that could use a session, and those
     that could not. */
  ws_list waiting[2];
  uint64_t numbers;     /* This many places have come. */
  connect_place *first; /* This place goes alone; NULL: none does. */
  size_t connecting;    /* This many places have their turn. */
  size_t places;        /* This many places are in the queue, with those that wait. */
  bool tried;           /* In this burst a place went alone, and has left. */
  bool gives_none;      /* The host has given no session. */
  uint16_t port;        /* The host is reached on this port; 0 for a Unix socket. */
  size_t len;           /* `name` has this many bytes. */
  char name[];          /* This is the name of the host, or the path. */
};

void connect_queue_init(connect_queue *q, const wsuv_allocator_t *alloc) {
  q->alloc = alloc;
  for (size_t i = 0; i < CONNECT_QUEUE_BUCKETS; i++) ws_list_init(&q->hosts[i]);
  ws_list_init(&q->changed);
  ws_list_init(&q->remembered);
  q->remembered_count = 0;
}

/* Hosts */

static void host_free(connect_queue *q, connect_host *h) {
  ws_list_remove(&h->node);
  ws_list_remove(&h->changed);
  ws_list_remove(&h->remembered);
  ws_free(q->alloc, h);
}

static void host_recall(connect_queue *q, connect_host *h) {
  if (ws_list_empty(&h->remembered)) return;
  ws_list_remove(&h->remembered);
  q->remembered_count--;
}

static void host_forget_oldest(connect_queue *q) {
  connect_host *h = ws_list_entry(q->remembered.next, connect_host, remembered);
  host_recall(q, h);
  host_free(q, h);
}

void connect_queue_free(connect_queue *q) {
  while (q->remembered_count > 0) host_forget_oldest(q);
}

/* The burst is over. */
static void host_rest(connect_queue *q, connect_host *h) {
  if (!h->gives_none) {
    host_free(q, h);
    return;
  }
  h->tried = false;
  ws_list_remove(&h->changed);
  if (q->remembered_count == CONNECT_QUEUE_REMEMBERED) host_forget_oldest(q);
  ws_list_append(&q->remembered, &h->remembered);
  q->remembered_count++;
}

/* Host names that differ in the case of letters have the same hash; so may paths. */
static ws_list *bucket_of(connect_queue *q, ws_text name, uint16_t port) {
  uint32_t hash = fnv_begin(port);
  for (size_t i = 0; i < name.len; i++) {
    hash = fnv_add(hash, (uint8_t) ascii_lower(name.base[i]));
  }
  return &q->hosts[fnv_end(hash) % CONNECT_QUEUE_BUCKETS];
}

/* The case of letters counts in the path of a Unix socket only (RFC 3986 3.2.2). */
static bool host_is(const connect_host *h, ws_text name, uint16_t port) {
  if (h->port != port || h->len != name.len) return false;
  if (port == 0) return memcmp(h->name, name.base, name.len) == 0;
  for (size_t i = 0; i < name.len; i++) {
    if (ascii_lower(h->name[i]) != ascii_lower(name.base[i])) return false;
  }
  return true;
}

static connect_host *host_find(ws_list *bucket, ws_text name, uint16_t port) {
  for (ws_list *n = bucket->next; n != bucket; n = n->next) {
    connect_host *h = ws_list_entry(n, connect_host, node);
    if (host_is(h, name, port)) return h;
  }
  return NULL;
}

static connect_host *host_new(connect_queue *q, ws_list *bucket, ws_text name, uint16_t port) {
  if (name.len > (size_t) -1 - sizeof(connect_host)) return NULL;
  connect_host *h = ws_calloc(q->alloc, sizeof *h + name.len);
  if (h == NULL) return NULL;
  ws_list_append(bucket, &h->node);
  ws_list_init(&h->changed);
  ws_list_init(&h->remembered);
  ws_list_init(&h->waiting[0]);
  ws_list_init(&h->waiting[1]);
  h->port = port;
  h->len = name.len;
  memcpy(h->name, name.base, name.len);
  return h;
}

/* Turns */

/* Whether the place would go alone if its turn came now. */
static bool leads(const connect_host *h, const connect_place *p) {
  return p->session == CONNECT_NEEDS_SESSION && !h->tried && !h->gives_none;
}

static ws_list *line_of(connect_host *h, const connect_place *p) {
  return &h->waiting[p->session == CONNECT_NO_SESSION];
}

static bool may_begin(const connect_host *h, const connect_place *p) {
  bool waits_for_session = h->first != NULL && p->session != CONNECT_NO_SESSION;
  return h->connecting < p->max && !waits_for_session;
}

static void place_begin(connect_host *h, connect_place *p) {
  p->waits = false;
  h->connecting++;
  if (leads(h, p)) h->first = p;
}

int connect_queue_enter(connect_queue *q, connect_place *p, ws_text host, uint16_t port) {
  ws_list *bucket = bucket_of(q, host, port);
  connect_host *h = host_find(bucket, host, port);
  if (h == NULL) h = host_new(q, bucket, host, port);
  if (h == NULL) return WS_ENOMEM;
  host_recall(q, h);
  h->places++;
  p->host = h;
  p->number = h->numbers++;
  ws_list_init(&p->node);
  p->waits = !ws_list_empty(line_of(h, p)) || !may_begin(h, p);
  if (p->waits) {
    ws_list_append(line_of(h, p), &p->node);
  } else {
    place_begin(h, p);
  }
  return 0;
}

/* The first place of the two lines that may begin. */
static connect_place *host_next(connect_host *h) {
  connect_place *next = NULL;
  for (size_t i = 0; i < 2; i++) {
    if (ws_list_empty(&h->waiting[i])) continue;
    connect_place *p = ws_list_entry(h->waiting[i].next, connect_place, node);
    bool earlier = next == NULL || p->number < next->number;
    if (earlier && may_begin(h, p)) next = p;
  }
  return next;
}

connect_place *connect_queue_next(connect_queue *q) {
  while (!ws_list_empty(&q->changed)) {
    connect_host *h = ws_list_entry(q->changed.next, connect_host, changed);
    connect_place *p = host_next(h);
    if (p != NULL) {
      ws_list_remove(&p->node);
      place_begin(h, p);
      return p;
    }
    ws_list_remove(&h->changed);
  }
  return NULL;
}

/* What is known of the host */

bool connect_queue_is_first(const connect_place *p) {
  return p->host != NULL && p->host->first == p;
}

void connect_queue_note(connect_place *p, bool gives) {
  if (p->host != NULL) p->host->gives_none = !gives;
}

/* Leaving */

void connect_queue_leave(connect_queue *q, connect_place *p) {
  connect_host *h = p->host;
  if (h == NULL) return;
  ws_list_remove(&p->node);
  if (!p->waits) h->connecting--;
  if (h->first == p) {
    h->first = NULL;
    h->tried = true;
  }
  p->host = NULL;
  p->waits = false;
  h->places--;
  if (h->places == 0) {
    host_rest(q, h);
  } else if (ws_list_empty(&h->changed)) {
    ws_list_append(&q->changed, &h->changed);
  }
}
