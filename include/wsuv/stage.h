#ifndef WSUV_STAGE_H
#define WSUV_STAGE_H

/**
 * @file wsuv/stage.h
 * @brief How far a connection has come.
 */

#include <wsuv/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @addtogroup sessions
 * @{
 */

/** The stage that a session has reached. */
typedef enum wsuv_stage {
  WSUV_STAGE_RESOLVE = 0,   /**< Waiting for its turn to connect, or looking up the name. */
  WSUV_STAGE_CONNECT = 1,   /**< Connecting to an address. */
  WSUV_STAGE_PROXY = 2,     /**< TLS with a proxy, or waiting for its tunnel. */
  WSUV_STAGE_TLS = 3,       /**< The handshake of TLS. */
  WSUV_STAGE_HANDSHAKE = 4, /**< Opening handshake (RFC 6455 4). */
  WSUV_STAGE_OPEN = 5,      /**< Open. */
  WSUV_STAGE_CLOSING = 6    /**< Closing handshake begun by either side (RFC 6455 7). */
} wsuv_stage_t;

/** The name of a stage, as "handshake"; static storage. */
WSUV_EXTERN const char *wsuv_stage_name(wsuv_stage_t stage);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
