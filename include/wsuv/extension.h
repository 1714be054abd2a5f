#ifndef WSUV_EXTENSION_H
#define WSUV_EXTENSION_H

/**
 * @file wsuv/extension.h
 * @brief Extensions of the protocol (RFC 6455 9): the structure in which a program defines one.
 *
 * An extension is negotiated in the opening handshake, and then changes the messages that are sent
 * and received. It is a wsuv_extension_t, whose functions are called in three phases:
 *
 * 1. **installed**: wsuv_extension::install runs once for each client or server that the extension
 *    is configured for, and creates the data that its sessions share;
 * 2. **negotiated**: wsuv_extension::offer and wsuv_extension::accept on the client's side,
 *    wsuv_extension::answer on the server's, make the state of one session;
 * 3. **in use**: wsuv_extension::outgoing and wsuv_extension::incoming get each text or binary
 *    message chunk by chunk, and write the changed message into a sink.
 *
 * Sent messages pass through the extensions in the order of negotiation, which is the order of
 * installation; received messages in reverse order. Text is checked for UTF-8 before the first
 * extension when it is sent, and after the last one when it is received.
 *
 * The functions are hooks: they run inside calls of wsuv, on the loop's thread, one at a time for a
 * client or server, and may call no function of wsuv except those of this page.
 *
 * @code
 * static int flip(void *state, wsuv_extension_message_t *message,
 *                 const wsuv_extension_chunk_t *chunk, wsuv_sink_t *sink) {
 *   for (size_t done = 0; done < chunk->len;) {
 *     uint8_t *dst;
 *     size_t room;
 *     int err = wsuv_sink_reserve(sink, chunk->len - done, &dst, &room);
 *     if (err < 0) return err;
 *     if (room > chunk->len - done) room = chunk->len - done;
 *     for (size_t i = 0; i < room; i++) dst[i] = chunk->data[done + i] ^ 0xff;
 *     wsuv_sink_commit(sink, room);
 *     done += room;
 *   }
 *   message->rsv = WSUV_RSV2;
 *   return WSUV_EXTENSION_TAKEN;
 * }
 * @endcode
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <wsuv/export.h>
#include <wsuv/frame.h>
#include <wsuv/hooks.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @addtogroup extensions
 * @{
 */

/** The reserved bits of a frame's header (RFC 6455 5.2). */
enum wsuv_rsv {
  WSUV_RSV1 = 4, /**< The first. */
  WSUV_RSV2 = 2, /**< The second. */
  WSUV_RSV3 = 1  /**< The third. */
};

/** The most extensions that can be installed together. */
#define WSUV_EXTENSIONS_MAX 8

/** One parameter of an extension in the opening handshake (RFC 6455 9.1). */
typedef struct wsuv_extension_param {
  const char *name;  /**< A token. Compared byte by byte. */
  const char *value; /**< A token, quotes and escapes removed; NULL: there is none. */
} wsuv_extension_param_t;

/** Receives the parameters that go into the handshake. */
typedef struct wsuv_extension_params wsuv_extension_params_t;

/**
 * Append a parameter.
 * @param params as handed to the hook
 * @param name a token
 * @param value a token, or NULL: no value
 * @return 0; `UV_EINVAL`: the name or the value is not a token; `UV_ENOMEM`. The hook may ignore
 * the result: the handshake fails with it anyway.
 */
WSUV_EXTERN int wsuv_extension_put(wsuv_extension_params_t *params, const char *name,
                                   const char *value);

/** Receives an extension's output. */
typedef struct wsuv_sink wsuv_sink_t;

/**
 * Get memory for output. Write into it, then call wsuv_sink_commit() with the number of bytes.
 * @param sink as handed to the hook
 * @param want how many bytes are wanted
 * @param[out] dst the memory; valid until the next call for this sink
 * @param[out] room the size of the memory in bytes: at least 1; in wsuv_extension::outgoing at
 *        least @p want
 * @return 0, or an error that the hook must return, unless it needs no output:
 *         `WSUV_ETOOBIG`: this message accepts no more output; `UV_ENOMEM`; an error of
 *         the next extension
 */
WSUV_EXTERN int wsuv_sink_reserve(wsuv_sink_t *sink, size_t want, uint8_t **dst, size_t *room);

