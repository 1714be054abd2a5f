#include "net/uv/lookup_cares.h"

#include <ares.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/list.h"
#include "net/uv/address_sort.h"
#include "net/uv/lookup_kind.h"

/* A channel of c-ares on the loop: a poll handle for each of its sockets, and a timer. c-ares calls
   back inside of any of its functions. So an answer is put into a list first, and delivered from
   the loop when c-ares has returned; the program's code never runs inside of c-ares. */

enum {
  /* A question is asked three times, after 0, 1 and 3 s, and given up after 7 s; the answer to an
     earlier one still counts then. With c-ares's own numbers it would be 75 s. */
  TIMEOUT_MS = 1000,
  TRIES = 3,
  ADDRESSES_MAX = 128 /* so that one answer does not keep the loop busy with sorting */
};

const bool lookup_cares_built_in = true;

/* c-ares can end all lookups of a channel, but not one of them. So a cancelled lookup runs on, and
   its answer is dropped; when all lookups of the channel are cancelled, c-ares ends them. */
typedef struct channel {
  ws_list node;      /* This links the channel into env_uv.dns_channels. */
  env_uv *e;         /* This is the environment, which outlives the channel. */
  ares_channel ares; /* The channel owns this; it is destroyed when the channel is closed. */
  uv_timer_t timer;  /* This is for timeouts and answers. */
  own_handle own;    /* This closes `timer`; then the channel is freed. */
  ws_list sockets;   /* These are the dns_sockets that are polled. */
  ws_list answered;  /* These lookups have their answers, which are to be delivered. */
  size_t asked;      /* c-ares works on this many lookups, cancelled ones included. */
  size_t wanted;     /* This many lookups are neither cancelled nor delivered. */
  int failure;       /* A socket could not be polled, for this reason; 0: all is well. */
  unsigned version;  /* The channel was made of this version of resolv.conf. */
  bool closed;       /* The channel is being closed; it has no `ares` any more. */
} channel;

typedef struct dns_socket {
  ws_list node;     /* This links the socket into channel.sockets. */
  uv_poll_t handle; /* This polls the socket. */
  own_handle own;   /* This closes `handle`; then the block is freed. */
  channel *channel; /* The channel outlives the polling, but not this block. */
  env_uv *e;        /* This is the environment, which outlives the block. */
  ares_socket_t fd; /* c-ares owns the socket, and closes it. */
} dns_socket;

typedef struct cares_lookup {
  ws_lookup head;   /* This must be the first field, because its address is given out. */
  ws_list node;     /* This links the lookup into channel.answered, once it has its answer. */
  channel *channel; /* The lookup is one of this channel's. */
  bool answered;    /* `status` and `result` are set. */
  int status;       /* This is the result of the lookup, 0 or a code. */
  struct ares_addrinfo *result; /* The lookup owns the addresses; NULL unless `status` is 0. */
} cares_lookup;

static cares_lookup *cares_lookup_of(ws_lookup *head) {
  return (cares_lookup *) (void *) head;
}

/* The C library says EAI_AGAIN to SERVFAIL and silence, too. */
int lookup_cares_code(int status) {
  switch (status) {
  case ARES_SUCCESS: return 0;
  case ARES_ENODATA: return UV_EAI_NODATA;
  case ARES_ENOTFOUND:
  case ARES_EBADNAME:
  case ARES_ENONAME: return UV_EAI_NONAME;
  case ARES_ESERVFAIL:
  case ARES_EREFUSED:
  case ARES_ECONNREFUSED:
  case ARES_ETIMEOUT: return UV_EAI_AGAIN;
  case ARES_ENOMEM: return UV_EAI_MEMORY;
  case ARES_EDESTRUCTION:
  case ARES_ECANCELLED: return UV_EAI_CANCELED;
  case ARES_EBADFAMILY: return UV_EAI_FAMILY;
  case ARES_EBADFLAGS: return UV_EAI_BADFLAGS;
  case ARES_EBADHINTS: return UV_EAI_BADHINTS;
  case ARES_ESERVICE: return UV_EAI_SERVICE;
  default: return UV_EAI_FAIL; /* the answer or the configuration is not valid */
  }
}

