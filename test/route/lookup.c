/* Look names up by c-ares, all at once, and print a line for each as it was named: the addresses in
   the library's order, or the name of the error.

     lookup NAME... */

#include <stdio.h>
#include <stdlib.h>

#include <uv.h>
#include <wsuv/error.h>

#include "net/address.h"
#include "net/uv/env_uv.h"
#include "testkit/check.h"

enum { PORT = 80, TEXT_MAX = 4096 };

typedef struct query {
  ws_lookup *lookup;
  char text[TEXT_MAX];
} query;

static void on_answer(void *data, int status, const struct sockaddr_storage *addrs, size_t count) {
  query *q = data;
  char text[ADDRESS_TEXT_SIZE];
  size_t used = 0;
  if (status < 0) (void) snprintf(q->text, TEXT_MAX, "%s", wsuv_err_name(status));
  for (size_t i = 0; i < count; i++) {
    address_print(text, &addrs[i]);
    used += (size_t) snprintf(q->text + used, TEXT_MAX - used, "%s%s", i > 0 ? " " : "", text);
    CHECK(used < TEXT_MAX);
  }
}

static void on_closed(void *data) {
  (void) data;
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  query *queries = check_alloc((size_t) argc * sizeof *queries);
  ws_env *env;
  CHECK(env_uv_new(&env, loop, &ws_alloc_libc, NULL, NULL, WSUV_RESOLVER_CARES) == 0);
  for (int i = 1; i < argc; i++) {
    query *q = &queries[i];
    CHECK(env->ops->lookup(env, argv[i], PORT, on_answer, q, &q->lookup) == 0);
  }
  uv_run(loop, UV_RUN_DEFAULT);
  for (int i = 1; i < argc; i++) puts(queries[i].text);
  env->ops->close(env, on_closed, NULL);
  uv_run(loop, UV_RUN_DEFAULT);
  free(queries);
  return uv_loop_close(loop);
}
