#ifndef WSUV_END_H
#define WSUV_END_H

/**
 * @file wsuv/end.h
 * @brief How a client or a server ends its sessions.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @addtogroup clients
 * @{
 */

/**
 * How a client or a server is closed (wsuv_client_close_with(), wsuv_server_close()). Initialise
 * with wsuv_end_init(), then change fields. It is copied.
 */
typedef struct wsuv_end {
  size_t size; /**< `sizeof(wsuv_end_t)` of the caller. */
  /** Close code for open sessions, as for wsuv_session_close(). Default 1001 (Going Away). */
  unsigned code;
  /** Close reason, as for wsuv_session_close(); NULL (the default): none. */
  const char *reason;
  /**
   * Open sessions are closed one after the other, at random times, and the last of them after this
   * time, in ms. Otherwise all peers would connect again in one instant. 0 (the default): all are
   * closed at once.
   */
  uint64_t spread_ms;
  /**
   * Sessions that have not ended after this time, in ms, are terminated (`UV_ECANCELED`). It is not
   * less than #spread_ms, and the limits of each session's closing handshake hold, too
   * (wsuv_config::close_timeout_ms, wsuv_config::close_deadline_ms). 0 (the default): #spread_ms
   * and 30 s more.
   */
  uint64_t timeout_ms;
} wsuv_end_t;

/** Fill in the defaults: code 1001 at once, and 30 s for the whole. */
static inline void wsuv_end_init(wsuv_end_t *end) {
  memset(end, 0, sizeof(*end));
  end->size = sizeof(*end);
  end->code = 1001;
}

/** @} */

#ifdef __cplusplus
}
#endif

#endif
