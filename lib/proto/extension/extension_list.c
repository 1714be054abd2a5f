#include "proto/extension/extension_list.h"

/* Checks the extensions that are to be installed, and keeps them. Knows no session. */

#include <string.h>

#include "base/error.h"
#include "proto/extension/extension_hooks.h"
#include "proto/extension/extension_params.h"
#include "proto/http/headers.h"

static bool is_sound(const wsuv_extension_t *e) {
  return e->key != NULL && header_is_token(e->key, strlen(e->key)) &&
         (e->rsv & ~(unsigned) (WSUV_RSV1 | WSUV_RSV2 | WSUV_RSV3)) == 0 &&
         (e->offer == NULL) == (e->accept == NULL) && (e->variant == NULL) == (e->prepare == NULL);
}

static bool are_sound(const wsuv_extension_t *extensions, size_t count) {
  unsigned claimed = 0;
  for (size_t i = 0; i < count; i++) {
    const wsuv_extension_t *e = &extensions[i];
    if (!is_sound(e) || (e->rsv & claimed) != 0) return false;
    claimed |= e->rsv;
    for (size_t j = 0; j < i; j++) {
      if (strcmp(extensions[j].key, e->key) == 0) return false;
    }
  }
  return true;
}

/* Read all of them into structures of today's size. */
static int read_all(wsuv_extension_t *to, const wsuv_extension_t *const *from, size_t count) {
  if (count > WSUV_EXTENSIONS_MAX || from == NULL) return WS_EINVAL;
  for (size_t i = 0; i < count; i++) {
    to[i] = (wsuv_extension_t){.size = sizeof to[i]};
    if (from[i] == NULL) return WS_EINVAL;
    int err = extension_hooks_in(&to[i], from[i]);
    if (err < 0) return err;
  }
  return are_sound(to, count) ? 0 : WS_EINVAL;
}

static int install(extension_list *list, const wsuv_extension_t *e) {
  extension_installed *item = &list->items[list->count];
  char *key = ws_strdup(list->alloc, e->key);
  if (key == NULL) return WS_ENOMEM;
  item->hooks = *e;
  item->hooks.key = key;
  item->shared = e->data;
  int err = e->install == NULL ? 0 : e->install(e->data, list->alloc, &item->shared);
  if (err < 0) {
    ws_free(list->alloc, key);
    return err;
  }
  item->uninstall = e->uninstall;
  item->hooks.install = NULL;
  item->hooks.uninstall = NULL;
  item->hooks.data = item->shared;
  list->hooks[list->count++] = &item->hooks;
  return 0;
}

static void uninstall(extension_list *list, extension_installed *item) {
  if (item->uninstall != NULL) item->uninstall(item->shared);
  ws_free(list->alloc, (void *) item->hooks.key);
}

int extension_list_new(extension_list **out, const wsuv_allocator_t *alloc,
                       const wsuv_extension_t *const *extensions, size_t count) {
  wsuv_extension_t read[WSUV_EXTENSIONS_MAX];
  *out = NULL;
  if (count == 0) return 0;
  int err = read_all(read, extensions, count);
  if (err < 0) return err;
  extension_list *list = ws_calloc(alloc, sizeof *list + count * sizeof list->items[0]);
  if (list == NULL) return WS_ENOMEM;
  list->alloc = alloc;
  list->refs = 1;
  for (size_t i = 0; i < count; i++) {
    err = install(list, &read[i]);
    if (err < 0) {
      extension_list_unref(list);
      return err;
    }
  }
  *out = list;
  return 0;
}

extension_list *extension_list_ref(extension_list *list) {
  if (list != NULL) list->refs++;
  return list;
}

void extension_list_unref(extension_list *list) {
  if (list == NULL || --list->refs > 0) return;
  while (list->count > 0) uninstall(list, &list->items[--list->count]);
  ws_free(list->alloc, list);
}

/* Write all offers of one extension. 1: there is at least one; 0: none; or an error. */
static int offer_one(const extension_installed *item, text_buf *text) {
  if (item->hooks.offer == NULL) return 0;
  for (size_t n = 0;; n++) {
    wsuv_extension_params_t params;
    size_t before = text_buf_len(text);
    extension_params_begin(&params, text, item->hooks.key);
    int more = item->hooks.offer(item->shared, n, &params);
    int err = more < 0 ? more : extension_params_end(&params);
    if (err < 0) return err;
    if (more == 0) {
      text_buf_cut(text, before);
      return n > 0;
    }
  }
}

int extension_list_offer(const extension_list *list, text_buf *text, unsigned *offered) {
  *offered = 0;
  for (size_t i = 0; list != NULL && i < list->count; i++) {
    int made = offer_one(&list->items[i], text);
    if (made < 0) return made;
    if (made > 0) *offered |= 1u << i;
  }
  return 0;
}
