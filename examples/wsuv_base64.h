#ifndef EXAMPLES_WSUV_BASE64_H
#define EXAMPLES_WSUV_BASE64_H

/* Base64 (RFC 4648 4), with padding. */

#include <stdbool.h>
#include <stddef.h>

/* Characters for `n` bytes. */
#define BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* Write BASE64_LEN(len) characters, not terminated. */
void base64_encode(char *out, const void *data, size_t len);

/* Decode in place. false: it is not base64; otherwise *len is the number of bytes. */
bool base64_decode(char *text, size_t *len);

#endif
