#ifndef WS_NET_TLS_TLS_FILE_H
#define WS_NET_TLS_TLS_FILE_H

/* Reads files of certificates and keys, and says in words why one cannot be read. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "net/tls/tls_failure.h"

typedef struct tls_file {
  uint8_t *data; /* The content belongs to the structure, and a NUL follows it. */
  size_t len;    /* `data` has this many bytes without the NUL. */
} tls_file;

/* Read a whole file. Only regular files are opened: others could block. 0, or the system's error
   as a code. */
int tls_file_read(tls_file *file, const wsuv_allocator_t *alloc, const char *path);

/* Free the content, which is overwritten first. */
void tls_file_free(tls_file *file, const wsuv_allocator_t *alloc);

/* Whether an error is due to the file itself, so that it would be the same at the next try. Others,
   such as that too many files are open, pass. */
bool tls_file_error_lasts(int err);

/* Write "what: path: cause", without `what` if that is NULL. A long path loses its beginning. */
void tls_file_describe(tls_failure *failure, const char *what, const char *path, const char *cause);

/* Describe an error of tls_file_read. Returns `lasting` if the error lasts, or else the error. */
int tls_file_fail(tls_failure *failure, const char *what, const char *path, int err, int lasting);

#endif
