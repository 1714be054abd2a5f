#ifndef WSUV_TESTKIT_H
#define WSUV_TESTKIT_H

/**
 * @file wsuv/testkit.h
 * @brief Tests of programs that use wsuv: worlds in memory, and conversations in them.
 *
 * The library libwsuv-testkit, whose file for pkg-config is `wsuv-testkit`. A testkit is a world:
 * a clock, random bytes, name lookup, and a network of links in memory. Clients and servers of the
 * program run in it with their own routes and callbacks, without a socket and without waiting. A
 * conversation is a client of the test, written straight down: each of its calls runs the world
 * until the call has what it wants.
 *
 * @code
 * wsuv_testkit_new(&kit, 1);
 * wsuv_testkit_server(kit, &server, NULL);
 * add_routes_of_my_program(server);
 * assert(wsuv_conversation_open(kit, server, "/echo", NULL, &talk) == 0);
 * assert(wsuv_conversation_send_text(talk, "hello") == 0);
 * assert(wsuv_conversation_expect_text(talk, "hello") == 0);
 * assert(wsuv_conversation_close(talk, 1000, NULL) == 0);
 * wsuv_server_close(server, NULL, NULL);
 * assert(wsuv_testkit_free(kit) == 0);
 * @endcode
 *
 * What holds for all functions:
 * - A kit, and all that is made in it, is used on one thread. The functions that run the world call
 *   callbacks of the program. Inside of such a callback, they return `WSUV_ESTATE`; those that say
 *   "runs the world" are meant.
 * - The same seed gives the same run: the same bytes, in the same order, at the same times, if the
 *   program is deterministic itself. Over TLS the ciphertext is not the same. If the certificates
 *   have keys of RSA, the events are, with their times and lengths. The lengths of ECDSA's
 *   signatures vary by a few bytes, even for the same seed, since they sign the time of day and
 *   random bytes of mbedTLS's own: then the order of events is the same with seed 0, and links with
 *   another seed, which count bytes, may cut elsewhere.
 * - Time is simulated: it goes on only while the world runs, and then as far as the next event. In
 *   a kit of wsuv_testkit_new_on_loop() time is real.
 * - When an expectation is not met, a function returns `WSUV_ETEST`, and wsuv_testkit_failure()
 *   says what was expected, what happened, and the seed. The first failure of a kit, with
 *   `WSUV_ETEST` or `WSUV_ELEAK`, is also written to standard error, unless
 *   wsuv_testkit_on_failure() has set a function. Other codes, as for an opening that the server
 *   refuses, may be what the test wants.
 * - When there is no memory for the kit itself, or the program breaks a rule of the library's, such
 *   as changing memory that it has lent, a line on standard error says so, with the seed, and the
 *   process is aborted.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <uv.h>

#include <wsuv/client.h>
#include <wsuv/config.h>
#include <wsuv/error.h>
#include <wsuv/export.h>
#include <wsuv/frame.h>
#include <wsuv/server.h>
#include <wsuv/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @addtogroup testkit
 * @{
 */

/** A world; opaque. */
typedef struct wsuv_testkit wsuv_testkit_t;

/** A client of the test, with one session; opaque. */
typedef struct wsuv_conversation wsuv_conversation_t;

/** @name Worlds
 * @{ */

/**
 * Create a simulated world.
 * @param[out] kit freed by wsuv_testkit_free()
 * @param seed with 0, every link takes 0.1 ms and moves everything at once; with another seed,
 *        delays, cuts of reads and writes, sizes of buffers and the order of events that are due
 *        together are drawn from it. The number in the environment variable `WSUV_TEST_SEED` is
 *        used instead, if it is set
 * @return 0
 */
WSUV_EXTERN int wsuv_testkit_new(wsuv_testkit_t **kit, uint64_t seed);

/**
 * Create a world whose links are in memory, and whose clock, timers and deferred calls are those of
 * a loop: for code that has handles of its own. Functions that run the world run this loop. The
 * delays of links are drawn from the seed, but take real time.
 * @param[out] kit freed by wsuv_testkit_free(), before the loop is closed
 * @param loop the program's; must outlive the kit
 * @param seed as for wsuv_testkit_new()
 * @return 0; `UV_EINVAL`: there is no loop; or libuv's error when a handle cannot be made
 */
