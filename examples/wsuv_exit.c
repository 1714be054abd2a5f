#include "wsuv_exit.h"

#include <uv.h>
#include <wsuv.h>

exit_code exit_code_of_call(int err) {
  switch (err) {
  case WSUV_EURL:
  case WSUV_EINVAL_HEADER:
  case UV_EINVAL:
  case UV_EEXIST:
  case UV_ENOTSUP:
  case WSUV_ETLSOPTION:
  case UV_EPROTONOSUPPORT: return EXIT_OURS;
  case UV_ENOMEM:
  case WSUV_ERANDOM: return EXIT_LOST;
  default: return EXIT_REFUSED;
  }
}
