#ifndef WSUV_VERSION_H
#define WSUV_VERSION_H

/**
 * @file wsuv/version.h
 * @brief The version of the headers, and of the library that is linked.
 */

#include <wsuv/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @addtogroup version
 * @{
 */

#define WSUV_VERSION_MAJOR 0        /**< Incompatible changes. */
#define WSUV_VERSION_MINOR 1        /**< Additions. */
#define WSUV_VERSION_PATCH 0        /**< Corrections. */
#define WSUV_VERSION_STRING "0.1.0" /**< The three numbers, with dots between them. */

/** The version of the library that is linked, as "MAJOR.MINOR.PATCH"; static storage. */
WSUV_EXTERN const char *wsuv_version(void);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
