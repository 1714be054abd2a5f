#ifndef TEST_ANSWER_H
#define TEST_ANSWER_H

/* Answers to the opening handshake, right or wrong in any place, with the right accept where it is
   asked for. */

#include "support/raw_peer.h"

#define ANSWER_SWITCH "HTTP/1.1 101 Switching Protocols\r\n"
#define ANSWER_UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define ANSWER_ACCEPT "Sec-WebSocket-Accept: {accept}\r\n"
#define ANSWER_HEAD ANSWER_SWITCH ANSWER_UPGRADE ANSWER_ACCEPT
#define ANSWER_101 ANSWER_HEAD "\r\n"

/* The bytes of `text`, each "{accept}" in it made the value that the request asks for, which was
   taken (RFC 6455 4.2.2). */
void answer_text(bytes *out, const raw_conn *c, const char *text);

void answer_write(raw_conn *c, const char *text);

#endif
