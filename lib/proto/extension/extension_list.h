#ifndef WS_PROTO_EXTENSION_EXTENSION_LIST_H
#define WS_PROTO_EXTENSION_EXTENSION_LIST_H

/* The extensions that are installed for a client or a server, and their offers. It counts
   references: sessions hold one while they use an extension. */

#include <stddef.h>

#include <wsuv/extension.h>

#include "base/alloc.h"
#include "base/text_buf.h"

typedef struct extension_installed {
  /* This is a copy with its own key, in which `install` is NULL and `data` is `shared`, so that it
     can be installed again while this list exists. */
  wsuv_extension_t hooks;
  void *shared; /* The hook `install` returned this pointer, which all sessions share. */
  void (*uninstall)(void *shared); /* This hook frees `shared`; it may be NULL. */
} extension_installed;

/* The memory that the states of all sessions of an endpoint may come to use. */
typedef struct extension_budget {
  size_t used; /* It is this many bytes, by the extensions' hook `memory`. */
  /* When `used` has reached this many bytes, extensions with that hook are not negotiated; 0: there
     is no limit. */
  size_t max;
} extension_budget;

typedef struct extension_list {
  const wsuv_allocator_t *alloc; /* The caller's allocator outlives the list. */
  size_t refs;  /* The list has this many references, and is freed when it has none. */
  size_t count; /* `items` has this many elements. */
  /* States are counted here; NULL (at first): nowhere. The endpoint has it, which outlives them. */
  extension_budget *budget;
  /* These point to the hooks of `items`, in the same order. */
  const wsuv_extension_t *hooks[WSUV_EXTENSIONS_MAX];
  extension_installed items[]; /* These are the installed extensions. */
} extension_list;

/* Check, copy and install extensions. 0, with *out NULL if there are none; WSUV_ESIZE; WS_EINVAL:
   too many; a key that is no token or is repeated; a reserved bit that does not exist or is used
   twice; offer without accept; variant without prepare; WS_ENOMEM; what a hook returned. */
int extension_list_new(extension_list **out, const wsuv_allocator_t *alloc,
                       const wsuv_extension_t *const *extensions, size_t count);

extension_list *extension_list_ref(extension_list *list); /* NULL is allowed */
void extension_list_unref(extension_list *list);          /* NULL is allowed */

/* Write the value of Sec-WebSocket-Extensions for a request, not terminated; nothing if there is no
   offer. *offered gets a bit for each extension with an offer. 0; WS_ENOMEM; WS_EINVAL: a parameter
   that is no token; what a hook returned. */
int extension_list_offer(const extension_list *list, text_buf *text, unsigned *offered);

#endif
