#ifndef WSUV_ERROR_H
#define WSUV_ERROR_H

/**
 * @file wsuv/error.h
 * @brief Error codes.
 *
 * Functions return 0 or a negative `int`. Codes of libuv (`UV_ECONNREFUSED`, `UV_EAI_NONAME`, …)
 * are passed on unchanged; wsuv's own are listed in #WSUV_ERRNO_MAP, and differ from libuv's and
 * mbedTLS's. No code has two causes.
 */

#include <wsuv/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @addtogroup errors
 * @{
 */

/**
 * All error codes that wsuv defines: `XX(name, value, text)`. Values never change; the list may
 * grow. EBODY is reserved: it is not used any more.
 */
#define WSUV_ERRNO_MAP(XX)                                                                \
  XX(EURL, -70001, "malformed or unsupported URL")                                        \
  XX(EINVAL_HEADER, -70002, "header, subprotocol or credential not allowed")              \
  XX(ESTATE, -70003, "session is not open, or closing has begun")                         \
  XX(EQUEUEFULL, -70004, "outgoing queue is full")                                        \
  XX(EMSGSIZE, -70005, "message is larger than the outgoing bound")                       \
  XX(ECONTROL, -70006, "control frame payload too long")                                  \
  XX(ECLOSECODE, -70007, "close code may not be sent")                                    \
  XX(EUTF8, -70008, "text is not valid UTF-8")                                            \
  XX(ESTATUS, -70009, "upgrade refused")                                                  \
  XX(EHTTP, -70010, "malformed HTTP, or not HTTP/1.1")                                    \
  XX(EUPGRADE, -70011, "Upgrade or Connection header missing or wrong")                   \
  XX(EACCEPT, -70012, "Sec-WebSocket-Accept missing, repeated or wrong")                  \
  XX(ESUBPROTOCOL, -70013, "subprotocol was not offered or is repeated")                  \
  XX(EEXTENSION, -70014, "extension was not offered, is repeated, or has bad parameters") \
  XX(EBODY, -70015, "reserved; not used any more")                                        \
  XX(EHEADERS, -70016, "handshake headers too large or too many")                         \
  XX(EPROTOCOL, -70017, "WebSocket protocol violated by the peer")                        \
  XX(ETOOBIG, -70018, "frame or message too large")                                       \
  XX(EFRAGMENTS, -70019, "message in too many fragments")                                 \
  XX(EPINGTIMEOUT, -70020, "ping timeout")                                                \
  XX(EIDLE, -70021, "idle timeout")                                                       \
  XX(ECLOSETIMEOUT, -70022, "closing handshake not answered in time")                     \
  XX(ERANDOM, -70023, "no random bytes")                                                  \
  XX(ETLS, -70024, "TLS failed")                                                          \
  XX(ETLSVERIFY, -70025, "certificate not accepted")                                      \
  XX(ETLSPIN, -70026, "public key is not among the pinned ones")                          \
  XX(ETLSTRUST, -70027, "no trusted certificates found")                                  \
  XX(ETLSTRUNCATED, -70028, "TLS ended without close_notify")                             \
  XX(EDEFLATE, -70029, "compressed data is corrupt")                                      \
  XX(ENOCONVERTER, -70030, "no converter is installed")                                   \
  XX(ENOTAPPLICABLE, -70031, "message is not one for the converter")                      \
  XX(ECONVERT, -70032, "value could not be converted")                                    \
  XX(ESIZE, -70033, "structure of no known size")                                         \
  XX(ETLSRECORD, -70034, "too many TLS records without data")                             \
  XX(ETLSKEYUPDATE, -70035, "new TLS keys of the peer are not supported")                 \
  XX(ENOTTLS, -70036, "the peer speaks HTTP, not TLS")                                    \
  XX(ETEST, -70037, "what a test expects has not happened")                               \
  XX(ELEAK, -70038, "something is still alive at the end of a test")                      \
  XX(EPROXY, -70039, "proxy refused, or gave a malformed answer")                         \
  XX(EPROXYAUTH, -70040, "proxy did not accept the credentials")                          \
  XX(EPROXYDNS, -70041, "proxy could not look up the name")                               \
  XX(EREDIRECT, -70042, "redirect not followed")                                          \
  XX(ETLSOPTION, -70043, "the TLS library does not have this option")                     \
  XX(ETLSCRL, -70044, "list of revoked certificates cannot be used")                      \
  XX(ETLSOCSP, -70045, "OCSP response missing or not accepted")

/** wsuv's error codes: `WSUV_EURL` and so on. */
enum wsuv_errno {
#define WSUV_XX_(name, value, text) WSUV_##name = (value),
  WSUV_ERRNO_MAP(WSUV_XX_)
#undef WSUV_XX_
};

/**
 * The name of an error code, wsuv's or libuv's: "WSUV_EURL", "ECONNREFUSED".
 * @return static storage; "OK" for 0 and "UNKNOWN" for what is no error code.
 */
WSUV_EXTERN const char *wsuv_err_name(int err);

/**
 * One line of text for an error code, wsuv's or libuv's.
 * @return static storage; "success" for 0 and "unknown error" for what is no error code.
 */
WSUV_EXTERN const char *wsuv_strerror(int err);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
