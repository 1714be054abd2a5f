#include "session/chain.h"

#include <string.h>

#include "base/error.h"
#include "net/address.h"
#include "net/dial/prefixed.h"
#include "net/tls/tls.h"
#include "net/tls/tls_library.h"
#include "net/turn_list.h"
#include "session/proxies.h"
#include "session/session_tls.h"

/*   dial ─► for each proxy: [TLS with it] ─► [lookup of what is behind it] ─► tunnel ─► on_done

   A proxy that answers a challenge only on a new connection has all of this made again; its machine
   is kept for that. */

static size_t proxy_count(const chain *c) {
  return c->request->proxies != NULL ? c->request->proxies->count : 0;
}

/* The proxy that the filter leads to. */
static const proxy *present(const chain *c) {
  return &c->request->proxies->list[c->hop];
}

static ws_tunnel **machine_of(const chain *c) {
  return &c->machines[c->hop];
}

static void log_hop(const chain *c, const char *text) {
  const ws_text shown = present(c)->shown;
  log_line(c->log, WSUV_LOG_INFO, "proxy %.*s: %s", (int) shown.len, shown.base, text);
}

/* Ending */

/* A filter that the chain has given up. */
static void gone_on_close(void *up) {
  (void) up;
}

static const ws_filter_events gone_events = {.on_close = gone_on_close};

static ws_filter *take_filter(chain *c) {
  ws_filter *f = c->filter;
  c->filter = NULL;
  return f;
}

static void drop_filter(chain *c) {
  ws_filter *f = take_filter(c);
  if (f == NULL) return;
  f->events = &gone_events;
  f->up = NULL;
  f->ops->close(f);
}

static void stop_driver(chain *c) {
  c->tunnelling = false;
  tunnel_driver_clear(&c->driver);
}

/* Add which proxy it is about. */
static int explain(chain *c, int status, const char *text) {
  const ws_text shown = present(c)->shown;
  return ws_why_set(&c->detail, status, "proxy %.*s%s%s", (int) shown.len, shown.base,
                    *text != '\0' ? ": " : "", text);
}

static void chain_fail(chain *c, int status, const char *text) {
  explain(c, status, text);
  stop_driver(c);
  c->events->on_done(c->up, status, take_filter(c), c->detail.text);
}

static void chain_open(chain *c) {
  c->events->on_done(c->up, 0, take_filter(c), "");
}

/* The tunnel */

static void start_hop(chain *c);
static int chain_dial(chain *c);
static void use_hop_events(chain *c);

static void free_machine(ws_tunnel **machine) {
  if (*machine != NULL) (*machine)->ops->free(*machine);
  *machine = NULL;
}

/* The tunnel is open: what is above it comes next. */
static int leave_hop(chain *c, ws_view rest) {
  ws_filter *above;
  int err = rest.len > 0 ? prefixed_new(&above, c->endpoint->env, c->filter, rest) : 0;
  if (err < 0) return err;
  if (rest.len > 0) c->filter = above;
  use_hop_events(c);
  stop_driver(c);
  log_hop(c, "tunnel is open");
  free_machine(machine_of(c));
  c->hop++;
  return 0;
}

/* Begin again with the machine that wants a new connection. */
static void begin_again(chain *c) {
  ws_tunnel *machine = *machine_of(c);
  stop_driver(c);
  drop_filter(c);
  c->again = true;
  log_hop(c, "asks for credentials; connecting again");
  int err = machine->ops->restart(machine);
  if (err < 0) {
    chain_fail(c, err, machine->detail.text);
    return;
  }
  c->hop = 0;
  err = chain_dial(c);
  if (err < 0) chain_fail(c, err, "");
}

static void on_tunnel(void *up, int status, ws_view rest) {
  chain *c = up;
  if (status == WS_EAGAIN) {
    begin_again(c);
    return;
  }
  if (status == 0) status = leave_hop(c, rest);
  if (status < 0) {
    c->refused = true;
    chain_fail(c, status, (*machine_of(c))->detail.text);
  } else if (c->hop < proxy_count(c)) {
    start_hop(c);
  } else {
    chain_open(c);
  }
}

static void drive(chain *c) {
  c->driver = (tunnel_driver){.lower = c->filter,
                              .machine = *machine_of(c),
                              .alloc = &c->endpoint->alloc,
                              .room = {c->endpoint->read_buf, ENDPOINT_READ_SIZE},
                              .on_done = on_tunnel,
                              .up = c};
  c->tunnelling = true;
  int err = tunnel_driver_start(&c->driver);
  if (err < 0) chain_fail(c, err, "");
}

/* What the proxy shall connect to */

static bool is_last(const chain *c) {
  return c->hop + 1 == proxy_count(c);
}

