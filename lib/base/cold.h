#ifndef WS_BASE_COLD_H
#define WS_BASE_COLD_H

/* What most messages do not need must not slow down those: a function with WS_COLD is not inlined,
   so a fast path that calls it saves no registers for it. */
#if defined(__GNUC__)
#define WS_COLD __attribute__((noinline))
#else
#define WS_COLD
#endif

#endif
