#include "net/uv/lookup_system.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "net/uv/lookup_kind.h"

/* Turns uv_getaddrinfo's list into an array of addresses. */

typedef struct system_lookup {
  ws_lookup head;       /* This must be the first field, because its address is given out. */
  uv_getaddrinfo_t req; /* This is libuv's request; its callback frees the lookup. */
  bool unanswered; /* libuv is done, but the environment is lost: cancelling frees the lookup. */
} system_lookup;

static size_t count_addresses(const struct addrinfo *list) {
  size_t n = 0;
  for (; list != NULL; list = list->ai_next) n++;
  return n;
}

static void copy_addresses(struct sockaddr_storage *to, const struct addrinfo *list) {
  for (; list != NULL; list = list->ai_next, to++) {
    size_t len = list->ai_addrlen < sizeof *to ? list->ai_addrlen : sizeof *to;
    memset(to, 0, sizeof *to);
    memcpy(to, list->ai_addr, len);
  }
}

static void system_deliver(const ws_lookup *l, int status, const struct addrinfo *list) {
  const wsuv_allocator_t *alloc = l->e->env.alloc;
  size_t count = status == 0 ? count_addresses(list) : 0;
  struct sockaddr_storage *addrs = NULL;
  if (status == 0) {
    addrs = ws_malloc(alloc, count * sizeof *addrs);
    if (addrs == NULL) {
      status = WS_ENOMEM;
      count = 0;
    } else {
      copy_addresses(addrs, list);
    }
  }
  l->cb(l->data, status, addrs, count);
  ws_free(alloc, addrs);
}

static void on_lookup(uv_getaddrinfo_t *req, int status, struct addrinfo *list) {
  system_lookup *l = req->data;
  l->unanswered = l->head.cb != NULL && env_uv_is_lost(l->head.e);
  if (l->head.cb != NULL && !l->unanswered) system_deliver(&l->head, status, list);
  uv_freeaddrinfo(list);
  if (!l->unanswered) env_uv_free(l->head.e, l);
}

static void system_cancel(ws_lookup *head) {
  system_lookup *l = (system_lookup *) (void *) head;
  if (l->unanswered) {
    env_uv_free(head->e, l);
    return;
  }
  head->cb = NULL;
  /* Succeeds only while the request still waits for a thread; it calls back in either case. */
  (void) uv_cancel((uv_req_t *) &l->req);
}

int lookup_system_start(env_uv *e, const char *host, uint16_t port, ws_lookup_cb cb, void *data,
                        ws_lookup **out) {
  const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  char service[6];
  system_lookup *l = env_uv_alloc(e, sizeof *l);
  if (l == NULL) return WS_ENOMEM;
  l->head = (ws_lookup){.e = e, .cb = cb, .data = data, .cancel = system_cancel};
  l->req.data = l;
  (void) snprintf(service, sizeof service, "%u", (unsigned) port);
  int err = uv_getaddrinfo(e->loop, &l->req, on_lookup, host, service, &hints);
  if (err < 0) {
    env_uv_free(e, l);
    return err;
  }
  *out = &l->head;
  return 0;
}