/* An address that is known without a lookup is put into the target, too. */
static void set_target(const chain *c, char text[ADDRESS_TEXT_SIZE], tunnel_target *target) {
  const session_request *r = c->request;
  struct sockaddr_storage addr;
  const proxy *next = is_last(c) ? NULL : present(c) + 1;
  *target = (tunnel_target){.host = next != NULL ? (ws_text){next->name, strlen(next->name)}
                                                 : r->url.host,
                            .port = next != NULL ? next->port : r->to.port};
  if (next == NULL && address_is_set(&r->to.address)) {
    address_print(text, &r->to.address);
    target->host = (ws_text){text, strcspn(text, "%")};
  } else {
    memcpy(text, target->host.base, target->host.len < ADDRESS_TEXT_SIZE ? target->host.len : 0);
    text[target->host.len < ADDRESS_TEXT_SIZE ? target->host.len : 0] = '\0';
  }
  target->is_address = address_parse(&addr, text, 0) && address_to_ip(&addr, &target->address);
}

static void ask_for_tunnel(chain *c, const tunnel_target *target) {
  const session_request *r = c->request;
  const proxy_means means = {.alloc = &c->endpoint->alloc,
                             .auth = r->proxy.auth,
                             .hash = tls_library_hash,
                             .random = &c->endpoint->shared.random,
                             .max_size = r->handshake.max_size,
                             .max_headers = r->handshake.max_headers};
  ws_why why = {""};
  int err = proxy_machine(machine_of(c), present(c), target, &means, &why);
  if (err < 0) {
    chain_fail(c, err, why.text);
  } else {
    drive(c);
  }
}

/* SOCKS 4 has no IPv6. */
static const struct sockaddr_storage *
choose_address(const chain *c, const struct sockaddr_storage *addrs, size_t count) {
  const bool ipv4 = present(c)->kind == URL_PROXY_SOCKS4;
  for (size_t i = 0; i < count; i++) {
    if (!ipv4 || addrs[i].ss_family == AF_INET) return &addrs[i];
  }
  return NULL;
}

static void on_lookup(void *data, int status, const struct sockaddr_storage *addrs, size_t count) {
  chain *c = data;
  char text[ADDRESS_TEXT_SIZE];
  tunnel_target target;
  c->looking_up = false;
  if (status == 0) turn_list_spend(c->resolver->turns, 1);
  const struct sockaddr_storage *addr = status == 0 ? choose_address(c, addrs, count) : NULL;
  if (status == 0 && addr == NULL) status = WS_EAFNOSUPPORT;
  if (status < 0) {
    chain_fail(c, status, "lookup of what is behind it");
    return;
  }
  set_target(c, text, &target);
  target.is_address = address_to_ip(addr, &target.address);
  ask_for_tunnel(c, &target);
}

static int look_up_target(chain *c) {
  const proxy *next = is_last(c) ? NULL : present(c) + 1;
  const char *host = next != NULL ? next->host : c->request->host;
  int err = resolver_lookup(c->resolver, &c->lookup, host,
                            next != NULL ? next->port : c->request->to.port, on_lookup, c);
  c->looking_up = err == 0;
  return err;
}

static void log_target(const chain *c, const tunnel_target *target) {
  const ws_text shown = present(c)->shown;
  log_line(c->log, WSUV_LOG_INFO, "proxy %.*s: asking for a tunnel to %.*s port %u",
           (int) shown.len, shown.base, (int) target->host.len, target->host.base,
           (unsigned) target->port);
}

static void start_tunnel(chain *c) {
  char text[ADDRESS_TEXT_SIZE];
  tunnel_target target;
  set_target(c, text, &target);
  log_target(c, &target);
  if (*machine_of(c) != NULL) {
    drive(c);
  } else if (proxy_wants_address(present(c)) && !target.is_address) {
    int err = look_up_target(c);
    if (err < 0) chain_fail(c, err, "lookup of what is behind it");
  } else {
    ask_for_tunnel(c, &target);
  }
}

/* TLS with a proxy */

/* What the filter says of its failure; "" if it says nothing. */
static const char *failure_text(const chain *c, tls_info *info) {
  const ws_filter *f = c->filter;
  return f->ops->query(f, WS_QUERY_TLS, info) == 0 ? info->text : "";
}

/* As session_tls_log does it for the server. */
static void warn_of_unverified(const chain *c) {
  const ws_filter *f = c->filter;
  const ws_text shown = present(c)->shown;
  tls_info info;
  if (f->ops->query(f, WS_QUERY_TLS, &info) < 0 || !info.unverified) return;
  log_line(c->log, WSUV_LOG_WARN,
           "proxy %.*s: TLS: the certificate was not verified: anybody may be the proxy",
           (int) shown.len, shown.base);
}

static void hop_on_connect(void *up, int status) {
  chain *c = up;
  if (status < 0) {
    tls_info info;
    chain_fail(c, status, failure_text(c, &info));
    return;
  }
  warn_of_unverified(c);
  tls_hide(c->filter);
  log_hop(c, "TLS is done");
  start_tunnel(c);
}

static const ws_filter_events hop_events = {.on_connect = hop_on_connect,
                                            .on_close = gone_on_close};

