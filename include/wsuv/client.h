#ifndef WSUV_CLIENT_H
#define WSUV_CLIENT_H

/**
 * @file wsuv/client.h
 * @brief The client: shared configuration, and the sessions opened with it.
 *
 * A client belongs to one loop and to the thread that runs it; only wsuv_client_post() may be
 * called from another thread. When its sessions have ended, no handle of the client keeps the loop
 * alive.
 *
 * A program that closes all handles of its loop with `uv_walk` and `uv_close` should close its
 * clients before, and run the loop until they are closed. libuv shows the handles of a client to
 * `uv_walk`, too. If the program has closed them nevertheless, then
 * - no callback of the client or its sessions runs, and the session whose callback closed the
 *   handles does nothing more when the callback returns;
 * - wsuv_client_close() or wsuv_client_terminate(), and `uv_run` with `UV_RUN_DEFAULT` before the
 *   loop is closed, end every session with `UV_ECANCELED`, call its `on_close`, and free
 *   everything. This needs no memory. A session whose end was decided before has the status that
 *   it would have had. A client that was closing already must be closed again;
 * - until then the client's memory is kept, and all other functions of the client and its sessions
 *   that can fail return `UV_ECANCELED`, except those that only read; those that ask the socket,
 *   for an address or the process at its other end, return it, too. Inside a callback of the
 *   session itself, a send may still return 0; its completion gets `UV_ECANCELED`.
 *   wsuv_client_post() accepts calls, which run after the client is closed.
 */

#include <uv.h>

