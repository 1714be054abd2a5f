#include "net/uv/lookup.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "net/uv/loop.h"

/* Turns uv_getaddrinfo's list into an array of addresses. */

struct ws_lookup {
  uv_getaddrinfo_t req; /* This is libuv's request; its callback frees the lookup. */
  env_uv *e;            /* This is the environment, which outlives the lookup. */
  ws_lookup_cb cb; /* This is called with the addresses; it is NULL if the lookup was cancelled. */
  void *data;      /* This is the first argument of `cb`. */
};

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

static void deliver(ws_lookup *l, int status, const struct addrinfo *list) {
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
  ws_lookup *l = req->data;
  if (l->cb != NULL) deliver(l, status, list);
  uv_freeaddrinfo(list);
  env_uv_free(l->e, l);
}

int lookup_start(ws_env *env, const char *host, uint16_t port, ws_lookup_cb cb, void *data,
                 ws_lookup **out) {
  env_uv *e = env_uv_of(env);
  const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  char service[6];
  ws_lookup *l = env_uv_alloc(e, sizeof *l);
  if (l == NULL) return WS_ENOMEM;
  l->e = e;
  l->cb = cb;
  l->data = data;
  l->req.data = l;
  (void) snprintf(service, sizeof service, "%u", (unsigned) port);
  int err = uv_getaddrinfo(e->loop, &l->req, on_lookup, host, service, &hints);
  if (err < 0) {
    env_uv_free(e, l);
    return err;
  }
  *out = l;
  return 0;
}

void lookup_cancel(ws_lookup *l) {
  l->cb = NULL;
  /* Succeeds only while the request still waits for a thread; it calls back in either case. */
  (void) uv_cancel((uv_req_t *) &l->req);
}
