#include "testkit/kit.h"

/* What goes wrong in a world. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/sized.h"
#include "net/address.h"
#include "testkit/check.h"

enum { NS_PER_US = 1000, FAULT_BYTES_MAX = 65536 };

/* Names */

SIZED_TYPE(answer_type, wsuv_testkit_answer_t, address_count, sizeof(wsuv_testkit_answer_t));

/* A failure has none, and neither has an answer that never comes. */
static bool has_addresses(const wsuv_testkit_answer_t *a) {
  return a->status == 0 && a->delay_ms != UINT64_MAX;
}

static int check_answer(const char *name, const wsuv_testkit_answer_t *a) {
  struct sockaddr_storage addr;
  if (name == NULL || *name == '\0' || a->status > 0) return UV_EINVAL;
  if (!has_addresses(a)) return 0;
  if (a->addresses == NULL) return UV_EINVAL;
  if (a->address_count == 0 || a->address_count > SIM_ADDRS_MAX) return UV_EINVAL;
  for (size_t i = 0; i < a->address_count; i++) {
    if (a->addresses[i] == NULL || !address_parse(&addr, a->addresses[i], 0)) return UV_EINVAL;
  }
  return 0;
}

int wsuv_testkit_host(wsuv_testkit_t *kit, const char *name, const wsuv_testkit_answer_t *from) {
  wsuv_testkit_answer_t a = {.size = 0};
  int err = sized_in(&a, &answer_type, from, NULL);
  if (err == 0) err = check_answer(name, &a);
  if (err < 0) return err;
  sim_answer answer = {.delay_ms = a.delay_ms, .status = a.status};
  for (size_t i = 0; has_addresses(&a) && i < a.address_count; i++)
    answer.addrs[i] = a.addresses[i];
  sim_name(kit->sim, name, &answer);
  return 0;
}

/* Links */

SIZED_TYPE(links_type, wsuv_testkit_links_t, fault_bytes_max, sizeof(wsuv_testkit_links_t));

void wsuv_testkit_links_defaults(wsuv_testkit_links_t *links, size_t size) {
  const wsuv_testkit_links_t calm = {
      .size = sizeof calm,
      .latency_min_us = 50,
      .latency_max_us = 50,
      .segment_max = 65536,
      .send_buffer = 262144,
      .receive_buffer = 262144,
      .fault_bytes_max = FAULT_BYTES_MAX,
  };
  sized_fill(links, size, &links_type, &calm);
}

static bool are_possible(const wsuv_testkit_links_t *l) {
  return l->latency_min_us <= l->latency_max_us && l->latency_max_us < UINT64_MAX / NS_PER_US &&
         l->segment_max > 0 && l->send_buffer > 0 && l->receive_buffer > 0 &&
         l->cut_percent <= 100 && l->lose_percent <= 100 && l->reset_percent <= 100 &&
         l->stall_percent <= 100 && l->fault_bytes_max > 0 &&
         l->lose_percent + l->reset_percent + l->stall_percent <= 100;
}

int wsuv_testkit_set_links(wsuv_testkit_t *kit, const wsuv_testkit_links_t *from) {
  wsuv_testkit_links_t l;
  wsuv_testkit_links_init(&l);
  int err = sized_in(&l, &links_type, from, NULL);
  if (err < 0) return err;
  if (!are_possible(&l)) return UV_EINVAL;
  const sim_profile profile = {
      .latency_min_ns = l.latency_min_us * NS_PER_US,
      .latency_max_ns = l.latency_max_us * NS_PER_US,
      .bytes_per_ms = l.bytes_per_ms,
      .segment_max = l.segment_max,
      .send_buffer = l.send_buffer,
      .recv_buffer = l.receive_buffer,
      .cut_percent = l.cut_percent,
      .fault_percent = {[SIM_FAULT_EOF] = l.lose_percent,
                        [SIM_FAULT_RESET] = l.reset_percent,
                        [SIM_FAULT_STALL] = l.stall_percent},
      .fault_bytes_max = l.fault_bytes_max,
  };
  sim_set_profile(kit->sim, &profile);
  return 0;
}

int wsuv_testkit_fail_connects(wsuv_testkit_t *kit, const char *address, int status) {
  struct sockaddr_storage addr;
  sim_route_kind kind = SIM_ROUTE_FAIL;
  bool is_address =
      *address == '/' ? strlen(address) <= ADDRESS_PATH_MAX : address_parse(&addr, address, 0);
  if (status > 0 || !is_address) return UV_EINVAL;
  if (status == 0) kind = SIM_ROUTE_OPEN;
  if (status == UV_ETIMEDOUT) kind = SIM_ROUTE_BLACKHOLE;
  sim_route(kit->sim, address, kind, status);
  return 0;
}

void wsuv_testkit_fail_accepts(wsuv_testkit_t *kit, size_t count, int status) {
  sim_accepts_fail(kit->sim, count, status);
}

/* Memory, random bytes, the clock */

void wsuv_testkit_fail_allocation(wsuv_testkit_t *kit, uint64_t n, bool for_ever) {
  kit->memory.fail_at = n == 0 ? 0 : kit->memory.calls + n;
  kit->memory.fail_for_ever = for_ever;
}

uint64_t wsuv_testkit_failed_allocations(const wsuv_testkit_t *kit) {
  return kit->memory.failed;
}

void wsuv_testkit_fail_random(wsuv_testkit_t *kit, bool fail) {
  sim_random_fails(kit->sim, fail);
}

void wsuv_testkit_suspend(wsuv_testkit_t *kit, uint64_t ms) {
  if (kit->ops == &kit_simulated) sim_suspend(kit->sim, ms);
}

/* What happens on links */

static void trace(void *arg, uint64_t now_ns, uint64_t link, bool connector, const char *what,
                  size_t len) {
  const wsuv_testkit_t *kit = arg;
  char line[128], bytes[32] = "";
  if (len > 0) snprintf(bytes, sizeof bytes, " %zu bytes", len);
  snprintf(line, sizeof line, "%" PRIu64 ".%06" PRIu64 " ms, link %" PRIu64 ": %s %s%s",
           now_ns / 1000000, now_ns % 1000000, link, connector ? "client" : "server", what, bytes);
  kit->on_trace(kit->on_trace_arg, line);
}

void wsuv_testkit_on_trace(wsuv_testkit_t *kit, void (*cb)(void *arg, const char *line),
                           void *arg) {
  kit->on_trace = cb;
  kit->on_trace_arg = arg;
  sim_trace(kit->sim, cb != NULL ? trace : NULL, kit);
}
