#ifndef WSUV_STATS_H
#define WSUV_STATS_H

/**
 * @file wsuv/stats.h
 * @brief What a session has done so far, in figures.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <wsuv/export.h>
#include <wsuv/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @addtogroup sessions
 * @{
 */

/**
 * Statistics of one session. "Sent" counts what was queued, also if it was dropped later because
 * the session ended or the peer closed; only #wire_sent counts what the kernel has taken.
 * "Received" counts whole frames.
 */
typedef struct wsuv_stats {
  size_t size; /**< `sizeof(wsuv_stats_t)` of the caller. */

  uint64_t messages_sent;     /**< Text and binary messages, once their last fragment is queued. */
  uint64_t messages_received; /**< Text and binary messages, when complete. */
  uint64_t frames_sent;       /**< Frames of all types. */
  uint64_t frames_received;   /**< Frames of all types. */
  uint64_t payload_sent;      /**< Bytes of text and binary messages, uncompressed. */
  uint64_t payload_received;  /**< Bytes of text and binary messages, uncompressed. */
  uint64_t framed_sent;       /**< Bytes of payload in data frames, after extensions. */
  uint64_t framed_received;   /**< Bytes of payload in data frames, before extensions. */
  /** All bytes, the opening handshake included, without TLS and without what is sent to proxies. */
  uint64_t wire_sent;
  uint64_t wire_received;  /**< The same for the bytes that were received. */
  uint64_t pings_sent;     /**< The program's and those of the keepalive. */
  uint64_t pings_received; /**< Answered, but in raw sessions and behind our close frame. */
  uint64_t pongs_sent;     /**< Answers to pings, and those of the program. */
  uint64_t pongs_received; /**< Answers to pings, and unsolicited ones. */

  uint64_t rtt_last_us;     /**< See wsuv_rtt::last_us; 0: no ping was answered. */
  uint64_t rtt_min_us;      /**< See wsuv_rtt::min_us; 0: no ping was answered. */
  uint64_t rtt_smoothed_us; /**< See wsuv_rtt::smoothed_us; 0: no ping was answered. */

  /**
   * Time of the name lookup; 0: it has not succeeded. If there were several connections (redirects,
   * other credentials), this and the next three, and #proxy_us, are of the last one.
   */
  uint64_t resolve_us;
  uint64_t connect_us; /**< Time from the end of the lookup to the connection; 0: there is none. */
  uint64_t tls_us;     /**< Time from the connection to the end of the TLS handshake; 0: no TLS. */
  uint64_t upgrade_us; /**< Time from connection or TLS to the open session; 0: it never opened. */
  uint64_t open_us;    /**< Time since the session has opened; 0: it never opened. */
  uint64_t proxy_us;   /**< Time from the connection to the end of the tunnel; 0: no proxy. */
} wsuv_stats_t;

/** Fill in statistics that are all 0. */
static inline void wsuv_stats_init(wsuv_stats_t *stats) {
  memset(stats, 0, sizeof(*stats));
  stats->size = sizeof(*stats);
}

/**
 * Read the statistics. May be called until `on_close` returns.
 * @param session the session
 * @param[in,out] stats initialised by wsuv_stats_init()
 * @return 0; `WSUV_ESIZE`: its size was not filled in
 */
WSUV_EXTERN int wsuv_session_get_stats(const wsuv_session_t *session, wsuv_stats_t *stats);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
