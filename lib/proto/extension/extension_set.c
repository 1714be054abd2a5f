#include "proto/extension/extension_set.h"

/* Negotiates extensions, for both roles: from the handshake's fields and the installed extensions
   to the state of a connection. extension_run.c passes messages through them. */

#include <string.h>

#include "base/error.h"
#include "proto/extension/extension_header.h"
#include "proto/extension/extension_params.h"

static int extension_set_fail(const char **why, int err, const char *text) {
  *why = text;
  return err;
}

static int set_new(extension_set **out, extension_list *list) {
  extension_set *set = ws_calloc(list->alloc, sizeof *set + list->count * sizeof set->entries[0]);
  if (set == NULL) return WS_ENOMEM;
  set->list = extension_list_ref(list);
  set->in_left = UINT64_MAX;
  set->in_ratio = 1024; /* deflate makes about as many bytes of one, at most */
  text_buf_init(&set->text, list->alloc);
  *out = set;
  return 0;
}

static size_t memory_of(const extension_entry *entry) {
  return entry->hooks->memory != NULL ? entry->hooks->memory(entry->state) : 0;
}

void extension_set_free(extension_set *set) {
  if (set == NULL) return;
  extension_budget *budget = set->list->budget;
  while (set->count > 0) {
    extension_entry *entry = &set->entries[--set->count];
    if (budget != NULL) budget->used -= memory_of(entry);
    if (entry->hooks->state_free != NULL) entry->hooks->state_free(entry->state);
  }
  extension_list *list = set->list;
  text_buf_clear(&set->text);
  ws_free(list->alloc, set);
  extension_list_unref(list);
}

static void add_entry(extension_set *set, const wsuv_extension_t *hooks, void *state) {
  extension_entry *entry = &set->entries[set->count++];
  *entry = (extension_entry){hooks, state};
  set->rsv |= (uint8_t) hooks->rsv;
  if (set->list->budget != NULL) set->list->budget->used += memory_of(entry);
}

/* Client */

static bool is_in(const extension_set *set, const wsuv_extension_t *hooks) {
  for (size_t i = 0; i < set->count; i++) {
    if (set->entries[i].hooks == hooks) return true;
  }
  return false;
}

static int write_element(extension_set *set, const extension_element *e) {
  wsuv_extension_params_t params;
  extension_params_begin(&params, &set->text, e->key);
  for (size_t i = 0; i < e->param_count; i++) {
    wsuv_extension_put(&params, e->params[i].name, e->params[i].value);
  }
  return extension_params_end(&params);
}

static int accept_one(extension_set *set, const extension_installed *item,
                      const extension_element *e, const char **why) {
  static const char refused[] = "extension was refused";
  const wsuv_extension_t *hooks = &item->hooks;
  void *state = NULL;
  if (is_in(set, hooks)) return extension_set_fail(why, WSUV_EEXTENSION, "extension is repeated");
  int err = write_element(set, e);
  if (err < 0) return extension_set_fail(why, err, "no memory");
  *why = refused;
  err = hooks->accept(item->shared, set->list->alloc, e->params, e->param_count, &state, why);
  if (*why == NULL) *why = refused;
  if (err == 0) add_entry(set, hooks, state);
  return err > 0 ? WS_EINVAL : err;
}

static int accept_element(extension_set *set, unsigned offered, const extension_element *e,
                          const char **why) {
  for (size_t i = 0; i < set->list->count; i++) {
    const extension_installed *item = &set->list->items[i];
    if ((offered & 1u << i) == 0 || strcmp(item->hooks.key, e->key) != 0) continue;
    return accept_one(set, item, e, why);
  }
  return extension_set_fail(why, WSUV_EEXTENSION, "extension was not offered");
}

static int accept_all(extension_set **out, extension_list *list, unsigned offered,
                      const extension_header *header, const char **why) {
  extension_set *set;
  if (list == NULL) return extension_set_fail(why, WSUV_EEXTENSION, "extension was not offered");
  int err = set_new(&set, list);
  if (err < 0) return extension_set_fail(why, err, "no memory");
  for (size_t i = 0; err == 0 && i < header->count; i++) {
    err = accept_element(set, offered, &header->elements[i], why);
  }
  if (err == 0 && (err = text_buf_add(&set->text, "", 1)) < 0) *why = "no memory";
  if (err < 0) {
    extension_set_free(set);
    return err;
  }
  *out = set;
  return 0;
}

int extension_set_accept(extension_set **out, extension_list *list, unsigned offered,
                         const header_store *answer, const char **why) {
  extension_header header;
  *out = NULL;
  *why = "no memory";
  int err = extension_header_parse(&header, answer->text.none.alloc, answer, why);
  if (err < 0) return err;
  if (header.count == 0) {
    if (header_store_get(answer, "Sec-WebSocket-Extensions", 0) == NULL) return 0;
    return extension_set_fail(why, WSUV_EEXTENSION, "Sec-WebSocket-Extensions is empty");
  }
  err = accept_all(out, list, offered, &header, why);
  extension_header_clear(&header);
  return err;
}

/* Server */

/* 1: accepted; 0: declined; an error. */
static int answer_offer(extension_set *set, const extension_installed *item,
                        const extension_element *offer) {
  wsuv_extension_params_t params;
  void *state = NULL;
  size_t before = text_buf_len(&set->text);
  extension_params_begin(&params, &set->text, item->hooks.key);
  int r = item->hooks.answer(item->shared, set->list->alloc, offer->params, offer->param_count,
                             &params, &state);
  if (r > 0) add_entry(set, &item->hooks, state);
  int err = r < 0 ? r : extension_params_end(&params);
  if (r <= 0) text_buf_cut(&set->text, before);
  return err < 0 ? err : r;
}

/* Whether no more memory may be used, and the extension would. */
static bool is_too_much(const extension_set *set, const wsuv_extension_t *hooks) {
  const extension_budget *budget = set->list->budget;
  return hooks->memory != NULL && budget != NULL && budget->max > 0 && budget->used >= budget->max;
}

static int answer_one(extension_set *set, const extension_installed *item,
                      const extension_header *header) {
  if (item->hooks.answer == NULL || is_too_much(set, &item->hooks)) return 0;
  for (size_t i = 0; i < header->count; i++) {
    if (strcmp(header->elements[i].key, item->hooks.key) != 0) continue;
    int r = answer_offer(set, item, &header->elements[i]);
    if (r != 0) return r < 0 ? r : 0;
  }
  return 0;
}

int extension_set_answer(extension_set **out, extension_list *list, const extension_header *offer) {
  extension_set *set;
  *out = NULL;
  if (list == NULL || offer->count == 0) return 0;
  int err = set_new(&set, list);
  if (err < 0) return err;
  for (size_t i = 0; err == 0 && i < list->count; i++) {
    err = answer_one(set, &list->items[i], offer);
  }
  if (err == 0) err = text_buf_add(&set->text, "", 1);
  if (err < 0 || set->count == 0) {
    extension_set_free(set);
    return err;
  }
  *out = set;
  return 0;
}
