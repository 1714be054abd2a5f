#ifndef WS_TESTKIT_CHECK_H
#define WS_TESTKIT_CHECK_H

/* Assertions for the machinery of the tests itself, which runs inside libuv's callbacks too, where
   cmocka's way out, a long jump, is not to be taken. A failure says where and ends the process. */

#include <stddef.h>
#include <stdint.h>

#define CHECK(cond) ((cond) ? (void) 0 : check_failed(__FILE__, __LINE__, "%s", #cond))
#define CHECK_FAIL(...) check_failed(__FILE__, __LINE__, __VA_ARGS__)

/* Shown with a failure, so that it can be had again. */
extern uint64_t check_seed;

__attribute__((noreturn, format(printf, 3, 4))) void check_failed(const char *file, int line,
                                                                  const char *format, ...);

/* Memory of the tests' own, of the C library's, which the accounts of the tested library do not
   contain. Never NULL; check_alloc zeroes it. */
void *check_alloc(size_t size);
void *check_realloc(void *ptr, size_t size);
void check_free(void *ptr); /* NULL is allowed */

#endif
