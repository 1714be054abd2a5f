#ifndef WSUV_CONFIG_H
#define WSUV_CONFIG_H

/**
 * @file wsuv/config.h
 * @brief The configuration that the sessions of a client or a server share.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/export.h>
#include <wsuv/extension.h>
#include <wsuv/hooks.h>
#include <wsuv/tls.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @addtogroup clients
 * @{
 */

/** One header field of the opening handshake. */
typedef struct wsuv_header {
  const char *name;  /**< A token (RFC 9110 5.1). */
  const char *value; /**< Visible characters, spaces and tabs; no CR, LF, NUL or control byte. */
} wsuv_header_t;

/** What happens when a message does not fit into the outgoing queue. */
typedef enum wsuv_outgoing_policy {
  /** The send is refused with `WSUV_EQUEUEFULL`, and `on_drain` tells when it would fit. */
  WSUV_OUTGOING_SUSPEND = 0,
  /**
   * The session ends with `WSUV_EQUEUEFULL`, close code 1008. Use it if a peer that reads
   * too slowly must be disconnected.
   */
  WSUV_OUTGOING_CLOSE = 1
} wsuv_outgoing_policy_t;

/** What looks names up. */
typedef enum wsuv_resolver {
  /** #WSUV_RESOLVER_CARES where it is built in and can begin, or else #WSUV_RESOLVER_SYSTEM. */
  WSUV_RESOLVER_AUTO = 0,
  /**
   * c-ares: on the loop, with no thread, any number of lookups at a time. It asks the name servers
   * of `/etc/resolv.conf`, which is read again when it changes. The names that DNS alone does not
   * decide go to #WSUV_RESOLVER_SYSTEM nevertheless: those in `/etc/hosts`; `localhost`, `local`
   * (RFC 6762) and what is under them; names with a final dot or with characters other than ASCII
   * letters, digits, `-`, `_` and `.`; and all names if `/etc/nsswitch.conf` has anything but
   * `files` and `dns` for `hosts`, if `/etc/gai.conf` has any setting, or if `/etc/resolv.conf` has
   * one that c-ares does not treat as the C library does.
   */
  WSUV_RESOLVER_CARES = 1,
  /**
   * The C library's `getaddrinfo`, in libuv's thread pool: as many lookups at a time as half of the
   * pool's threads (environment variable `UV_THREADPOOL_SIZE`, default 4). A lookup whose name
   * server is silent keeps its thread, even if its session has ended.
   */
  WSUV_RESOLVER_SYSTEM = 2
} wsuv_resolver_t;

/**
 * How a server chooses the subprotocol of a session (RFC 6455 4.2.2) from those that the request
 * offers. Of the subprotocols that both sides name it takes the first in the server's order.
 */
typedef enum wsuv_subprotocol_policy {
  /**
   * #WSUV_SUBPROTOCOL_IF_OFFERED if the server has subprotocols, else #WSUV_SUBPROTOCOL_OPTIONAL.
   */
  WSUV_SUBPROTOCOL_DEFAULT = 0,
  /**
   * A request without subprotocols is accepted. A request whose subprotocols the server does not
   * have is refused with status 400, because browsers do not agree about a session without any:
   * Chromium fails it, and Firefox opens it.
   */
  WSUV_SUBPROTOCOL_IF_OFFERED = 1,
  /** A request that offers none of the server's subprotocols is refused with status 400. */
  WSUV_SUBPROTOCOL_REQUIRED = 2,
  /** A request that offers none of the server's subprotocols is accepted without any. */
  WSUV_SUBPROTOCOL_OPTIONAL = 3
} wsuv_subprotocol_policy_t;

/** How user name and password are sent to who asks for them (RFC 9110 11). */
typedef enum wsuv_auth {
  /** By Basic (RFC 7617), with the first request, without being asked. */
  WSUV_AUTH_BASIC = 0,
  /**
   * By Digest (RFC 7616), when it is asked for: MD5 or SHA-256, also with "-sess". Never by Basic,
   * which shows the password.
   */
  WSUV_AUTH_DIGEST = 1,
  /** Only when it is asked for: by Digest if that is possible, or else by Basic. */
  WSUV_AUTH_ANY = 2
} wsuv_auth_t;