static int start_hop_tls(chain *c) {
  endpoint *e = c->endpoint;
  const proxy *p = present(c);
  int err = tls_context_load(c->request->proxy_tls, c->tls_failure);
  if (err < 0) return err;
  return tls_start(&c->filter, e->env, c->request->proxy_tls, &e->tls_turns, p->host, p->port,
                   c->filter, &hop_events, c);
}

/* Without TLS, no event comes before the driver has set its own. */
static void use_hop_events(chain *c) {
  c->filter->events = &hop_events;
  c->filter->up = c;
}

/* The filter leads to the proxy. */
static void start_hop(chain *c) {
  if (present(c)->kind != URL_PROXY_HTTPS) {
    start_tunnel(c);
    return;
  }
  int err = start_hop_tls(c);
  if (err < 0) chain_fail(c, err, c->tls_failure->text);
}

/* The first connection */

static void on_dial_resolved(void *up) {
  const chain *c = up;
  if (!c->again) c->events->on_resolved(c->up);
}

static void on_dial_address(void *up, const struct sockaddr_storage *addr) {
  const chain *c = up;
  c->events->on_address(c->up, addr);
}

static void on_dial_done(void *up, int status, ws_filter *filter) {
  chain *c = up;
  c->dial = NULL;
  c->filter = filter;
  if (proxy_count(c) == 0) {
    c->events->on_done(c->up, status, take_filter(c), "");
  } else if (status < 0) {
    chain_fail(c, status, "");
  } else {
    use_hop_events(c);
    if (!c->again) c->events->on_connected(c->up);
    start_hop(c);
  }
}

static const dial_events events_of_dial = {
    .on_resolved = on_dial_resolved, .on_address = on_dial_address, .on_done = on_dial_done};

static int chain_dial(chain *c) {
  const session_request *r = c->request;
  dial_target first = r->to;
  if (proxy_count(c) > 0) {
    first = (dial_target){.host = present(c)->host, .port = present(c)->port};
    address_clear(&first.address);
    log_hop(c, "connecting");
  }
  return dial_start(&c->dial, c->resolver, &first, &r->socket, &events_of_dial, c);
}

void chain_init(chain *c, endpoint *e, resolver *r, const session_request *req, log_to log,
                tls_failure *failure, const chain_events *events, void *up) {
  *c = (chain){.endpoint = e,
               .resolver = r,
               .request = req,
               .log = log,
               .tls_failure = failure,
               .events = events,
               .up = up};
}

int chain_start(chain *c) {
  const size_t count = proxy_count(c);
  if (count > 0) {
    c->machines = ws_calloc(&c->endpoint->alloc, count * sizeof(ws_tunnel *));
    if (c->machines == NULL) return WS_ENOMEM;
    c->machine_count = count;
  }
  int err = chain_dial(c);
  return err < 0 && count > 0 ? explain(c, err, "") : err;
}

static void chain_stop(chain *c) {
  if (c->dial != NULL) dial_cancel(c->dial);
  c->dial = NULL;
  if (c->looking_up) resolver_cancel(&c->lookup);
  c->looking_up = false;
  stop_driver(c);
}

ws_filter *chain_cancel(chain *c) {
  chain_stop(c);
  return take_filter(c);
}

void chain_expire(chain *c, const char *detail) {
  const ws_tunnel *machine = c->tunnelling ? *machine_of(c) : NULL;
  int status = machine != NULL ? tunnel_driver_give_up(&c->driver) : WS_EOF;
  const bool answered = status != WS_EOF && status != WS_EAGAIN;
  chain_stop(c);
  c->refused = answered;
  if (answered) {
    chain_fail(c, status, machine->detail.text);
  } else if (proxy_count(c) > 0) {
    chain_fail(c, WS_ETIMEDOUT, detail);
  } else {
    c->events->on_done(c->up, WS_ETIMEDOUT, NULL, detail);
  }
}

bool chain_runs(const chain *c) {
  return c->dial != NULL || c->filter != NULL;
}

bool chain_is_held(const chain *c) {
  if (c->dial != NULL) return dial_waits(c->dial);
  return c->looking_up ? resolver_is_held(&c->lookup) : session_tls_is_held(c->filter);
}

static void describe_refusal(chain *c, wsuv_close_info_t *info) {
  ws_tunnel *machine = *machine_of(c);
  ws_tunnel_refusal refusal;
  machine->ops->refusal(machine, &refusal);
  if (refusal.status == 0) return;
  info->http_status = refusal.status;
  info->headers = refusal.headers;
  info->header_count = refusal.header_count;
  info->body = refusal.body.base;
  info->body_len = refusal.body.len;
}

void chain_describe(chain *c, wsuv_close_info_t *info) {
  if (c->request == NULL || proxy_count(c) == 0) return;
  info->proxy = text_buf_base(&c->request->proxies->shown);
  if (c->refused) describe_refusal(c, info);
}

void chain_clear(chain *c) {
  for (size_t i = 0; i < c->machine_count; i++) free_machine(&c->machines[i]);
  ws_free(&c->endpoint->alloc, c->machines);
  c->machines = NULL;
  c->machine_count = 0;
}
