#ifndef WSUV_HTTP_REQUEST_H
#define WSUV_HTTP_REQUEST_H

/**
 * @file wsuv/http_request.h
 * @brief A request that an HTTP server of the program's has parsed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <wsuv/config.h>
#include <wsuv/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @addtogroup servers
 * @{
 */

/**
 * The head of a request, as an HTTP server of the program's has parsed it (RFC 9112 3). Initialise
 * it with wsuv_http_request_init(), then fill in what came. It is copied, with all that it points
 * to.
 */
typedef struct wsuv_http_request {
  size_t size;        /**< `sizeof(wsuv_http_request_t)` of the caller. */
  const char *method; /**< The method, terminated. Default "GET". */
  const char *target; /**< The target as it was sent, with the query; terminated. */
  /** The fields in their order; a name that was sent several times is there several times. */
  const wsuv_header_t *headers;
  size_t header_count; /**< How many there are. */
  unsigned http_major; /**< The version of HTTP: the digit before the dot. Default 1. */
  unsigned http_minor; /**< The digit behind it. Default 1. */
} wsuv_http_request_t;

/** Fill in a request of GET and HTTP/1.1 that has a target and no fields. */
static inline void wsuv_http_request_init(wsuv_http_request_t *request, const char *target) {
  memset(request, 0, sizeof(*request));
  request->size = sizeof(*request);
  request->method = "GET";
  request->target = target;
  request->http_major = request->http_minor = 1;
}

/**
 * Whether a request asks for a WebSocket (RFC 6455 4.2.1): its method is GET, its version HTTP/1.1,
 * `Upgrade` lists "websocket", and `Connection` lists "upgrade". Nothing else is checked: such a
 * request may still be refused.
 * @param request its pointers are not NULL
 */
WSUV_EXTERN bool wsuv_http_request_is_upgrade(const wsuv_http_request_t *request);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
