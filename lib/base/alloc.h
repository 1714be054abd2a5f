#ifndef WS_BASE_ALLOC_H
#define WS_BASE_ALLOC_H

/* The allocator handle: all memory comes from it. Every function may fail, so callers check.
   A size of 0 asks for the smallest block, so that NULL always means failure. */

#include <stddef.h>

#include <wsuv/hooks.h>

/* The C library's malloc, realloc and free. */
extern const wsuv_allocator_t ws_alloc_libc;

void *ws_malloc(const wsuv_allocator_t *a, size_t size);
void *ws_calloc(const wsuv_allocator_t *a, size_t size); /* zeroed */
void *ws_realloc(const wsuv_allocator_t *a, void *ptr, size_t size);
void ws_free(const wsuv_allocator_t *a, void *ptr); /* NULL is allowed */

/* Copies that end in a NUL of their own; NULL when there is no memory. ws_strndup copies exactly
   len bytes, whatever they are. */
char *ws_strndup(const wsuv_allocator_t *a, const char *s, size_t len);
char *ws_strdup(const wsuv_allocator_t *a, const char *s);

/* Overwrite a secret, in a way that no compiler leaves out. */
void ws_wipe(void *p, size_t len);

#endif
