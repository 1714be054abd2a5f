#ifndef WSUV_ACCESS_LINE_H
#define WSUV_ACCESS_LINE_H

/**
 * @file wsuv/access_line.h
 * @brief A line for each session of a server, as web servers log requests.
 */

#include <stddef.h>
#include <stdint.h>

#include <wsuv/export.h>
#include <wsuv/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @addtogroup servers
 * @{
 */

/** Room for every line of wsuv_access_line(), with its terminating NUL. */
#define WSUV_ACCESS_LINE_SIZE 2048

/**
 * Write the line of a session into @p line, in `on_close`: the Combined Log Format of web servers,
 * and behind it what the session did. It has no end of line. For example, in one line,
 * @code
 * 192.0.2.7 - - [29/Nov/2026:21:45:01 +0000] "GET /chat/tea HTTP/1.1" 101 5120
 *   "https://app.example" "Mozilla/5.0" subprotocol="chat.v1" close=1001 by=peer result=OK
 *   seconds=12.345 in=10/512 out=20/4096
 * @endcode
 * The fields are:
 * - the client's address (wsuv_session_origin()); "unix" for a Unix socket;
 * - the time, in UTC;
 * - the path of the request, without its query; 101, or "-" if the session never opened; and the
 *   bytes that were sent, the handshake's included, without TLS;
 * - in place of `Referer`, the `Origin`; and `User-Agent`;
 * - the subprotocol;
 * - the close code, of the peer's close frame if that was first, else of ours, and 1006 if there
 *   was none; and who has closed: "peer", "us" or "none";
 * - the name of wsuv_close_info::status, by wsuv_err_name();
 * - how long the session was open;
 * - messages and bytes of their payload, uncompressed, received and sent.
 *
 * "-" stands for what is missing or not known. **Without wsuv_config::keep_handshake the path,
 * `Origin` and `User-Agent` are not known any more, nor is the address, unless a trusted proxy has
 * named it.**
 *
 * There are no secrets in the line unless a program has them in the path, or accepts one as the
 * subprotocol: queries, cookies and other fields are left out, and so are close reasons. In what
 * comes from the peer, quotation marks, backslashes, control characters and bytes that are not
 * UTF-8 are written in hexadecimal, as in the log (wsuv_log_fn), and long values are cut.
 * @param session a session of a server
 * @param info as `on_close` got it
 * @param time_s the time to write, in seconds since 1970, such as `time(NULL)`
 * @param[out] line terminated
 * @return its length in bytes
 */
WSUV_EXTERN size_t wsuv_access_line(const wsuv_session_t *session, const wsuv_close_info_t *info,
                                    int64_t time_s, char line[WSUV_ACCESS_LINE_SIZE]);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
