#ifndef WS_NET_TLS_TLS_ALERT_H
#define WS_NET_TLS_TLS_ALERT_H

/* "handshake failure" for 40 (RFC 8446 6.2). */
const char *tls_alert_name(int description);

#endif