WSUV_EXTERN int wsuv_testkit_new_on_loop(wsuv_testkit_t **kit, uv_loop_t *loop, uint64_t seed);

/**
 * Free a world. Its conversations are ended and freed first; then it runs until nothing is left to
 * do. Clients and servers must have been closed, at least by a call whose end is still to come.
 * @param kit NULL does nothing
 * @return 0;
 *         `WSUV_ELEAK`: something is still alive, which wsuv_testkit_failure() lists: clients and
 *         servers that were not closed, with their sessions; upgrades and plain requests that were
 *         never answered; blocks of memory; handles of the program on the loop of a simulated
 * world. The kit is not freed, and can be used further; `WSUV_ESTATE`: inside of a callback
 */
WSUV_EXTERN int wsuv_testkit_free(wsuv_testkit_t *kit);

/** The seed in use. */
WSUV_EXTERN uint64_t wsuv_testkit_seed(const wsuv_testkit_t *kit);

/**
 * The loop of the kit: that of wsuv_testkit_new_on_loop(), or one that a simulated world has for
 * code that needs a loop. Handles that are active on it run whenever the world runs, but its time
 * is real, so they make the run depend on the machine.
 */
WSUV_EXTERN uv_loop_t *wsuv_testkit_loop(wsuv_testkit_t *kit);

/**
 * Create a client in this world, as wsuv_client_new() does. Its memory is the kit's, which counts
 * it, and its random bytes are the world's: `allocator`, `random` and `resolver` of the
 * configuration have no effect.
 * @return as wsuv_client_new()
 */
WSUV_EXTERN int wsuv_testkit_client(wsuv_testkit_t *kit, wsuv_client_t **client,
                                    const wsuv_config_t *config);

/**
 * Create a server in this world, as wsuv_server_new() does; see wsuv_testkit_client(). It may
 * listen, at any address and port, with wsuv_server_listen() or wsuv_server_listen_unix(): clients
 * of this world reach it there, and nobody else. A server that has conversations only needs no
 * listener.
 * @return as wsuv_server_new()
 */
WSUV_EXTERN int wsuv_testkit_server(wsuv_testkit_t *kit, wsuv_server_t **server,
                                    const wsuv_config_t *config);

/** How the lookup of a name ends. Fill in one with wsuv_testkit_answer_init(). */
typedef struct wsuv_testkit_answer {
  size_t size;       /**< `sizeof(wsuv_testkit_answer_t)` of the caller. */
  uint64_t delay_ms; /**< The answer takes so long; `UINT64_MAX`: it never comes. */
  int status;        /**< 0; or the lookup fails with this code, such as `UV_EAI_NONAME`. */
  const char *const *addresses; /**< With #status 0: numeric addresses, in this order. */
  size_t address_count;         /**< How many #addresses: 1 to 8. */
} wsuv_testkit_answer_t;

/** Fill in an answer with one address, and without delay. */
static inline void wsuv_testkit_answer_init(wsuv_testkit_answer_t *answer,
                                            const char *const *address) {
  memset(answer, 0, sizeof(*answer));
  answer->size = sizeof(*answer);
  answer->addresses = address;
  answer->address_count = 1;
}

/**
 * Let a name be looked up with this answer. Numeric addresses and `localhost` are known without it;
 * other names end in `UV_EAI_NONAME`.
 * @param kit the world
 * @param name compared without regard to case
 * @param answer copied; replaces an earlier one
 * @return 0; `UV_EINVAL`: the name is empty, an address is not numeric, or there are too many;
 *         `WSUV_ESIZE`
 */
WSUV_EXTERN int wsuv_testkit_host(wsuv_testkit_t *kit, const char *name,
                                  const wsuv_testkit_answer_t *answer);

/** @} */

/** @name Time
 * @{ */

/** The world's time in milliseconds, from any beginning. */
WSUV_EXTERN uint64_t wsuv_testkit_now_ms(const wsuv_testkit_t *kit);

