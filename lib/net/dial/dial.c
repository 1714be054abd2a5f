#include "net/dial/dial.h"

#include <string.h>

#include "base/error.h"
#include "net/address.h"
#include "net/dial/address_order.h"
#include "net/turn_list.h"

/* Lookup, then attempts: one begins 250 ms after the one before it, or as soon as one has failed.
   The first to connect wins (RFC 8305 5). Each attempt begins when it is the dial's turn.

   If the backlog of a TCP socket is full, the kernel sends its SYN again until there is room. Of a
   Unix socket Linux says EAGAIN at once: then the dial tries it again, until it is cancelled. */

enum { ATTEMPT_DELAY_MS = 250, FULL_DELAY_MS = 50 };

typedef struct dial_try {
  dial *dial; /* The attempt belongs to this dial. */
  /* The attempt owns this filter, which connects; NULL if it has ended or has not begun. */
  ws_filter *filter;
  int status; /* The attempt has failed with this error; 0 if it has not failed. */
} dial_try;

struct dial {
  resolver *resolver;        /* This looks up the name, and outlives the dial. */
  ws_env *env;               /* This is the resolver's environment. */
  const dial_events *events; /* These are the receiver's functions, which outlive the dial. */
  void *up; /* This is the first argument of the events, and belongs to the receiver. */
  ws_socket_options options; /* These are the options for TCP sockets. */
  turn_place turn;           /* The dial waits with this to begin an attempt. */
  bool looking_up;           /* The lookup is running. */
  resolver_waiter lookup;    /* The dial waits for the lookup with this. */
  /* The dial owns this timer, which starts the next attempt, or NULL if there is only one address,
     which was not full. */
  ws_timer *timer;
  /* The dial owns the addresses, in the order in which they are tried. */
  struct sockaddr_storage *addrs;
  dial_try *attempts; /* The dial owns the attempts, one for each address. */
  /* There are `count` addresses, and `next` is the index of the next one to be tried. */
  size_t count, next;
  size_t running; /* This many attempts are running. */
  uint16_t port;  /* The name is looked up for this port. */
  char host[];    /* This is the name to be looked up, terminated. */
};

static void dial_free(dial *d) {
  turn_place_leave(&d->turn);
  d->env->ops->timer_free(d->timer);
  ws_free(d->env->alloc, d->addrs);
  ws_free(d->env->alloc, d->attempts);
  ws_free(d->env->alloc, d);
}

static void on_connect(void *up, int status);

/* After an attempt is given up, only on_close comes. */
static void on_gone(void *up) {
  (void) up;
}

static const ws_filter_events attempt_events = {.on_connect = on_connect, .on_close = on_gone};

static ws_filter *take_filter(dial_try *a) {
  ws_filter *f = a->filter;
  a->filter = NULL;
  a->dial->running--;
  return f;
}

static void drop(dial_try *a) {
  ws_filter *f = take_filter(a);
  f->up = NULL;
  f->ops->close(f);
}

static void drop_all(dial *d) {
  for (size_t i = 0; i < d->next; i++) {
    if (d->attempts[i].filter != NULL) drop(&d->attempts[i]);
  }
}

static void tell_address(const dial *d, size_t i) {
  d->events->on_address(d->up, &d->addrs[i]);
}

static int dial_begin(dial *d, size_t i) {
  dial_try *a = &d->attempts[i];
  a->dial = d;
  tell_address(d, i);
  a->status = d->env->ops->connect(d->env, (const struct sockaddr *) &d->addrs[i], &d->options,
                                   &attempt_events, a, &a->filter);
  if (a->status < 0) {
    a->filter = NULL;
  } else {
    d->running++;
  }
  return a->status;
}

static void arm(dial *d) {
  if (d->timer == NULL) return;
  if (d->next < d->count && !turn_place_waits(&d->turn)) {
    d->env->ops->timer_start(d->timer, ATTEMPT_DELAY_MS);
  } else {
    d->env->ops->timer_stop(d->timer);
  }
}

/* Start with the next address for which a filter can be made, when it is the dial's turn. */
static void begin_next(dial *d) {
  bool begun = false;
  if (turn_place_waits(&d->turn)) return;
  while (!begun && d->next < d->count && turn_list_take(d->resolver->turns, &d->turn)) {
    begun = dial_begin(d, d->next++) == 0;
    turn_list_spend(d->resolver->turns, 1);
  }
  arm(d);
}

/* If no attempt is running and no address is left, the dial has failed. An address that was not
   tried yet has no error. */
static int verdict(const dial *d) {
  return d->running > 0 ? 0 : d->attempts[d->count - 1].status;
}

