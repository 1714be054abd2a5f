#ifndef WS_BASE_ROLE_H
#define WS_BASE_ROLE_H

/* The two roles of an endpoint (RFC 6455 1.3). */

typedef enum ws_role { WS_CLIENT, WS_SERVER } ws_role;

#endif
