#ifndef TEST_FRAMES_H
#define TEST_FRAMES_H

/* Frames for tests: built, read and written down as text (RFC 6455 5.2), by code that shares
   nothing with the library. A frame can be wrong in any way. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that grow. A NUL that is not counted stands behind them. Zeroed is empty. */
typedef struct bytes {
  uint8_t *base;
  size_t len, cap;
} bytes;

void bytes_add(bytes *b, const void *p, size_t n);
void bytes_print(bytes *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *bytes_text(const bytes *b);
void bytes_free(bytes *b);

/* Bytes that are freed when the block ends. */
#define SCOPED_BYTES __attribute__((cleanup(bytes_free))) bytes

/* A copy in a block of exactly that size, for AddressSanitizer; free() it. */
uint8_t *bytes_exact(const uint8_t *p, size_t n);

/* Numbers from a seed. */
uint64_t seeded(uint64_t *seed);
size_t seeded_below(uint64_t *seed, size_t bound);    /* 0 ... bound - 1 */
void bytes_noise(bytes *b, uint64_t *seed, size_t n); /* so many bytes are added */

typedef enum length_form { LENGTH_SHORTEST, LENGTH_7, LENGTH_16, LENGTH_64 } length_form;

typedef struct frame_spec {
  uint8_t opcode;
  uint8_t rsv; /* 4: RSV1, 2: RSV2, 1: RSV3 */
  bool fin;
  bool masked;
  uint8_t key[4];
  length_form form;
} frame_spec;

void frames_header(bytes *out, const frame_spec *spec, uint64_t length);
void frames_build(bytes *out, const frame_spec *spec, const void *payload, size_t len);

typedef struct seen_frame {
  frame_spec spec;
  uint64_t length;
  size_t header_size;
  uint8_t *payload;
} seen_frame;

/* Read the frame at p and unmask it in place. The bytes it takes; 0: it is not complete. */
size_t frames_parse(seen_frame *seen, uint8_t *p, size_t n);

/* Frames from a script, separated by ';':

       TEXT- "abc" ; CONT{4} ceba ; PING:16^ fe*126 ; CLOSE #1000 "bye" ; OP3 ; BIN "0123"~70000

   TEXT BIN CONT CLOSE PING PONG OPn; then - (no FIN), {n} (RSV bits), :7 :16 :64 (form of the
   length), ^ (masked where it should not be, or the other way about); then the payload: "text",
   hex, #code in two bytes, the last piece repeated *N times or repeated and cut ~N bytes. A '/' is
   a pause, which is passed over. */
void frames_script(bytes *out, const char *script, bool masked);
bytes frames_of(const char *script, bool masked);

/* One line for a frame: name, marks, length, payload (long ones shortened, with a hash). */
void frames_render(bytes *text, uint8_t opcode, bool fin, uint8_t rsv, const uint8_t *payload,
                   size_t len);

/* A line for each frame in the stream, which is unmasked in place; "PARTIAL" for what is left. Of
   close frames only the code, not the reason, if `codes_only`. Every frame must be masked as said,
   or the line says so. */
void frames_render_stream(bytes *text, uint8_t *p, size_t n, bool masked, bool codes_only);

#endif