/* --- sockets --- */

static void channel_process(channel *c, ares_socket_t readable, ares_socket_t writable);

static void on_poll(uv_poll_t *handle, int status, int events) {
  const dns_socket *s = handle->data;
  bool readable = status < 0 || (events & UV_READABLE) != 0;
  bool writable = status < 0 || (events & UV_WRITABLE) != 0;
  channel_process(s->channel, readable ? s->fd : ARES_SOCKET_BAD,
                  writable ? s->fd : ARES_SOCKET_BAD);
}

static void on_socket_closed(own_handle *h) {
  dns_socket *s = ws_list_entry(h, dns_socket, own);
  env_uv_free(s->e, s);
}

/* Polling ends at once, so c-ares may close the descriptor. */
static void socket_close(dns_socket *s) {
  ws_list_remove(&s->node);
  handle_close(&s->e->handles, &s->own, on_socket_closed);
}

static int socket_new(dns_socket **out, channel *c, ares_socket_t fd) {
  dns_socket *s = env_uv_alloc(c->e, sizeof *s);
  if (s == NULL) return WS_ENOMEM;
  int err = uv_poll_init_socket(c->e->loop, &s->handle, fd);
  if (err < 0) {
    env_uv_free(c->e, s);
    return err;
  }
  uv_unref((uv_handle_t *) &s->handle); /* the timer keeps the loop alive */
  s->handle.data = s;
  s->own.uv = (uv_handle_t *) &s->handle;
  s->channel = c;
  s->e = c->e;
  s->fd = fd;
  ws_list_append(&c->sockets, &s->node);
  *out = s;
  return 0;
}

static dns_socket *socket_find(const channel *c, ares_socket_t fd) {
  for (ws_list *n = c->sockets.next; n != &c->sockets; n = n->next) {
    dns_socket *s = ws_list_entry(n, dns_socket, node);
    if (s->fd == fd) return s;
  }
  return NULL;
}

/* c-ares takes no error from here. */
static void on_socket_state(void *data, ares_socket_t fd, int readable, int writable) {
  channel *c = data;
  dns_socket *s = socket_find(c, fd);
  int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0), err = 0;
  if (events == 0) {
    if (s != NULL) socket_close(s);
    return;
  }
  if (s == NULL) err = socket_new(&s, c, fd);
  if (err == 0) err = uv_poll_start(&s->handle, events, on_poll);
  if (err < 0) c->failure = err;
}

/* --- answers --- */

static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *result) {
  cares_lookup *l = arg;
  channel *c = l->channel;
  (void) timeouts;
  c->asked--;
  if (l->head.cb == NULL) {
    ares_freeaddrinfo(result);
    env_uv_free(c->e, l);
    return;
  }
  l->answered = true;
  l->result = result;
  l->status = status != ARES_SUCCESS && c->failure < 0 ? c->failure : lookup_cares_code(status);
  ws_list_append(&c->answered, &l->node);
}

static size_t cares_count_addresses(const struct ares_addrinfo_node *node) {
  size_t n = 0;
  for (; node != NULL && n < ADDRESSES_MAX; node = node->ai_next) n++;
  return n;
}

/* The addresses in their order; NULL: no memory. The caller frees them. */
static struct sockaddr_storage *
sort_addresses(const wsuv_allocator_t *alloc, const struct ares_addrinfo_node *node, size_t count) {
  struct sockaddr_storage *addrs = ws_calloc(alloc, count * sizeof *addrs);
  sorted_address *list = ws_calloc(alloc, count * sizeof *list);
  if (addrs != NULL && list != NULL) {
    for (size_t i = 0; i < count; i++, node = node->ai_next) {
      size_t len = (size_t) node->ai_addrlen;
      memcpy(&list[i].addr, node->ai_addr, len < sizeof list->addr ? len : sizeof list->addr);
    }
    if (count > 1) address_find_sources(list, count);
    address_sort(list, count);
    for (size_t i = 0; i < count; i++) addrs[i] = list[i].addr;
  } else {
    ws_free(alloc, addrs);
    addrs = NULL;
  }
  ws_free(alloc, list);
  return addrs;
}

