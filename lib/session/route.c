#include "session/route.h"

#include "base/error.h"
#include "base/sized.h"
#include "session/config.h"

SIZED_TYPE(callbacks_type, wsuv_callbacks_t, on_unauthorized, sizeof(wsuv_callbacks_t));

int route_read_callbacks(wsuv_callbacks_t *to, const wsuv_callbacks_t *from, ws_why *why) {
  wsuv_callbacks_init(to);
  return from != NULL ? sized_in(to, &callbacks_type, from, why) : 0;
}

SIZED_TYPE(route_type, wsuv_route_t, on_upgrade, sizeof(wsuv_route_t));

/* Copy the route's own configuration, and install its extensions. */
static int set_config(route *r, endpoint *e, const wsuv_config_t *from, ws_why *why) {
  config_input in;
  int err = config_read(&in, e->role, from, why);
  if (err == 0) err = config_check_own(&in.config, e->role, &e->config, why);
  if (err == 0) err = config_copy(&r->own, &e->alloc, &in.config);
  if (err < 0) return err;
  r->config = &r->own;
  return !r->negotiates ? 0 : route_extensions(&r->extensions, e, &in.config, why);
}

int route_extensions(extension_list **out, endpoint *e, const wsuv_config_t *own, ws_why *why) {
  int err = extension_list_new(out, &e->alloc, own->extensions, own->extension_count);
  if (err == 0 && *out != NULL) (*out)->budget = &e->extension_memory;
  return err == WSUV_ESIZE ? ws_why_set(why, err, "wsuv_extension_t") : err;
}

static int fill(route *r, endpoint *e, const wsuv_route_t *from, ws_why *why) {
  int err = route_read_callbacks(&r->callbacks, from->callbacks, why);
  r->data = from->data;
  r->upgrade_cb = from->on_upgrade;
  r->raw = from->raw;
  r->negotiates = !from->raw || from->negotiate_extensions;
  if (err < 0) return err;
  if (from->config != NULL) return set_config(r, e, from->config, why);
  r->config = &e->config;
  if (r->negotiates) r->extensions = extension_list_ref(e->extensions);
  return 0;
}

int route_new(route **out, endpoint *e, const wsuv_route_t *from, const char **path,
              const char **subprotocol, ws_why *why) {
  wsuv_route_t read;
  wsuv_route_init(&read, NULL);
  int err = sized_in(&read, &route_type, from, why);
  if (err < 0) return err;
  if (read.path == NULL) return WS_EINVAL;
  route *r = ws_calloc(&e->alloc, sizeof *r);
  if (r == NULL) return WS_ENOMEM;
  ws_list_init(&r->node);
  err = fill(r, e, &read, why);
  if (err < 0) {
    route_free(r, &e->alloc);
    return err;
  }
  *path = read.path;
  *subprotocol = read.subprotocol;
  *out = r;
  return 0;
}

void route_free(route *r, const wsuv_allocator_t *alloc) {
  ws_list_remove(&r->node);
  extension_list_unref(r->extensions);
  if (r->config == &r->own) config_free(&r->own, alloc);
  ws_free(alloc, r);
}
