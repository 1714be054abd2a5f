#ifndef WS_NET_UV_HANDLE_H
#define WS_NET_UV_HANDLE_H

/* Closes libuv's handles, also those that the program has closed.

   A program may close every handle of its loop (uv_walk, uv_close). Then libuv calls nothing of
   ours any more, but it uses the memory of a handle until the end of the loop's turn. So the memory
   is kept for one more turn. The turns come from an idle handle, which is made when it is needed
   and can be made after all other handles are closed. */

#include <stdbool.h>
#include <uv.h>

#include "base/alloc.h"
#include "base/env.h"
#include "base/list.h"

/* A handle of ours. It is in the memory of the object that has the handle, or points to the
   program's. The handle's `data` may be used until handle_close. */
typedef struct own_handle {
  uv_handle_t *uv;                         /* This is libuv's handle. */
  void (*on_closed)(struct own_handle *h); /* This is NULL until handle_close. */
} own_handle;

/* A call that runs in a later turn. */
typedef struct handle_call {
  ws_list node;  /* This links the call into handles.calls, or into no list. */
  ws_env_cb run; /* This function is called. */
  void *data;    /* This is the argument of `run`. */
} handle_call;

struct handles;

/* An idle handle that gives turns. */
typedef struct handle_turns {
  uv_idle_t idle;        /* This handle is active while there is something to do. */
  own_handle own;        /* This closes `idle`. */
  struct handles *owner; /* This is NULL while the block is not in use. */
} handle_turns;

/* What the handles of one environment have in common. */
typedef struct handles {
  uv_loop_t *loop;               /* The handles are on this loop. */
  const wsuv_allocator_t *alloc; /* A second idle handle comes from here. */
  /* If the program closes this handle, the environment is lost. NULL: it is not made yet. */
  const own_handle *witness;
  own_handle *waiting; /* The program closed these handles. They are chained by their `data`. */
  own_handle *due;     /* The memory of these can be freed in the next turn. */
  ws_list calls;       /* These calls run in the next turn. */
  handle_turns *turns; /* This idle handle gives the turns; it is NULL until one is needed. */
  handle_turns first;  /* The first one needs no allocation. */
  size_t turns_count;  /* This many idle handles are not closed yet. */
  bool recovered;      /* handles_recover was called after the environment was lost. */
  ws_env_cb on_done;   /* This is called when an idle handle is closed. */
  void *data;          /* This is the argument of `on_done`. */
} handles;

void handles_init(handles *hs, uv_loop_t *loop, const wsuv_allocator_t *alloc, ws_env_cb on_done,
                  void *data);

/* Whether the program has closed the handle. */
static inline bool handle_lost(const own_handle *h) {
  return h->on_closed == NULL && uv_is_closing(h->uv);
}

/* Whether the environment is lost: the program has closed its handles. */
static inline bool handles_lost(const handles *hs) {
  return hs->witness != NULL && handle_lost(hs->witness);
}

/* Close a handle that we have not closed yet; the program may have. on_closed is called from the
   loop when libuv does not use the handle's memory any more. If the environment is lost, this
   happens after handles_recover. */
void handle_close(handles *hs, own_handle *h, void (*on_closed)(own_handle *h));

/* Run a call in the next turn, because the handle that it was for is lost. It has no effect if the
   call waits already. */
void handles_call(handles *hs, handle_call *c);

/* If the environment is lost, go on with the handles and the calls that wait. The loop runs until
   there are none. Call it again if the program has closed the handles once more. 0, also if nothing
   is lost; WS_ENOMEM: call it again. The first call needs no memory. */
int handles_recover(handles *hs);

/* All other handles are closed: close the idle handle, if there is one. true: it is closed.
   Otherwise `on_done` will be called; then call this again. */
bool handles_end(handles *hs);

#endif