/**
 * Value of wsuv_config::proxy: the proxies are those of the environment of the process. For `wss`
 * the first of the variables `wss_proxy`, `https_proxy` and `all_proxy` that is set and not empty,
 * for `ws` of `ws_proxy`, `http_proxy` and `all_proxy`; in small letters, or else in capitals, but
 * not `HTTP_PROXY`, which a request sets under CGI. `no_proxy` has the exceptions, unless
 * wsuv_config::no_proxy is set. 127.0.0.0/8, ::1 and localhost have no proxy. The variables are
 * read by each wsuv_connect(), and again for each further connection of the session.
 */
#define WSUV_PROXY_ENVIRONMENT "environment:"

/**
 * The header fields in which trusted proxies say for whom a request is. A list is read from the
 * right: its last element is from the peer, and as long as the address that an element names is one
 * of wsuv_config::trusted_proxies, the element before it is read, too. The first other address is
 * the client's. An element that names no address, or is malformed, ends the list: the address
 * before it counts. Elements further left are never read, because anybody can write them.
 */
typedef enum wsuv_forwarded {
  /** None: the client is the peer. */
  WSUV_FORWARDED_NONE = 0,
  /**
   * `X-Forwarded-For` has the addresses, `X-Forwarded-Host` and `X-Forwarded-Proto` ("http", "ws",
   * "https" or "wss") say what the request was for. If these are lists as well, the value that
   * counts is as far from the right as the client's address, or the first one if there are fewer.
   * A proxy that sets only some of the three fields must remove the others: it would hand on what
   * its clients write there.
   */
  WSUV_FORWARDED_X = 1,
  /**
   * `Forwarded` (RFC 7239), with its parameters `for`, `host` and `proto`. All three are of one
   * element, so what a proxy does not say is not taken from elsewhere.
   */
  WSUV_FORWARDED_RFC7239 = 2
} wsuv_forwarded_t;

/**
 * Configuration of a client or of a server. Fill in the defaults with wsuv_client_config_init() or
 * wsuv_server_config_init(), then change fields. It is copied, with all that it points to, when it
 * is used. No limit can be switched off, unless its description says how: 0 is refused with
 * `UV_EINVAL`.
 *
 * A field that is marked "Clients only" or "Servers only" must be 0, `NULL` or `false` in the
 * configuration of the other, as the functions that fill in the defaults leave it; else it is
 * refused with `UV_EINVAL`. So nobody takes the configuration of one role for that of the other.
 *
 * A request of a client, and a route or a decision of a server, may have a configuration of its
 * own. A field that is marked "Of the whole" belongs to the client or the server, and must have the
 * same value there, else it is refused with `UV_EINVAL`; the log says which field it is.
 */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): fields are by subject, and grow */