/** Add the first @p n bytes of the memory from wsuv_sink_reserve() to the output. */
WSUV_EXTERN void wsuv_sink_commit(wsuv_sink_t *sink, size_t n);

/**
 * Write @p len bytes.
 * @return 0, or an error as that of wsuv_sink_reserve()
 */
WSUV_EXTERN int wsuv_sink_write(wsuv_sink_t *sink, const void *data, size_t len);

/**
 * Remove the last @p n bytes that were committed in this call of the hook.
 * Only in wsuv_extension::outgoing: received data may have been passed on.
 */
WSUV_EXTERN void wsuv_sink_trim(wsuv_sink_t *sink, size_t n);

/** For wsuv_extension_message::len: the length of the message is not known. */
#define WSUV_LEN_UNKNOWN UINT64_MAX

/** The message that a chunk belongs to. */
typedef struct wsuv_extension_message {
  wsuv_frame_type_t type; /**< #WSUV_FRAME_TEXT or #WSUV_FRAME_BINARY. */
  /**
   * Reserved bits of the message's first frame, of those that the extension claims. Incoming: the
   * received bits. Outgoing: 0 at first; the hook may set bits with the first chunk, and later
   * changes are ignored.
   */
  unsigned rsv;
  /** Outgoing: length of a message that is sent whole; else #WSUV_LEN_UNKNOWN. */
  uint64_t len;
  /** Outgoing: the program asked that this message is not compressed. */
  bool plain;
  /**
   * Outgoing, false at first. It may be set with an error for a first chunk: the state is
   * unchanged, so the send fails, but the session goes on.
   */
  bool intact;
  /**
   * Set with an error: what was wrong, in static ASCII text of at most #WSUV_CLOSE_REASON_MAX
   * bytes. It is sent to the peer as the close reason. Any other text is left out.
   */
  const char *why;
  /**
   * Incoming, may be set with an error: the close code; 0, or one that may not be sent: the one
   * that belongs to the error.
   */
  uint16_t close_code;
} wsuv_extension_message_t;

/** A piece of a message. The boundaries of chunks have no meaning: one frame may be many chunks. */
typedef struct wsuv_extension_chunk {
  const uint8_t *data; /**< Valid until the hook returns. */
  size_t len;          /**< May be 0. */
  bool first;          /**< The message begins. */
  /** The message ends. This chunk may never come if the session ends before. */
  bool last;
} wsuv_extension_chunk_t;

/** What wsuv_extension::incoming and wsuv_extension::outgoing return, unless an error. */
enum wsuv_extension_result {
  WSUV_EXTENSION_TAKEN = 0, /**< The bytes written to the sink replace the chunk. */
  /**
   * For a first chunk: the extension does not change this message, and is not called for the rest
   * of it. Outgoing: bytes written to the sink are dropped. Incoming: nothing may have been
   * written.
   */
  WSUV_EXTENSION_PASS = 1
};

/**
 * An extension. Initialise with wsuv_extension_init(), then fill in. The structure is copied, #key
 * included, when a client, a server, or a route with a configuration of its own is made, or a
 * session with a configuration of its own is connected or accepted.
 */
