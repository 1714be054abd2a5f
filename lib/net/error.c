#include "base/error.h"

#include <uv.h>

/* Names and texts of all codes: wsuv's own, and libuv's, made from its list. libuv's functions
   would allocate memory for unknown codes. */

_Static_assert((int) WS_ENOMEM == (int) UV_ENOMEM, "as libuv's");
_Static_assert((int) WS_EINVAL == (int) UV_EINVAL, "as libuv's");
_Static_assert((int) WS_ENOENT == (int) UV_ENOENT, "as libuv's");
_Static_assert((int) WS_EEXIST == (int) UV_EEXIST, "as libuv's");
_Static_assert((int) WS_EACCES == (int) UV_EACCES, "as libuv's");
_Static_assert((int) WS_ECANCELED == (int) UV_ECANCELED, "as libuv's");
_Static_assert((int) WS_ETIMEDOUT == (int) UV_ETIMEDOUT, "as libuv's");
_Static_assert((int) WS_EAGAIN == (int) UV_EAGAIN, "as libuv's");
_Static_assert((int) WS_ENOBUFS == (int) UV_ENOBUFS, "as libuv's");
_Static_assert((int) WS_EPROTONOSUPPORT == (int) UV_EPROTONOSUPPORT, "as libuv's");
_Static_assert((int) WS_EAFNOSUPPORT == (int) UV_EAFNOSUPPORT, "as libuv's");
_Static_assert((int) WS_EADDRINUSE == (int) UV_EADDRINUSE, "as libuv's");
_Static_assert((int) WS_EADDRNOTAVAIL == (int) UV_EADDRNOTAVAIL, "as libuv's");
_Static_assert((int) WS_ENOTSUP == (int) UV_ENOTSUP, "as libuv's");
_Static_assert((int) WS_ECONNABORTED == (int) UV_ECONNABORTED, "as libuv's");
_Static_assert((int) WS_EOF == (int) UV_EOF, "as libuv's");

const char *wsuv_err_name(int err) {
  const char *own = ws_own_err_name(err);
  if (own != NULL) return own;
  switch (err) {
  case 0: return "OK";
#define XX(name, text) \
  case UV_##name: return #name;
    UV_ERRNO_MAP(XX)
#undef XX
  default: return "UNKNOWN";
  }
}

const char *wsuv_strerror(int err) {
  const char *own = ws_own_strerror(err);
  if (own != NULL) return own;
  switch (err) {
  case 0: return "success";
#define XX(name, text) \
  case UV_##name: return text;
    UV_ERRNO_MAP(XX)
#undef XX
  default: return "unknown error";
  }
}