#include <wsuv/config.h>
#include <wsuv/end.h>
#include <wsuv/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @addtogroup clients
 * @{
 */

/** Configuration shared by sessions; opaque. */
typedef struct wsuv_client wsuv_client_t;

/**
 * Create a client.
 * @param[out] client the new client; closed by wsuv_client_close() or wsuv_client_terminate()
 * @param loop the loop that its sessions run on; must outlive the client
 * @param config copied, with all that it points to; NULL: the defaults
 * @return 0;
 *         `UV_EINVAL`: there is no loop, a limit is 0 or out of range, `low_water` is above
 *         `high_water`, `outgoing_policy`, `log_level`, `resolver`, `auth` or `proxy_auth` is
 *         unknown, `local_address` is not numeric, the allocator lacks a function, a list is NULL
 *         and its count is not 0, a field of servers is set (wsuv/config.h), a value in `tls` or
 *         `proxy_tls` is not allowed, `no_proxy` is malformed, or two extensions conflict
 *         (wsuv/extension.h);
 *         `WSUV_EURL`: the URL of a proxy is malformed, or there are more than 8;
 *         `UV_ENOTSUP`: `resolver` is #WSUV_RESOLVER_CARES, and the library was built without
 *         c-ares, or without the TLS library of a TLS configuration; `UV_EPROTONOSUPPORT`: that has
 *         none of the versions of TLS; `WSUV_ETLSOPTION`: it does not have an option;
 *         `WSUV_ESIZE`: the size of the configuration, or of a structure that it points to, is that
 *         of no version; `WSUV_EINVAL_HEADER`: a header or subprotocol that may not be sent;
 *         `UV_ENOMEM`; what an extension's `install` returned; or libuv's error when a handle
 *         cannot be made. After `UV_ENOMEM` and libuv's errors, handles that were made are closed
 *         when the loop runs next, and the allocator is used until then
 */
WSUV_EXTERN int wsuv_client_new(wsuv_client_t **client, uv_loop_t *loop,
                                const wsuv_config_t *config);

/**
 * Called when a client is closed. In the callback, the program may only read the client's data with
 * wsuv_client_data(). After the callback the client is freed, so its allocator must still be valid
 * then.
 */
typedef void (*wsuv_client_close_cb)(wsuv_client_t *client);

/**
 * Close a client: sessions that are connecting are cancelled (`UV_ECANCELED`), open ones start the
 * closing handshake with code 1001 and have `close_timeout_ms` for it, which starts again while
 * their peers acknowledge data (wsuv_config_t::close_deadline_ms). When every session has had its
 * `on_close` and no name lookup is running, @p cb is called from the loop and the client is freed.
 * May be called again, and from every callback; each @p cb is called.
 * @param client the client; NULL does nothing, and @p cb is not called
 * @param cb may be NULL
 * @return 0; `UV_ENOMEM`: no memory to keep a second @p cb, which is never called (the client
 *         closes anyway); or, if the program has closed the client's handles for the second time,
 *         no memory for a handle: the client does not close unless it is closed once more
 */
WSUV_EXTERN int wsuv_client_close(wsuv_client_t *client, wsuv_client_close_cb cb);

/**
 * Close a client as wsuv_client_close() does, but with another close code and reason, at random
 * times, or with a limit for the whole. The sessions that are connecting are cancelled at once. May
 * be called again, and after and before wsuv_client_close() and wsuv_client_terminate(): the
 * earlier end counts, for the times of sessions and for the limit of the whole, and each @p cb is
 * called.
 *
 * Without memory for a timer the sessions are closed at once, without a limit for the whole, and
 * the log says so at #WSUV_LOG_WARN.
 * @param client the client; NULL does nothing
 * @param how copied; NULL: as wsuv_client_close()
 * @param cb may be NULL
 * @return as wsuv_client_close(); or an error in @p how, and then nothing has begun:
 *         `WSUV_ECLOSECODE`, `WSUV_ECONTROL` and `WSUV_EUTF8` as wsuv_session_close(); `UV_EINVAL`:
 *         `timeout_ms` is less than `spread_ms`; `WSUV_ESIZE`: the structure's size is that of no
 *         version
 */
WSUV_EXTERN int wsuv_client_close_with(wsuv_client_t *client, const wsuv_end_t *how,
                                       wsuv_client_close_cb cb);

/**
 * Close a client as wsuv_client_close() does, but do not wait for the peers: every session is
 * terminated (`UV_ECANCELED`).
 * @param client the client; NULL does nothing
 * @param cb may be NULL
 * @return as wsuv_client_close()
 */
WSUV_EXTERN int wsuv_client_terminate(wsuv_client_t *client, wsuv_client_close_cb cb);

/**
 * Called on the loop's thread, for wsuv_client_post(). It may call any function.
 * @param client the client
 * @param arg as given
 */
typedef void (*wsuv_post_cb)(wsuv_client_t *client, void *arg);

/**
 * Call @p cb on the loop's thread, soon. This is the only function that may be called from any
 * thread. It may be called until the callback of wsuv_client_close() or wsuv_client_terminate()
 * returns, so a program can wait there for its threads to end. Every accepted post runs exactly
 * once, in order, and before that callback. A post does not keep the loop alive: a loop without
 * anything else to do may end before it, and the post runs when the loop runs again.
 *
 * The client's allocator is used on the calling thread, so an allocator of the program must be
 * thread-safe, as the C library's is.
 * @param client the client
 * @param cb what to call
 * @param arg handed to @p cb
 * @return 0: it will be called; `WSUV_ESTATE`: the client is closing; `UV_ENOMEM`
 */
WSUV_EXTERN int wsuv_client_post(wsuv_client_t *client, wsuv_post_cb cb, void *arg);

/**
 * Replace the TLS configuration for the sessions to come: other trust, or a new certificate or key.
 * All files are read anew, also if @p tls is what the client has already, so a program calls this
 * function after they have changed. It reads them before it returns, which takes some milliseconds
 * for the system's store. Sessions that are open or connecting keep what they have, and no TLS
 * session of before is resumed. May be called from every callback.
 *
 * After an error the client has what it had before, and the log says at #WSUV_LOG_ERROR which file
 * the error is about.
 * @param client the client
 * @param tls copied, with all that it points to; NULL: the defaults
 * @return 0;
 *         `WSUV_ESTATE`: the client is closing; `UV_ECANCELED`: the program has closed the client's
 *         handles; `WSUV_ESIZE`: the structure's size is that of no version; `UV_EINVAL`: a value
 *         is not allowed; `UV_EPROTONOSUPPORT`: the TLS library has none of the versions;
 *         `UV_ENOTSUP`: wsuv was built without the TLS library; `WSUV_ETLSOPTION`: that does not
 *         have an option; `WSUV_ETLSTRUST`: trusted certificates cannot be read, or there are none;
 *         `WSUV_ETLSCRL`: a list of revoked certificates cannot be read or used; `WSUV_ETLS`: our
 *         own certificate or key cannot be read or used; `WSUV_ERANDOM`: no random bytes;
 *         `UV_ENOMEM`; or another error of the system's, such as `UV_EMFILE`: a file cannot be
 *         opened right now
 */
WSUV_EXTERN int wsuv_client_set_tls(wsuv_client_t *client, const wsuv_tls_config_t *tls);

/** Read the configuration; @p size is the caller's `sizeof`. Use wsuv_client_get_config(). */
WSUV_EXTERN void wsuv_client_copy_config(const wsuv_client_t *client, wsuv_config_t *config,
                                         size_t size);

/**
 * Read the configuration, for a request that overrides part of it. Its pointers are valid as long
 * as the client, except `tls`, which wsuv_client_set_tls() replaces.
 * @param client the client
 * @param[out] config the configuration
 */
static inline void wsuv_client_get_config(const wsuv_client_t *client, wsuv_config_t *config) {
  wsuv_client_copy_config(client, config, sizeof(*config));
}

/** The loop that was given to wsuv_client_new(). */
WSUV_EXTERN uv_loop_t *wsuv_client_loop(const wsuv_client_t *client);

/** The number of sessions whose `on_close` has not returned yet. */
WSUV_EXTERN size_t wsuv_client_session_count(const wsuv_client_t *client);

/** Called with each session of a client; @p arg is as given. */
typedef void (*wsuv_client_each_cb)(struct wsuv_session *session, void *arg);

/**
 * Call @p cb, before this function returns, with each session that wsuv_client_session_count()
 * counts, in the order in which they were made; not with sessions that are made in @p cb. In @p cb
 * everything is allowed: to close and to terminate sessions, to send, to connect, to close the
 * client.
 * @param client the client
 * @param cb what to call
 * @param arg handed to @p cb
 */
WSUV_EXTERN void wsuv_client_each(wsuv_client_t *client, wsuv_client_each_cb cb, void *arg);

/** Attach a pointer that belongs to the program. */
WSUV_EXTERN void wsuv_client_set_data(wsuv_client_t *client, void *data);

/** The pointer that was attached; NULL at first. */
WSUV_EXTERN void *wsuv_client_data(const wsuv_client_t *client);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