typedef struct wsuv_extension {
  size_t size;     /**< `sizeof(wsuv_extension_t)` of the caller. */
  const char *key; /**< Name in the handshake: a token. No two of a configuration have the same. */
  /**
   * The reserved bits that it uses: a combination of #wsuv_rsv, or 0. No two extensions of a
   * configuration may use the same bit (`UV_EINVAL`). A received frame with a bit that no
   * negotiated extension uses, or a continuation with any bit, ends the session (`WSUV_EPROTOCOL`).
   */
  unsigned rsv;
  /**
   * Settings for #install. If #install is NULL, the other functions get this pointer as `shared`.
   */
  void *data;

  /**
   * Create what the sessions of a client or server share. NULL: #data itself is shared, and must be
   * valid as long as the client or server.
   * @param data settings, valid only for the call
   * @param allocator that of the client or server, valid until #uninstall
   * @param[out] shared handed to the functions below
   * @return 0, or an error that the installing call returns
   */
  int (*install)(void *data, const wsuv_allocator_t *allocator, void **shared);
  /** Undo #install, when the last session's state is freed. NULL: nothing to undo. */
  void (*uninstall)(void *shared);

  /**
   * Offer the extension: the client's side. Called for @p n = 0, 1, ... until there are no more
   * offers; several are alternatives in order of preference.
   * @param shared from #install
   * @param n which offer
   * @param params receives its parameters
   * @return 1: one more offer, with these parameters; 0: no more offers, and @p params must be
   *         unchanged; an error, which the connecting call returns
   */
  int (*offer)(void *shared, size_t n, wsuv_extension_params_t *params);
  /**
   * Check the server's response, and create the state of a session.
   * @param shared from #install
   * @param allocator the client's, valid until #state_free
   * @param params the answer's, in its order
   * @param count how many
   * @param[out] state of the session
   * @param[out] why static text, if it is an error: what was wrong
   * @return 0; `WSUV_EEXTENSION`: the response does not match an offer; another error. After an
   *         error the handshake fails, and no state may exist.
   */
  int (*accept)(void *shared, const wsuv_allocator_t *allocator,
                const wsuv_extension_param_t *params, size_t count, void **state, const char **why);
  /**
   * Check an offer and answer it: the server's side. NULL: never accepted. Offers come in the
   * client's order, until one is accepted.
   * @param shared from #install
   * @param allocator valid until #state_free
   * @param offer the offer's parameters, in its order
   * @param count how many
   * @param answer receives the parameters of the response
   * @param[out] state of the session
   * @return 1: accepted, with these parameters; 0: declined, and @p answer must be unchanged and no
   *         state exist; an error
   */
  int (*answer)(void *shared, const wsuv_allocator_t *allocator,
                const wsuv_extension_param_t *offer, size_t count, wsuv_extension_params_t *answer,
                void **state);
  /**
   * Free the state of a session; a message may be incomplete then. NULL: there is nothing to free.
   */
  void (*state_free)(void *state);

  /**
   * Change a received message. NULL: none is changed. Chunks of a message come in order, and
   * messages one after the other. Output is passed on before the next chunk comes; it should not be
   * larger than needed.
   * @return #WSUV_EXTENSION_TAKEN, #WSUV_EXTENSION_PASS; or an error, which ends the session with
   * the close code for that error
   */
  int (*incoming)(void *state, wsuv_extension_message_t *message,
                  const wsuv_extension_chunk_t *chunk, wsuv_sink_t *sink);
  /**
   * Change a message that is to be sent. NULL: none is changed. A whole message is one chunk that
   * is first and last. If the program sends a message in fragments or pieces, each fragment is one
   * chunk, and so are pieces that were gathered. The output is fragmented afterwards, if it is
   * longer than wsuv_config::fragment_size.
   * @return #WSUV_EXTENSION_TAKEN, #WSUV_EXTENSION_PASS; or an error, which is returned by the send
   *         and ends the session, unless wsuv_extension_message::intact was set
   */
  int (*outgoing)(void *state, wsuv_extension_message_t *message,
                  const wsuv_extension_chunk_t *chunk, wsuv_sink_t *sink);

  /**
   * Called before a prepared message (wsuv/prepared.h) is sent in the form that #prepare has made.
   * #outgoing is not called for it. After it, the output of #outgoing may not refer to messages
   * that were sent before it.
   * @return the number of a variant: the output of #prepare is shared by all sessions, of any
   * client, for which this function returns the same number
   */
  uint64_t (*variant)(void *state);
  /**
   * Change a whole message as #outgoing does, independent of earlier messages. Called once for each
   * variant. An error is returned by the send, and the session goes on. If it is NULL (then
   * #variant must be NULL, too), or if other extensions were negotiated as well, prepared messages
   * pass through #outgoing like all others.
   */
  int (*prepare)(void *state, wsuv_extension_message_t *message,
                 const wsuv_extension_chunk_t *chunk, wsuv_sink_t *sink);

  /**
   * How much memory the state of a session may come to use, while messages are changed. NULL: none
   * that is worth counting. On a server it counts for wsuv_config::deflate_memory_max, and an
   * extension with this function is not negotiated once that is reached.
   * @return a number of bytes, which stays the same as long as the state exists
   */
  size_t (*memory)(void *state);
} wsuv_extension_t;

/** Fill in an extension that does nothing. */
static inline void wsuv_extension_init(wsuv_extension_t *extension) {
  memset(extension, 0, sizeof(*extension));
  extension->size = sizeof(*extension);
}

/** @} */

#ifdef __cplusplus
}
#endif

#endif
