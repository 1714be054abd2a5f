#ifndef WS_BASE_ERROR_H
#define WS_BASE_ERROR_H

/* Error codes for the layers that may not know libuv: wsuv's own, and those of libuv's that they
   return themselves, under names of ours. lib/net asserts that the values are the same. */

#include <errno.h>

#include <wsuv/error.h>

enum {
  WS_ENOMEM = -ENOMEM,
  WS_EINVAL = -EINVAL,
  WS_ENOENT = -ENOENT,
  WS_EEXIST = -EEXIST,
  WS_EACCES = -EACCES,
  WS_ECANCELED = -ECANCELED,
  WS_ETIMEDOUT = -ETIMEDOUT,
  WS_EAGAIN = -EAGAIN,
  WS_ENOBUFS = -ENOBUFS,
  WS_EPROTONOSUPPORT = -EPROTONOSUPPORT,
  WS_EAFNOSUPPORT = -EAFNOSUPPORT,
  WS_EADDRINUSE = -EADDRINUSE,
  WS_EADDRNOTAVAIL = -EADDRNOTAVAIL,
  WS_ENOTSUP = -ENOTSUP,
  WS_ECONNABORTED = -ECONNABORTED,
  WS_EOF = -4095
};

/* The name ("WSUV_EURL") and the text of one of wsuv's own codes; NULL for any other number, 0 and
   libuv's codes included. */
const char *ws_own_err_name(int err);
const char *ws_own_strerror(int err);

#endif
