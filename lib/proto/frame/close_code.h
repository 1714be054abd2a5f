#ifndef WS_PROTO_FRAME_CLOSE_CODE_H
#define WS_PROTO_FRAME_CLOSE_CODE_H

/* Close codes and the payload of close frames (RFC 6455 5.5.1, 7.4). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/frame.h>

/* Whether a code may be in a close frame: 1000-1003, 1007-1014, 3000-4999. */
bool close_code_valid(unsigned code);

/* Whether a close frame may have this code and this reason, which is terminated or NULL. 0, with
   the length of the reason in *len; WSUV_ECLOSECODE; WSUV_ECONTROL: too long; WSUV_EUTF8. */
int close_code_check(unsigned code, const char *reason, size_t *len);

/* The close code that is sent to the peer for an error: 1002 for WSUV_EPROTOCOL; 1007 for
   WSUV_EUTF8 and WSUV_EDEFLATE; 1009 for WSUV_ETOOBIG; 1008 for WSUV_EFRAGMENTS and
   WSUV_EQUEUEFULL; 1011 for WSUV_EPINGTIMEOUT and for all errors on our side; 1001 for WSUV_EIDLE
   and WS_ECANCELED. */
uint16_t close_code_for_error(int err);

/* Read the payload of a close frame. 0, with *code WSUV_CLOSE_NO_STATUS if it is empty;
   WSUV_EPROTOCOL: it has one byte, or a code that may not be sent; WSUV_EUTF8: the reason is not
   UTF-8. *why says which. */
int close_payload_read(const uint8_t *p, size_t n, uint16_t *code, const char **why);

/* Write the payload of a close frame: n = 0 bytes for code WSUV_CLOSE_NO_STATUS, otherwise 2 +
   reason_len. Returns n. reason_len <= WSUV_CLOSE_REASON_MAX. */
size_t close_payload_write(uint8_t p[WSUV_CONTROL_MAX], uint16_t code, const char *reason,
                           size_t reason_len);

#endif
