#include "testkit/kit.h"

/* Ends worlds, and names what is left in them. */

#include <stdarg.h>
#include <stdio.h>

#include "session/testkit_entry.h"

static bool has_ended(void *arg) {
  const wsuv_testkit_t *kit = arg;
  return (ws_list_empty(&kit->endpoints) && !sim_is_busy(kit->sim)) || kit->ops->is_over(kit);
}

typedef struct leaks {
  char text[512];
  size_t len;
} leaks;

__attribute__((format(printf, 3, 4))) static void add_leak(leaks *l, size_t count,
                                                           const char *format, ...) {
  va_list args;
  if (count == 0 || l->len >= sizeof l->text) return;
  if (l->len > 0) l->len += (size_t) snprintf(l->text + l->len, sizeof l->text - l->len, ", ");
  if (l->len >= sizeof l->text) return;
  va_start(args, format);
  l->len += (size_t) vsnprintf(l->text + l->len, sizeof l->text - l->len, format, args);
  va_end(args);
}

static void list_leaks(const wsuv_testkit_t *kit, leaks *l) {
  size_t clients = 0, servers = 0, sessions = 0, owed = kit->owed;
  for (ws_list *n = kit->endpoints.next; n != &kit->endpoints; n = n->next) {
    const kit_endpoint *e = ws_list_entry(n, kit_endpoint, node);
    if (e->client != NULL) {
      clients++;
      sessions += wsuv_client_session_count(e->client);
    } else if (e->server != NULL) {
      servers++;
      sessions += wsuv_server_session_count(e->server);
      owed += wsuv_internal_server_owed(e->server);
    }
  }
  add_leak(l, clients, "clients not closed: %zu", clients);
  add_leak(l, servers, "servers not closed: %zu", servers);
  add_leak(l, sessions, "sessions open: %zu", sessions);
  add_leak(l, kit->memory.live > 0 ? owed : 0, "upgrades or requests not answered: at most %zu",
           owed);
  add_leak(l, kit->memory.live, "memory: %zu bytes in %zu blocks", kit->memory.live_bytes,
           kit->memory.live);
}

/* Callbacks of the program may run. */
static int end_world(wsuv_testkit_t *kit) {
  kit->running = true;
  int err = kit->ops->end(kit);
  kit->running = false;
  return err;
}

int wsuv_testkit_free(wsuv_testkit_t *kit) {
  leaks l = {.len = 0};
  if (kit == NULL) return 0;
  if (kit->running) return WSUV_ESTATE;
  kit_end_conversations(kit);
  int err = kit_run_until(kit, has_ended, kit, kit->ops->run_ms);
  list_leaks(kit, &l);
  if (l.len == 0) add_leak(&l, err < 0, "something on the network");
  if (l.len == 0) add_leak(&l, end_world(kit) < 0, "handles of the kit's loop");
  if (l.len > 0) return kit_fail(kit, WSUV_ELEAK, "still alive: %s", l.text);
  kit_free(kit);
  return 0;
}