/* Give an answer to its lookup's callback, and free the lookup before, since it is over. */
static void cares_deliver(cares_lookup *l) {
  env_uv *e = l->head.e;
  ws_lookup_cb cb = l->head.cb;
  void *data = l->head.data;
  struct sockaddr_storage *addrs = NULL;
  size_t count = l->status == 0 ? cares_count_addresses(l->result->nodes) : 0;
  int status = l->status == 0 && count == 0 ? UV_EAI_NODATA : l->status;
  if (count > 0) addrs = sort_addresses(e->env.alloc, l->result->nodes, count);
  if (count > 0 && addrs == NULL) {
    status = WS_ENOMEM;
    count = 0;
  }
  ares_freeaddrinfo(l->result);
  l->channel->wanted--;
  env_uv_free(e, l);
  cb(data, status, addrs, count);
  ws_free(e->env.alloc, addrs);
}

/* --- the channel --- */

static channel *newest_channel(env_uv *e) {
  return ws_list_empty(&e->dns_channels) ? NULL
                                         : ws_list_entry(e->dns_channels.prev, channel, node);
}

static void on_timer(uv_timer_t *handle) {
  channel_process(handle->data, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

/* One millisecond for answers that wait: with libuv 1.44 a timer of 0 is due in the same pass
   again, and would keep the loop from polling. */
static void channel_arm(channel *c) {
  struct timeval tv;
  if (!ws_list_empty(&c->answered)) {
    uv_timer_start(&c->timer, on_timer, 1, 0);
  } else if (ares_timeout(c->ares, NULL, &tv) != NULL) {
    uint64_t ms = (uint64_t) tv.tv_sec * 1000 + ((uint64_t) tv.tv_usec + 999) / 1000;
    uv_timer_start(&c->timer, on_timer, ms, 0);
  } else {
    uv_timer_stop(&c->timer);
  }
  if (c->wanted > 0) {
    uv_ref((uv_handle_t *) &c->timer);
  } else {
    uv_unref((uv_handle_t *) &c->timer);
  }
}

static void on_channel_closed(own_handle *h) {
  channel *c = ws_list_entry(h, channel, own);
  env_uv_free(c->e, c);
}

static void channel_close(channel *c) {
  c->closed = true;
  ws_list_remove(&c->node);
  ares_destroy(c->ares); /* ends all lookups, and closes all sockets */
  handle_close(&c->e->handles, &c->own, on_channel_closed);
}

/* What every entry into the channel ends with. If all lookups are cancelled, c-ares ends them; and
   a channel that was made of an older resolv.conf is closed then. */
static void channel_settle(channel *c) {
  if (c->closed) return;
  if (c->failure < 0 || (c->wanted == 0 && c->asked > 0)) ares_cancel(c->ares);
  c->failure = 0;
  if (c->wanted == 0 && c != newest_channel(c->e)) {
    channel_close(c);
  } else {
    channel_arm(c);
  }
}

/* Called from the loop. The callbacks may start and cancel lookups, and so close this channel,
   whose memory stays until the loop runs again. If the environment is lost, answers wait until they
   are cancelled. */
static void channel_process(channel *c, ares_socket_t readable, ares_socket_t writable) {
  ws_list *node;
  ares_process_fd(c->ares, readable, writable);
  if (c->failure < 0) ares_cancel(c->ares);
  c->failure = 0;
  while (!env_uv_is_lost(c->e) && (node = ws_list_pop(&c->answered)) != NULL)
    cares_deliver(ws_list_entry(node, cares_lookup, node));
  channel_settle(c);
}

static int channel_init_ares(channel *c) {
  static char dns_only[] = "b";
  const name_files *files = c->e->names.files;
  struct ares_options options = {
      .timeout = TIMEOUT_MS,
      .tries = TRIES,
      .udp_port = files->dns_port,
      .tcp_port = files->dns_port,
      .lookups = dns_only,
      .sock_state_cb = on_socket_state,
      .sock_state_cb_data = c,
      .resolvconf_path = (char *) (uintptr_t) files->resolv, /* is copied */
  };
  int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB |
             ARES_OPT_RESOLVCONF;
  if (files->dns_port != 0) mask |= ARES_OPT_UDP_PORT | ARES_OPT_TCP_PORT;
  int err = name_service_try_resolv(&c->e->names);
  if (err < 0) return err;
  int status = ares_init_options(&c->ares, &options, mask);
  return status == ARES_ENOMEM ? WS_ENOMEM : lookup_cares_code(status);
}

/* ares_library_init and ares_library_cleanup count without a lock, so c-ares is initialised once
   for all loops. It takes nothing that would have to be given back. */
static void initialise_library(void) {
  (void) ares_library_init(ARES_LIB_INIT_ALL);
}

static int channel_new(channel **out, env_uv *e) {
  static uv_once_t once = UV_ONCE_INIT;
  channel *c = env_uv_alloc(e, sizeof *c);
  if (c == NULL) return WS_ENOMEM;
  uv_once(&once, initialise_library);
  c->e = e;
  ws_list_init(&c->sockets);
  ws_list_init(&c->answered);
  c->version = e->names.resolv_version;
  int err = channel_init_ares(c);
  if (err < 0) {
    env_uv_free(e, c);
    return err;
  }
  uv_timer_init(e->loop, &c->timer);
  uv_unref((uv_handle_t *) &c->timer);
  c->timer.data = c;
  c->own.uv = (uv_handle_t *) &c->timer;
  ws_list_append(&e->dns_channels, &c->node);
  *out = c;
  return 0;
}

/* The channel for a new lookup. c-ares reads resolv.conf once, so after a change there is a new
   channel, and the one before ends with its last lookup. */
static int channel_get(channel **out, env_uv *e) {
  channel *newest = newest_channel(e);
  *out = newest;
  if (newest != NULL && newest->version == e->names.resolv_version) return 0;
  int err = channel_new(out, e);
  if (err == 0 && newest != NULL) channel_settle(newest);
  return err;
}

/* --- lookups --- */

static void cares_cancel(ws_lookup *head) {
  cares_lookup *l = cares_lookup_of(head);
  channel *c = l->channel;
  c->wanted--;
  head->cb = NULL;
  if (l->answered) {
    ws_list_remove(&l->node);
    ares_freeaddrinfo(l->result);
    env_uv_free(c->e, l);
  }
  channel_settle(c);
}

int lookup_cares_start(env_uv *e, const char *host, uint16_t port, ws_lookup_cb cb, void *data,
                       ws_lookup **out) {
  const struct ares_addrinfo_hints hints = {
      .ai_flags = ARES_AI_NUMERICSERV | ARES_AI_NOSORT,
      .ai_family = AF_UNSPEC,
      .ai_socktype = SOCK_STREAM,
  };
  channel *c;
  char service[6];
  int err = channel_get(&c, e);
  cares_lookup *l = err == 0 ? env_uv_alloc(e, sizeof *l) : NULL;
  if (l == NULL) return err < 0 ? err : WS_ENOMEM;
  l->head = (ws_lookup){.e = e, .cb = cb, .data = data, .cancel = cares_cancel};
  l->channel = c;
  c->asked++;
  c->wanted++;
  (void) snprintf(service, sizeof service, "%u", (unsigned) port);
  ares_getaddrinfo(c->ares, host, service, &hints, on_answer, l);
  *out = &l->head;
  channel_settle(c);
  return 0;
}

void lookup_cares_end(env_uv *e) {
  channel *c;
  while ((c = newest_channel(e)) != NULL) channel_close(c);
}
