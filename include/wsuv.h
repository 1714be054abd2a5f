#ifndef WSUV_H
#define WSUV_H

/**
 * @file wsuv.h
 * @brief WebSocket sessions (RFC 6455) for programs that run a libuv loop: the whole API.
 *
 * A **client** holds the configuration that its sessions share, a **server** accepts connections,
 * and a **session** is one connection of either. Messages and events come in through callbacks on
 * the loop's thread; nothing blocks. See wsuv/client.h, wsuv/server.h and wsuv/session.h.
 */

#include <wsuv/access_line.h>
#include <wsuv/adopt.h>
#include <wsuv/client.h>
#include <wsuv/config.h>
#include <wsuv/converter.h>
#include <wsuv/deflate.h>
#include <wsuv/end.h>
#include <wsuv/error.h>
#include <wsuv/exchange.h>
#include <wsuv/export.h>
#include <wsuv/extension.h>
#include <wsuv/frame.h>
#include <wsuv/hooks.h>
#include <wsuv/http_request.h>
#include <wsuv/prepared.h>
#include <wsuv/refusal.h>
#include <wsuv/server.h>
#include <wsuv/session.h>
#include <wsuv/stage.h>
#include <wsuv/stats.h>
#include <wsuv/tls.h>
#include <wsuv/transport.h>
#include <wsuv/version.h>

#endif
