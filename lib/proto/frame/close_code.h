#ifndef WS_PROTO_FRAME_CLOSE_CODE_H
#define WS_PROTO_FRAME_CLOSE_CODE_H

/* Close codes and the payload of close frames (RFC 6455 5.5.1, 7.4). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/frame.h>

/* May stand in a close frame: 1000-1003, 1007-1014, 3000-4999. */
bool close_code_valid(unsigned code);

/* The one place that says which code an error of ours is told the peer by: 1002 for
   WSUV_EPROTOCOL, 1007 WSUV_EUTF8 and WSUV_EDEFLATE, 1009 WSUV_ETOOBIG, 1008 WSUV_EFRAGMENTS and
   WSUV_EQUEUEFULL, 1011 WSUV_EPINGTIMEOUT and whatever is our own fault, 1001 WSUV_EIDLE and
   WS_ECANCELED. */
uint16_t close_code_for_error(int err);

/* Read the payload of a close frame. 0, with *code WSUV_CLOSE_NO_STATUS if it is empty;
   WSUV_EPROTOCOL: one byte, or an illegal code; WSUV_EUTF8: the reason. *why says which. */
int close_payload_read(const uint8_t *p, size_t n, uint16_t *code, const char **why);

/* Write it: n = 0 for code WSUV_CLOSE_NO_STATUS, else 2 + reason_len. Returns n.
   reason_len <= WSUV_CLOSE_REASON_MAX. */
size_t close_payload_write(uint8_t p[WSUV_CONTROL_MAX], uint16_t code, const char *reason,
                           size_t reason_len);

#endif