/**
 * Runs the world until nothing is under way any more: no byte on a link, no deferred call, no
 * lookup that will be answered. Timers that are not due yet, such as those of pings, are not waited
 * for.
 * @return 0; `WSUV_ESTATE`: inside of a callback; `UV_ETIMEDOUT`: it was not so after ten minutes
 *         of simulated time, or ten seconds of real time
 */
WSUV_EXTERN int wsuv_testkit_run(wsuv_testkit_t *kit);

/**
 * Runs the world for so long: an hour of pings takes some milliseconds. On a loop it takes real
 * time.
 * @return 0; `WSUV_ESTATE`: inside of a callback
 */
WSUV_EXTERN int wsuv_testkit_advance(wsuv_testkit_t *kit, uint64_t ms);

/**
 * Runs the world until a condition holds. It is asked at once, and after each turn of the loop.
 * @param kit the world
 * @param done returns whether it holds
 * @param arg handed to @p done
 * @param timeout_ms of simulated time, or of real time on a loop; `UINT64_MAX`: for ever
 * @return 0: it holds; `UV_ETIMEDOUT`: not by then, or nothing is left to happen; `WSUV_ESTATE`:
 *         inside of a callback
 */
WSUV_EXTERN int wsuv_testkit_run_until(wsuv_testkit_t *kit, bool (*done)(void *arg), void *arg,
                                       uint64_t timeout_ms);

/** @} */

/** @name Faults
 * What goes wrong in a world. Nothing does at first; delays and cuts are drawn from the seed.
 * @{ */

/** The ways of links. Fill in one with wsuv_testkit_links_init(). */
typedef struct wsuv_testkit_links {
  size_t size;              /**< `sizeof(wsuv_testkit_links_t)` of the caller. */
  uint64_t latency_min_us;  /**< A byte takes at least so many microseconds, one way. */
  uint64_t latency_max_us;  /**< And at most so many. */
  uint64_t bytes_per_ms;    /**< Bandwidth of each direction; 0: no bound. */
  size_t segment_max;       /**< A link moves at most so many bytes at a time. */
  size_t send_buffer;       /**< Each end holds so many bytes that were sent, ... */
  size_t receive_buffer;    /**< ... and so many that have come and were not read. */
  unsigned cut_percent;     /**< So many of 100 reads and writes move fewer bytes than could. */
  unsigned lose_percent;    /**< So many of 100 links end with a FIN of both ends' kernels, ... */
  unsigned reset_percent;   /**< ... so many with a reset, ... */
  unsigned stall_percent;   /**< ... and so many move nothing any more: at a byte below, drawn. */
  uint64_t fault_bytes_max; /**< The byte of such an end is drawn from so many, of both ways. */
} wsuv_testkit_links_t;

/** Fill in defaults; @p size is the caller's `sizeof`. Use wsuv_testkit_links_init(). */
WSUV_EXTERN void wsuv_testkit_links_defaults(wsuv_testkit_links_t *links, size_t size);

/** Fill in the links of a world with seed 0, and `fault_bytes_max` 65536. */
static inline void wsuv_testkit_links_init(wsuv_testkit_links_t *links) {
  wsuv_testkit_links_defaults(links, sizeof(*links));
}

/**
 * Let links that are made from now on have these ways, whatever the seed.
 * @return 0; `UV_EINVAL`: a size is 0, the latencies are in the wrong order, or percents are more
 *         than 100 in all; `WSUV_ESIZE`
 */
WSUV_EXTERN int wsuv_testkit_set_links(wsuv_testkit_t *kit, const wsuv_testkit_links_t *links);

/**
 * Let connections to an address fail.
 * @param kit the world
 * @param address numeric, or the path of a Unix socket
 * @param status the code, such as `UV_ECONNREFUSED` or `UV_EHOSTUNREACH`; `UV_ETIMEDOUT`: nothing
 *        answers, and the system gives up after 127 s; 0: they work again
 * @return 0; `UV_EINVAL`: the address is not numeric, or the path is too long
 */
WSUV_EXTERN int wsuv_testkit_fail_connects(wsuv_testkit_t *kit, const char *address, int status);

/** Let the next @p count accepts of the world's servers fail with a code, such as `UV_EMFILE`; with
   0 none fails. */