typedef struct wsuv_config {
  size_t size; /**< `sizeof(wsuv_config_t)` of the caller. */

  /** A ping is sent each interval, in ms; 0 (the default), and 2^32 - 1 or more: never. */
  uint64_t ping_interval_ms;
  /**
   * Timeout for the answer to a ping, in ms; 0: twice the interval. Every byte that
   * is received counts as an answer. As long as the ping is on its way behind other data, the
   * timeout starts again whenever the peer has acknowledged bytes; from its acknowledgement on,
   * only received bytes count. What is acknowledged is known on Linux; elsewhere bytes count as
   * acknowledged when the kernel has taken them. When the timeout passes, the session ends with
   * `WSUV_EPINGTIMEOUT`, close code 1011; from 2^32 - 1 on it never passes. Default 0; of a server
   * 15000.
   */
  uint64_t ping_timeout_ms;
  /**
   * Idle timeout, in ms; 0 (the default): none. It starts again whenever part of a message is
   * received, a message is sent, or the peer has acknowledged part of a message that was sent (as
   * with #ping_timeout_ms). It stops while the session is paused. When it passes, the session ends
   * with `WSUV_EIDLE`, close code 1001.
   */
  uint64_t idle_timeout_ms;
  /** A larger incoming frame ends the session with `WSUV_ETOOBIG` (1009). Default 2147483647. */
  uint64_t max_frame_size;
  /** A larger incoming message ends the session with `WSUV_ETOOBIG` (1009). Default 16 MiB. */
  size_t max_message_size;
  /** A message in more frames ends the session with `WSUV_EFRAGMENTS` (1008). Default 131072. */
  uint32_t max_message_fragments;
  /**
   * Mask the frames that are sent. Default true; of a server false. RFC 6455 5.1: a client must
   * mask, and a server must not. Switch it off in a client only for trusted peers that are known to
   * accept unmasked frames. Switch it on in a server only for peers that are known to accept masked
   * frames: Chromium fails such a connection with close code 1002; Firefox accepts it.
   */
  bool masking;

  /**
   * Limit of the payload in the outgoing queue, in bytes, without control frames; default 16 MiB.
   * A send that does not fit is refused with `WSUV_EQUEUEFULL`, and `on_drain` follows as soon as
   * it fits. For a new message its length before compression is counted; for queued messages, the
   * length after compression.
   */
  size_t outgoing_max;
  /** What happens to a send that does not fit; default #WSUV_OUTGOING_SUSPEND. */
  wsuv_outgoing_policy_t outgoing_policy;
  /**
   * `on_drain` is also called when the queue has grown beyond this many bytes and has then shrunk
   * to #low_water. Default 1 MiB. A value above #outgoing_max is never reached.
   */
  size_t high_water;
  /** See #high_water. Default 256 KiB. */
  size_t low_water;

  /**
   * Time from wsuv_connect() to the open session, in ms. If the session has to wait for its turn
   * (#max_connecting), the time begins when its turn has come. On a server: time from accepting the
   * connection to the answer, TLS included, which bytes do not extend. A peer that has sent nothing
   * is closed, one whose request is incomplete gets 408, and 503 if the program has not decided. On
   * a connection with plain requests (wsuv/exchange.h) each request, from its first byte to the
   * answer, each response and each pause may take as long. Default 10000. Of the whole server.
   *
   * Both: if the program keeps the loop from running when this time ends, or just before, the lost
   * time is given back. It does not end while TLS waits only because the loop does the handshakes
   * of others first; then an eighth of it is left.
   */
  uint64_t handshake_timeout_ms;
  /**
   * Time for the closing handshake, in ms. Until the peer has acknowledged our close frame, it
   * starts again whenever the peer has acknowledged bytes (as with #ping_timeout_ms); then it is
   * the time for the peer's answer. #close_deadline_ms limits the whole. When it passes, the
   * session ends with `WSUV_ECLOSETIMEOUT`. Default 5000.
   */
  uint64_t close_timeout_ms;

  /**
   * A response with a larger head, in bytes, fails with `WSUV_EHEADERS`; a server answers a request
   * with a larger head with status 431. Default 16 KiB. Of the whole server.
   */
  size_t max_handshake_size;
  /**
   * A response with more header fields fails with `WSUV_EHEADERS`; a server answers a request with
   * more of them with status 431. Default 100. Of the whole server.
   */
  size_t max_handshake_headers;
  /**
   * Keep request and response of the opening handshake, and the peer's address, so that they can be
   * read until `on_close` returns, and not only in `on_open`. It takes some KiB for each session.
   * Default false.
   */
  bool keep_handshake;
  /**
   * Header fields of every request, sent before those of wsuv_request::headers; of a server: of
   * every response that opens a session. Default none.
   */
  const wsuv_header_t *headers;
  size_t header_count; /**< How many #headers. */
  /** Value of `User-Agent`; default "wsuv/VERSION"; NULL: the header is not sent. Clients only. */
  const char *user_agent;
  /**
   * Offered in this order (RFC 6455 1.9), unless the request names its own; a server chooses in
   * this order (#subprotocol_policy). Default none.
   */
  const char *const *subprotocols;
  size_t subprotocol_count; /**< How many #subprotocols. */

  /**
   * Extensions to offer, in this order (RFC 6455 9), such as permessage-deflate (wsuv/deflate.h);
   * of a server: to accept.
   * A client installs them when it is made; a request with its own configuration installs its
   * own for that session. wsuv_client_get_config() returns the installed extensions. The
   * configuration of a request may use some or all of them, in any order, together with others.
   * Default none.
   */
  const wsuv_extension_t *const *extensions;
  size_t extension_count; /**< How many #extensions. */

  bool tcp_nodelay; /**< Switch Nagle's algorithm off. Default true. Of the whole server. */
  /**
   * TCP keepalive: when nothing was received for this time, in seconds, at most 32767, the kernel
   * sends up to nine probes, each a third of this time (at least 1 s) after the one before. If none
   * is answered, the session ends with `UV_ETIMEDOUT`: after about four times this time. 0: no
   * probes. They are not sent while the peer owes an acknowledgement of data; then a dead peer is
   * noticed after many minutes, so #ping_interval_ms is better; see also #tcp_user_timeout_ms.
   * Default 0; of a server 60. Of the whole server.
   */
  unsigned tcp_keepalive_s;
  /**
   * A numeric local address, IPv4 or IPv6, to bind sockets to. Only peer addresses of the same
   * family are used (`UV_EAFNOSUPPORT`: there is none). NULL (the default): none. Unix sockets
   * ignore it. Clients only.
   */
  const char *local_address;

  /** Converts values to messages and back (wsuv/converter.h). NULL (the default): none. */
  const struct wsuv_converter *converter;

  /** NULL (the default): the C library's. Of the whole; NULL stands for the same there. */
  const wsuv_allocator_t *allocator;
  wsuv_random_fn random; /**< NULL (the default): the system's. Of the whole. */
  void *random_arg;      /**< Handed to #random. Of the whole. */
  wsuv_log_fn log;       /**< NULL (the default): no log. Of the whole. */
  void *log_arg;         /**< Handed to #log. Of the whole. */
  /** Lines above this level are left out. Default INFO. Of the whole. */
  wsuv_log_level_t log_level;
  /**
   * What looks names up, for all sessions of the client. #WSUV_RESOLVER_CARES where the library was
   * built without c-ares: `UV_ENOTSUP`. Default #WSUV_RESOLVER_AUTO. Clients only. Of the whole.
   */
  wsuv_resolver_t resolver;

  /**
   * How `wss` sessions are secured; NULL (the default): the peer is verified with the
   * system's trusted certificates. Of a server; NULL (the default): sessions are not secured. In
   * the configuration of a route or a decision it is checked, and changes nothing, because TLS
   * comes before the request.
   */
  const wsuv_tls_config_t *tls;

  /**
   * So many sessions connect to the same host and port, or Unix socket, at the same time; the
   * others wait for their turn, in the order of the calls (RFC 6455 4.1 allows one). A place is
   * free when TLS is done (`wss`), or when the session has opened or failed. Besides, the first
   * `wss` session to a host that cannot resume a TLS session connects alone until TLS is done, so
   * that the others can resume its TLS session (TLS 1.3: until the server has sent one, or the
   * response); not if wsuv_tls_config::resumption is off, or if the host gave none before. Sessions
   * over a stream of the program's do not wait. 0 (the default): 16 for `wss`, without a limit for
   * `ws`. `UINT_MAX`: without a limit, and nobody waits for another session to connect. However
   * many may connect, one iteration of the loop begins 32 lookups and connections, and the others
   * follow in the next ones, in the order of the calls. Clients only. Of the whole.
   */
  unsigned max_connecting;
  /**
   * Time that a session may wait for its turn (#max_connecting), in ms; 0: without a limit. When it
   * passes, the session ends with `UV_ETIMEDOUT`, stage `resolve`, detail "queue deadline". Default
   * 10000. Clients only. Of the whole.
   */
  uint64_t queue_timeout_ms;
  /**
   * Limit of the whole closing handshake, in ms, however much the peer still acknowledges (see
   * #close_timeout_ms). When it passes, the session ends with `WSUV_ECLOSETIMEOUT`. If it is less
   * than #close_timeout_ms, it holds instead. Default 120000; of a server 30000.
   */
  uint64_t close_deadline_ms;
  /**
   * A message whose payload is longer than this many bytes, after compression, is sent in fragments
   * (RFC 6455 5.4) of this length, or of a 1,024th of the payload if that is more. Pings, pongs and
   * an answer to the peer's close frame can leave between fragments. Frames that the program makes
   * itself, by wsuv_send() or in a raw session, are sent as they are. 0: no message is fragmented.
   * Default 64 KiB.
   */
  size_t fragment_size;
  /**
   * With #WSUV_LOG_TRACE, so many bytes of each frame's payload are logged, 16 in a line. 0: none.
   * Default 64. Of the whole.
   */
  size_t log_payload_size;

  /**
   * When the peer has not acknowledged data for this time, in ms, at most 2147483647, the kernel
   * ends the connection, and the session ends with `UV_ETIMEDOUT` (TCP_USER_TIMEOUT, RFC 5482). It
   * holds for a connection that is being made and for #tcp_keepalive_s, too: probes that are not
   * answered end the connection after this time instead of nine probes. 0 (the default): as the
   * system is set, many minutes on Linux. Only Linux has it; elsewhere it does nothing. Of the
   * whole server.
   */
  unsigned tcp_user_timeout_ms;
  /**
   * So many messages a second are received in a session; beyond that the session does not read, so
   * that the peer has to wait, too (TCP's flow control). After a second with none, as many messages
   * as in one second may come at once. In a raw session the last frame of a message counts, and the
   * others do not. While a session waits, its ping and idle timeouts do not run, pings are sent,
   * and the end of the connection is not noticed. The limit ends when closing begins, so that the
   * peer's close frame is read in time. 0 (the default): without a limit.
   */
  unsigned max_message_rate;
  /**
   * A session is open for this time, in ms, at most; then it is closed with close code 1001 (Going
   * Away), reason "Session lifetime". The time is shortened at random by up to a tenth, so that
   * sessions that were opened together do not end together. 0 (the default): without a limit.
   */
  uint64_t max_lifetime_ms;

  /**
   * So many sessions, and upgrades on which the program decides, are there at a time; a further
   * request is refused with status 503 and `Retry-After`. Sessions that wsuv_upgrade_refuse_open()
   * opens count until they are closed. Default of a server 100000. Servers only. Of the whole.
   */
  unsigned max_sessions;
  /**
   * As #max_sessions, but of one client address: an address of IPv4, or a network of IPv6 with a
   * prefix of 64 bits. Unix sockets have none, and are not counted. 0 (the default): without a
   * limit. Servers only. Of the whole.
   */
  unsigned max_sessions_per_address;
  /**
   * So many connections may be without a complete request at a time, those included that were
   * refused and are not closed yet, and those that have had the response to a plain request and may
   * send another one. For one more, the oldest that was refused is closed, or else the oldest of
   * the others, so that neither shut out those who come later. The program may owe as many answers
   * to plain requests (wsuv/exchange.h). Default of a server 1024. Servers only. Of the whole.
   */
  unsigned max_handshakes;
  /**
   * As #max_handshakes, but of one client address (#max_sessions_per_address); and the program may
   * owe as many answers to plain requests of one address. Proxies, networks behind one address and
   * load tests may need more. Default of a server 256. Servers only. Of the whole.
   */
  unsigned max_handshakes_per_address;
  /**
   * So many connections may wait in the system for the server to accept them (`listen`), at most
   * 2147483647; the system may allow less (on Linux `net.core.somaxconn`). Default of a server 511.
   * Servers only. Of the whole.
   */
  unsigned backlog;
  /**
   * Several sockets, of several loops or processes, may listen on the same port, and the system
   * gives each of them a part of the connections (SO_REUSEPORT). Default false. Servers only. Of
   * the whole.
   */
  bool reuse_port;
  /**
   * Names that the server answers to, whatever the port; a request whose `Host` is another is
   * refused with status 421. This stops pages whose name an attacker resolves to the server's
   * address (DNS rebinding). `*.` at the beginning stands for one label or more, and `*` alone for
   * any host. NULL (the default): any; of a listener on a loopback address `localhost`,
   * `*.localhost` and loopback addresses, unless one of the #trusted_proxies has said something of
   * the client. Name the hosts if a proxy on this machine is trusted, #forwarded is set, and the
   * program answers plain requests (wsuv/exchange.h): a page can write these fields into a plain
   * request, though not into one for an upgrade. Servers only. Of the whole.
   */
  const char *const *hosts;
  size_t host_count; /**< How many #hosts. Servers only. Of the whole. */
  /**
   * Pages that may open sessions, by their `Origin` (RFC 6454); another is refused with status 403,
   * and a request without `Origin`, which comes from no browser, is accepted. Each is an origin,
   * such as `https://app.example` or `http://app.example:8080`; in it `*.` at the beginning of the
   * host stands for one label or more, and `*` alone for every host and port. Or it is `null`, the
   * origin of sandboxed pages and of files, or `*`, which stands for every origin. NULL (the
   * default): the host and port that the request itself names, or every port of that host if its
   * `Host` names none. Servers only.
   */
  const char *const *origins;
  size_t origin_count; /**< How many #origins. Servers only. */
  /** How a subprotocol is chosen. Default #WSUV_SUBPROTOCOL_DEFAULT. Servers only. */
  wsuv_subprotocol_policy_t subprotocol_policy;
  /**
   * The header fields in which the #trusted_proxies, of which there must be one, say who the client
   * is. The fields of the other family are never read. Default #WSUV_FORWARDED_NONE. Servers only.
   * Of the whole.
   */
  wsuv_forwarded_t forwarded;
  /**
   * When the memory for compression of all sessions has reached this many bytes, new sessions are
   * opened without compression. What each session may come to use counts, from the acceptance of
   * its request to its end: with the default options of wsuv/deflate.h about 304 KiB for each
   * session. The other extensions of a program count if they have wsuv_extension::memory. 0 (the
   * default): without a limit. Servers only. Of the whole.
   */
  size_t deflate_memory_max;
  /**
   * The addresses of reverse proxies in front of the server: an address, such as `10.0.0.2` or
   * `::1`, or a range of them, such as `10.0.0.0/8` (RFC 4632 3.1); or `unix:`, every peer of a
   * listener on a Unix socket. What these peers say of their clients is believed: with #forwarded,
   * by the PROXY protocol (wsuv_listen_options::proxy_protocol), and in the field that
   * wsuv_upgrade_trusted_header() is asked for. Name only proxies that overwrite or remove what
   * their clients say in the same fields, and let nobody else reach the server from these
   * addresses. NULL (the default): none. Servers only. Of the whole.
   */
  const char *const *trusted_proxies;
  size_t trusted_proxy_count; /**< How many #trusted_proxies. Servers only. Of the whole. */

  /**
   * The proxies that sessions go through: URLs, separated by spaces. Of several, each is reached
   * through the one before it. Or #WSUV_PROXY_ENVIRONMENT. NULL or "" (the default): none. A URL
   * has a scheme, a host and perhaps a port; without a scheme it is `http`:
   * - `http://` and `https://`: CONNECT (RFC 9110 9.3.6), for `ws`, too; with `https` over TLS
   *   (#proxy_tls). Ports 80 and 443.
   * - `socks4://` and `socks5://` (RFC 1928): the address of the host is looked up here; with
   *   `socks4a://` and `socks5h://` the proxy looks it up. Port 1080.
   *
   * It may have a user name and a password, with percent-escapes: for #proxy_auth, for SOCKS 5 (RFC
   * 1929), or, without a password, for SOCKS 4. They go to this proxy only. Sessions to Unix
   * sockets, and over a stream or transport of the program's, have no proxy. Clients only.
   */
  const char *proxy;
  /**
   * Destinations that are reached without a proxy, separated by commas or spaces: `*` for all;
   * names, which include the names below them; `.name`, the same; `*.name`, without the name
   * itself; addresses, `10.0.0.1` or `::1`, and ranges of them, `10.0.0.0/8`; all of these but
   * ranges and bare IPv6 addresses with `:port`, IPv6 addresses in brackets. A host's name is not
   * looked up for this. NULL (the default): none, or what #WSUV_PROXY_ENVIRONMENT says. Clients
   * only.
   */
  const char *no_proxy;
  /**
   * How connections to `https://` proxies are secured; NULL (the default): as by default for `wss`
   * sessions, which #tls does not change. Clients only.
   */
  const wsuv_tls_config_t *proxy_tls;
  /** How credentials go to `http://` and `https://` proxies. Default #WSUV_AUTH_ANY. Clients
   * only. */
  wsuv_auth_t proxy_auth;
  /** How wsuv_request::user, or the credentials of the URL, go to the server. Default
   * #WSUV_AUTH_BASIC. Clients only. */
  wsuv_auth_t auth;
  /**
   * So many redirects are followed in a session: responses with status 301, 302, 303, 307 or 308
   * and `Location` (RFC 9110 15.4), to `ws`, `wss`, `http` or `https`, of which the last two mean
   * the first two. The next one, or one to a place where the session has been, with the same
   * cookies and credentials, ends it with `WSUV_EREDIRECT`; so does one from `wss` to `ws`, to a
   * URL of another scheme, such as `ws+unix`, or to one that is malformed or has credentials. From
   * a Unix socket, a `Location` without scheme and host leads to the same socket.
   *
   * At another origin (scheme, host, port) `Authorization`, `Cookie`, `Proxy-Authorization`, a
   * `Host` of the program's and the credentials of request and URL are not sent, and are not sent
   * again at the first origin either; our own certificate is not shown. wsuv_request::address and
   * wsuv_tls_config::server_name hold only for the host that they were given for.
   *
   * 0 (the default): a redirect ends the session with `WSUV_ESTATUS`, and `Location` is in the
   * detail. Sessions over a stream or transport of the program's follow none. Clients only.
   */
  unsigned max_redirects;
  /**
   * So many answers of wsuv_callbacks::on_unauthorized are used in a session, those to other
   * sessions included; then a refusal with status 401 ends it with `WSUV_ESTATUS`. Default 2.
   * Clients only.
   */
  unsigned max_attempts;
} wsuv_config_t;

/**
 * Fill in the defaults of a client; @p size is the caller's `sizeof`. Use
 * wsuv_client_config_init().
 */
WSUV_EXTERN void wsuv_client_config_defaults(wsuv_config_t *config, size_t size);

/** Fill in the defaults of a client. */
static inline void wsuv_client_config_init(wsuv_config_t *config) {
  wsuv_client_config_defaults(config, sizeof(*config));
}

/**
 * Fill in the defaults of a server; @p size is the caller's `sizeof`. Use
 * wsuv_server_config_init().
 */
WSUV_EXTERN void wsuv_server_config_defaults(wsuv_config_t *config, size_t size);

/** Fill in the defaults of a server. */
static inline void wsuv_server_config_init(wsuv_config_t *config) {
  wsuv_server_config_defaults(config, sizeof(*config));
}

/** @} */

#ifdef __cplusplus
}
#endif

#endif