static void dial_finish(dial *d, int status, ws_filter *filter) {
  const dial_events *events = d->events;
  void *up = d->up;
  dial_free(d);
  events->on_done(up, status, filter);
}

static void begin_or_finish(dial *d) {
  begin_next(d);
  int status = verdict(d);
  if (status < 0) dial_finish(d, status, NULL);
}

static void on_timer(void *data) {
  begin_or_finish(data);
}

static bool is_full(const dial *d, size_t i, int status) {
  return status == WS_EAGAIN && d->addrs[i].ss_family == AF_UNIX;
}

/* A Unix socket is the only address. 0 or a code. */
static int dial_later(dial *d) {
  int err = d->timer == NULL ? d->env->ops->timer_new(d->env, on_timer, d, &d->timer) : 0;
  if (err < 0) return err;
  d->next = 0;
  d->env->ops->timer_start(d->timer, FULL_DELAY_MS);
  return 0;
}

static void on_connect(void *up, int status) {
  dial_try *a = up;
  dial *d = a->dial;
  if (status == 0) {
    ws_filter *winner = take_filter(a);
    size_t i = (size_t) (a - d->attempts);
    if (i + 1 < d->next) tell_address(d, i);
    drop_all(d);
    dial_finish(d, 0, winner);
    return;
  }
  drop(a);
  if (is_full(d, (size_t) (a - d->attempts), status)) {
    status = dial_later(d);
    if (status == 0) return;
  }
  a->status = status;
  begin_or_finish(d);
}

static int make_attempts(dial *d, const struct sockaddr_storage *addrs, size_t count) {
  const wsuv_allocator_t *alloc = d->env->alloc;
  d->addrs = ws_malloc(alloc, count * sizeof *addrs);
  d->attempts = ws_calloc(alloc, count * sizeof *d->attempts);
  if (d->addrs == NULL || d->attempts == NULL) return WS_ENOMEM;
  d->count = address_order(d->addrs, addrs, count, d->options.local.ss_family);
  return d->count > 1 ? d->env->ops->timer_new(d->env, on_timer, d, &d->timer) : 0;
}

static int take_addresses(dial *d, const struct sockaddr_storage *addrs, size_t count) {
  int err = make_attempts(d, addrs, count);
  if (err < 0) return err;
  d->events->on_resolved(d->up);
  if (d->count == 0) {
    turn_list_spend(d->resolver->turns, 1);
    return WS_EAFNOSUPPORT;
  }
  begin_next(d);
  return verdict(d);
}

static void on_lookup(void *data, int status, const struct sockaddr_storage *addrs, size_t count) {
  dial *d = data;
  d->looking_up = false;
  if (status == 0) status = take_addresses(d, addrs, count);
  if (status < 0) dial_finish(d, status, NULL);
}

static int look_up(dial *d) {
  d->looking_up = true;
  return resolver_lookup(d->resolver, &d->lookup, d->host, d->port, on_lookup, d);
}

static void dial_on_turn(turn_place *turn) {
  begin_or_finish(ws_list_entry(turn, dial, turn));
}

/* An address that is given, or a literal, needs no lookup. */
static bool is_known(const dial_target *to, struct sockaddr_storage *addr) {
  *addr = to->address;
  return address_is_set(addr) || address_parse(addr, to->host, to->port);
}

static int begin_dial(dial *d, const dial_target *to) {
  struct sockaddr_storage addr;
  return is_known(to, &addr) ? take_addresses(d, &addr, 1) : look_up(d);
}

int dial_start(dial **out, resolver *r, const dial_target *to, const ws_socket_options *options,
               const dial_events *events, void *up) {
  const size_t size = strlen(to->host) + 1;
  dial *d = ws_calloc(r->env->alloc, sizeof *d + size);
  if (d == NULL) return WS_ENOMEM;
  d->resolver = r;
  d->env = r->env;
  d->events = events;
  d->up = up;
  d->options = *options;
  d->turn.run = dial_on_turn;
  ws_list_init(&d->turn.node);
  d->port = to->port;
  memcpy(d->host, to->host, size);
  int err = begin_dial(d, to);
  if (err < 0) {
    dial_free(d);
    return err;
  }
  *out = d;
  return 0;
}

bool dial_waits(const dial *d) {
  return d->looking_up ? resolver_is_held(&d->lookup)
                       : d->running == 0 && turn_place_waits(&d->turn);
}

void dial_cancel(dial *d) {
  if (d->looking_up) resolver_cancel(&d->lookup);
  drop_all(d);
  dial_free(d);
}