WSUV_EXTERN void wsuv_testkit_fail_accepts(wsuv_testkit_t *kit, size_t count, int status);

/**
 * Let an allocation of the world's clients and servers fail. Those of conversations do not count.
 * @param kit the world
 * @param n the number of it, 1 for the next; 0: none fails
 * @param for_ever all that follow it fail, too
 */
WSUV_EXTERN void wsuv_testkit_fail_allocation(wsuv_testkit_t *kit, uint64_t n, bool for_ever);

/** How many allocations were made to fail. */
WSUV_EXTERN uint64_t wsuv_testkit_failed_allocations(const wsuv_testkit_t *kit);

/**
 * Let random bytes fail, or work again. A client has up to 2,048 masking keys in stock, which are
 * used first.
 */
WSUV_EXTERN void wsuv_testkit_fail_random(wsuv_testkit_t *kit, bool fail);

/**
 * The machine was suspended, or a callback has taken long: time has passed, and nothing has
 * happened. It does nothing in a kit of wsuv_testkit_new_on_loop().
 */
WSUV_EXTERN void wsuv_testkit_suspend(wsuv_testkit_t *kit, uint64_t ms);

/** @} */

/** @name Failures and seeds
 * @{ */

/**
 * What was wrong, in words, at the last failure, refused opening, or time of a conversation that
 * was over; "" if there was none.
 */
WSUV_EXTERN const char *wsuv_testkit_failure(const wsuv_testkit_t *kit);

/**
 * Call a function with each failure (`WSUV_ETEST`, `WSUV_ELEAK`), in place of writing the first to
 * standard error. It may not jump out.
 */
WSUV_EXTERN void wsuv_testkit_on_failure(wsuv_testkit_t *kit,
                                         void (*cb)(void *arg, const char *text), void *arg);

/**
 * Call a function with a line for each event of the network: the time, the link, what happened, how
 * many bytes. The same seed gives the same lines. NULL: none.
 */
WSUV_EXTERN void wsuv_testkit_on_trace(wsuv_testkit_t *kit, void (*cb)(void *arg, const char *line),
                                       void *arg);

/**
 * A scenario of wsuv_testkit_explore(). It begins with an empty world, and leaves nothing in it.
 * @return 0; or what was wrong, as a negative code. Any other number is a failure, too
 */
typedef int (*wsuv_testkit_scenario)(wsuv_testkit_t *kit, void *arg);

/**
 * Play a scenario with the seeds 0, 1, 2 and so on, each in a world of its own. It stops at the
 * first that fails, or leaves something alive, and writes its seed to standard error. With the
 * environment variable `WSUV_TEST_SEED`, only that seed is played.
 * @param scenario played once a seed
 * @param arg handed to it
 * @param seeds how many seeds
 * @param[out] failed the seed that failed; may be NULL
 * @return 0; or what the scenario has returned, or wsuv_testkit_free()
 */
WSUV_EXTERN int wsuv_testkit_explore(wsuv_testkit_scenario scenario, void *arg, uint64_t seeds,
                                     uint64_t *failed);

/** @} */

/** @name Conversations
 * Functions that wait run the world until they have what they want, the session has ended, or the
 * time of wsuv_conversation_set_timeout() is over. They return 0, or `WSUV_ESTATE` (inside of a
 * callback), `UV_ETIMEDOUT`, `UV_EOF` (the session has ended: see wsuv_conversation_closed()),
 * `WSUV_ETEST`, or what the function says. All but sending, pausing and what only reads wait. Where
 * something is expected, `WSUV_ETEST` takes the place of `UV_ETIMEDOUT` and `UV_EOF`.
 * @{ */

