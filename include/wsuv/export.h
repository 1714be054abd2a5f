#ifndef WSUV_EXPORT_H
#define WSUV_EXPORT_H

/**
 * @file wsuv/export.h
 * @brief What makes a symbol public.
 */

#if defined(__GNUC__)
#define WSUV_EXTERN __attribute__((visibility("default")))
#else
#define WSUV_EXTERN
#endif

#endif
