#ifndef WSUV_END_H
#define WSUV_END_H
#include <stddef.h>
#include <stdint.h>
typedef struct wsuv_end { size_t size; } wsuv_end_t;
#endif