/**
 * Open a session with a server of this kit.
 * @param kit the world
 * @param server of wsuv_testkit_server()
 * @param target `/path?query`
 * @param request headers, origin, subprotocols, `raw`, and a configuration; NULL: none. It has
 *        neither a URL nor its parts. In a raw conversation, every frame is received, and nothing
 *        is answered by itself (wsuv_request::raw). With a server that has TLS, the conversation
 *        has it, too, and does not verify the certificate, unless the configuration has `tls`. Each
 *        conversation is a client of its own, so the fields "Of the whole" may be set, too
 * @param[out] talk NULL if the code is one of the last group; freed with the kit, or by
 *        wsuv_conversation_free()
 * @return 0: it is open;
 *         `WSUV_ESTATUS`: the server has refused, see wsuv_conversation_status();
 *         another code with which the opening has ended, as in wsuv_close_info::status, or
 *         `UV_ETIMEDOUT`;
 *         and without a conversation: an error of wsuv_connect() or wsuv_server_listen(),
 *         `UV_EINVAL`: the request has a URL or parts of one, or the server is not of this kit;
 * `WSUV_ESTATE`: inside of a callback
 */
WSUV_EXTERN int wsuv_conversation_open(wsuv_testkit_t *kit, wsuv_server_t *server,
                                       const char *target, const wsuv_request_t *request,
                                       wsuv_conversation_t **talk);

/**
 * Begin to open a session, and do not wait: for openings that a program decides on later. The
 * conversation is open when wsuv_conversation_opened() says so.
 * @return 0, or an error of the last group of wsuv_conversation_open()
 */
WSUV_EXTERN int wsuv_conversation_begin(wsuv_testkit_t *kit, wsuv_server_t *server,
                                        const char *target, const wsuv_request_t *request,
                                        wsuv_conversation_t **talk);

/** Wait until the opening has come to its end. @return as wsuv_conversation_open() */
WSUV_EXTERN int wsuv_conversation_opened(wsuv_conversation_t *talk);

/**
 * Send a request of HTTP as it is, and wait for the response: for what the program answers itself
 * (wsuv/exchange.h), and for what the server refuses. The connection ends with the response.
 * @param kit the world
 * @param server of wsuv_testkit_server()
 * @param text the whole request, such as `"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"`; not
 *        HEAD, whose response looks as if a body followed
 * @param[out] talk as with wsuv_conversation_open(). It never has a session, but status, fields and
 *        body of the response, of which 4 KiB are kept
 * @return 0: a response has come; else as wsuv_conversation_open()
 */
WSUV_EXTERN int wsuv_conversation_http(wsuv_testkit_t *kit, wsuv_server_t *server, const char *text,
                                       wsuv_conversation_t **talk);

/** How long each call waits, in simulated milliseconds; at first 60000. On a loop: 5000, real.
    `UINT64_MAX`: for ever, which in a simulated world is until nothing is left to happen. */
WSUV_EXTERN void wsuv_conversation_set_timeout(wsuv_conversation_t *talk, uint64_t ms);

/** Send a text, which leaves when the world runs. @return 0, or an error of wsuv_send_text() */
WSUV_EXTERN int wsuv_conversation_send_text(wsuv_conversation_t *talk, const char *text);

/**
 * Send a whole message, a ping or a pong; or a close frame, as wsuv_send() does. In a raw
 * conversation it is one frame. @return as wsuv_conversation_send_text()
 */
WSUV_EXTERN int wsuv_conversation_send(wsuv_conversation_t *talk, wsuv_frame_type_t type,
                                       const void *data, size_t len);

/** Send a frame with its bits as given. @return 0, or an error of wsuv_send() */
WSUV_EXTERN int wsuv_conversation_send_frame(wsuv_conversation_t *talk, const wsuv_frame_t *frame);

/**
 * Send bytes as they are, once all that was sent before has left: a frame that breaks the rules, or
 * a part of one. Over TLS they are encrypted.
 * @return as all; `WSUV_ESTATE`: the session is not open, or its closing has begun; `UV_ENOMEM`
 */
WSUV_EXTERN int wsuv_conversation_send_bytes(wsuv_conversation_t *talk, const void *data,
                                             size_t len);

/**
 * Receive the next message.
 * @param talk not a raw one
 * @param[out] message valid until the next call for this conversation
 * @return as all; `WSUV_ESTATE`: it is raw
 */
WSUV_EXTERN int wsuv_conversation_receive(wsuv_conversation_t *talk, wsuv_message_t *message);

/**
 * Receive the next frame; in a conversation that is not raw, the next message, ping or pong.
 * @param talk the conversation
 * @param[out] frame valid until the next call for this conversation
 */
