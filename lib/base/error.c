#include "base/error.h"

/* Names and texts of wsuv's own codes. lib/net adds those of libuv. */

#include <stddef.h>

const char *ws_own_err_name(int err) {
  switch (err) {
#define XX(name, value, text) \
  case value: return "WSUV_" #name;
    WSUV_ERRNO_MAP(XX)
#undef XX
  default: return NULL;
  }
}

const char *ws_own_strerror(int err) {
  switch (err) {
#define XX(name, value, text) \
  case value: return text;
    WSUV_ERRNO_MAP(XX)
#undef XX
  default: return NULL;
  }
}