WSUV_EXTERN int wsuv_conversation_receive_frame(wsuv_conversation_t *talk, wsuv_frame_t *frame);

/** The next message must be this text. `WSUV_ETEST`: it is not. */
WSUV_EXTERN int wsuv_conversation_expect_text(wsuv_conversation_t *talk, const char *text);

/** The next message, or in a raw conversation frame, must be this. `WSUV_ETEST`: it is not. */
WSUV_EXTERN int wsuv_conversation_expect(wsuv_conversation_t *talk, wsuv_frame_type_t type,
                                         const void *data, size_t len);

/**
 * Nothing comes for so long, also no ping. `WSUV_ETEST`: something has, or the session has ended.
 */
WSUV_EXTERN int wsuv_conversation_silent(wsuv_conversation_t *talk, uint64_t ms);

/**
 * Close the session, and wait until it has ended. Messages that come meanwhile are kept.
 * @return as all; 0 whatever the peer has answered; or an error of wsuv_session_close()
 */
WSUV_EXTERN int wsuv_conversation_close(wsuv_conversation_t *talk, unsigned code,
                                        const char *reason);

/**
 * Wait until the session has ended.
 * @param talk the conversation
 * @param[out] info valid as long as the conversation; may be NULL
 * @return 0; `UV_ETIMEDOUT`; `WSUV_ESTATE`: inside of a callback
 */
WSUV_EXTERN int wsuv_conversation_closed(wsuv_conversation_t *talk, const wsuv_close_info_t **info);

/** The server must close the session, with this code. `WSUV_ETEST`: it is another, or none. */
WSUV_EXTERN int wsuv_conversation_expect_close(wsuv_conversation_t *talk, unsigned code);

/** What was sent leaves, then the connection ends without a close frame: FIN, as of a closed tab.
 */
WSUV_EXTERN int wsuv_conversation_drop(wsuv_conversation_t *talk);

/** Reset the connection at once, as of a process that is killed. */
WSUV_EXTERN int wsuv_conversation_reset(wsuv_conversation_t *talk);

/**
 * Nothing goes over the link any more, in either direction (true); or everything does again. Of a
 * session that is only begun, it is the link that is to be made.
 */
WSUV_EXTERN void wsuv_conversation_stall(wsuv_conversation_t *talk, bool on);

/**
 * The conversation reads nothing any more (true), so that the server cannot send; or again.
 * @return 0; `UV_EOF`: the session has ended; or an error of wsuv_session_pause()
 */
WSUV_EXTERN int wsuv_conversation_pause(wsuv_conversation_t *talk, bool on);

/**
 * The link is lost after so many more bytes, of both directions together: both ends get
 * `UV_ECONNRESET`. Of a session that is only begun, it is the link that is to be made.
 */
WSUV_EXTERN void wsuv_conversation_lose_after(wsuv_conversation_t *talk, uint64_t bytes);

/** The status of the response; 0: none has come. */
WSUV_EXTERN int wsuv_conversation_status(const wsuv_conversation_t *talk);

/** A field of the response, valid as long as the conversation; NULL: it has none. */
WSUV_EXTERN const char *wsuv_conversation_header(const wsuv_conversation_t *talk, const char *name);

/** The body of a response that opened no session, terminated; "" if none. */
WSUV_EXTERN const char *wsuv_conversation_body(const wsuv_conversation_t *talk, size_t *len);

/** The subprotocol of the session; NULL: none. */
WSUV_EXTERN const char *wsuv_conversation_subprotocol(const wsuv_conversation_t *talk);

/** The conversation's session, for all else; NULL: it has ended. */
WSUV_EXTERN wsuv_session_t *wsuv_conversation_session(wsuv_conversation_t *talk);

/** The server's session, to look at what it has done; NULL: there is none, or no more. */
WSUV_EXTERN wsuv_session_t *wsuv_conversation_server_session(wsuv_conversation_t *talk);

/**
 * End the conversation at once, and free it. NULL does nothing. It runs the world, and may not be
 * called inside of a callback.
 */
WSUV_EXTERN void wsuv_conversation_free(wsuv_conversation_t *talk);

/** @} */

/** @} */

#ifdef __cplusplus
}
#endif

#endif
