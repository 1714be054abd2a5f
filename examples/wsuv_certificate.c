#include "wsuv_certificate.h"

/* Reads DER (X.690) as far as needed. Nothing is taken for granted: with --insecure anybody may
   have made the certificate.

     Certificate ::= SEQUENCE { tbsCertificate SEQUENCE {
       version [0], serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo, ... }
     RFC 5280 4.1 */

#include <stdio.h>
#include <string.h>

#include "wsuv_base64.h"
#include "wsuv_sha256.h"

enum {
  TAG_OID = 0x06,
  TAG_UTC_TIME = 0x17,
  TAG_TIME = 0x18,
  TAG_SEQUENCE = 0x30,
  TAG_SET = 0x31,
  TAG_VERSION = 0xa0
};

typedef struct bytes {
  const unsigned char *data;
  size_t len;
} bytes;

static bool skip(bytes *in, size_t n) {
  if (n > in->len) return false;
  in->data += n;
  in->len -= n;
  return true;
}

/* The length of an element (X.690 8.1.3), definite and below 16 MiB. */
static bool take_length(bytes *in, size_t *n) {
  if (in->len == 0) return false;
  size_t count = *in->data;
  skip(in, 1);
  *n = count;
  if (count < 0x80) return true;
  count -= 0x80;
  if (count == 0 || count > 3 || count > in->len) return false;
  *n = 0;
  for (size_t i = 0; i < count; i++) *n = *n << 8 | in->data[i];
  return skip(in, count);
}

/* Take the next element off; its contents, and its tag. false: there is none. */
static bool take_any(bytes *in, bytes *contents, int *tag) {
  size_t n;
  if (in->len == 0) return false;
  *tag = *in->data;
  skip(in, 1);
  if (!take_length(in, &n) || n > in->len) return false;
  *contents = (bytes){in->data, n};
  return skip(in, n);
}

static bool take(bytes *in, bytes *contents, int wanted) {
  int tag;
  return take_any(in, contents, &tag) && tag == wanted;
}

/* --- names (RFC 5280 4.1.2.4) --- */

static const struct {
  const char *name;
  size_t len;
  unsigned char oid[10];
} attributes[] = {
    {"CN", 3, {0x55, 4, 3}},
    {"C", 3, {0x55, 4, 6}},
    {"L", 3, {0x55, 4, 7}},
    {"ST", 3, {0x55, 4, 8}},
    {"O", 3, {0x55, 4, 10}},
    {"OU", 3, {0x55, 4, 11}},
    {"emailAddress", 9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1}},
    {"DC", 10, {0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25}},
};

static const char *attribute_name(bytes oid) {
  for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
    if (attributes[i].len == oid.len && memcmp(attributes[i].oid, oid.data, oid.len) == 0)
      return attributes[i].name;
  }
  return "?";
}

/* What has no room is left out. A byte 0 would end the text: it becomes a question mark. */
static void append(char *text, const void *data, size_t len) {
  size_t have = strlen(text), room = CERTIFICATE_NAME_SIZE - 1 - have;
  if (len > room) len = room;
  if (len > 0) memcpy(text + have, data, len);
  for (size_t i = have; i < have + len; i++)
    if (text[i] == '\0') text[i] = '?';
  text[have + len] = '\0';
}

static bool append_attribute(char *text, bytes *set) {
  bytes pair, oid, value;
  int tag;
  if (!take(set, &pair, TAG_SEQUENCE) || !take(&pair, &oid, TAG_OID) ||
      !take_any(&pair, &value, &tag)) {
    return false;
  }
  const char *name = attribute_name(oid);
  if (*text != '\0') append(text, ", ", 2);
  append(text, name, strlen(name));
  append(text, "=", 1);
  append(text, value.data, value.len);
  return true;
}

static bool read_name(char *text, bytes name) {
  bytes set;
  *text = '\0';
  while (name.len > 0) {
    if (!take(&name, &set, TAG_SET)) return false;
    while (set.len > 0)
      if (!append_attribute(text, &set)) return false;
  }
  return true;
}

/* --- the rest --- */

/* YYMMDDHHMMSSZ up to 2049, else with four digits of the year (RFC 5280 4.1.2.5). */
static bool read_expiry(char *text, size_t size, bytes validity) {
  bytes begin, end;
  int tag;
  if (!take_any(&validity, &begin, &tag) || !take_any(&validity, &end, &tag)) return false;
  const char *t = (const char *) end.data, *century = "";
  if (tag == TAG_UTC_TIME && end.len == 13) {
    century = *t < '5' ? "20" : "19";
  } else if (tag != TAG_TIME || end.len != 15) {
    return false;
  }
  int year = (int) end.len - 11;
  snprintf(text, size, "%s%.*s-%.2s-%.2s %.2s:%.2s:%.2s UTC", century, year, t, t + year,
           t + year + 2, t + year + 4, t + year + 6, t + year + 8);
  return true;
}

/* `sha256//` and the base64 of the hash of the whole element (RFC 7469 2.4). */
static void write_pin(char *text, size_t size, bytes element) {
  unsigned char digest[SHA256_SIZE];
  char base64[BASE64_LEN(SHA256_SIZE)];
  sha256(digest, element.data, element.len);
  base64_encode(base64, digest, sizeof digest);
  snprintf(text, size, "sha256//%.*s", (int) sizeof base64, base64);
}

bool certificate_read(certificate *c, const void *data, size_t len) {
  bytes in = {data, len}, whole, tbs, skipped, issuer, validity, subject;
  int tag;
  if (!take(&in, &whole, TAG_SEQUENCE) || !take(&whole, &tbs, TAG_SEQUENCE)) return false;
  if (tbs.len > 0 && *tbs.data == TAG_VERSION && !take(&tbs, &skipped, TAG_VERSION)) return false;
  if (!take_any(&tbs, &skipped, &tag) || !take(&tbs, &skipped, TAG_SEQUENCE) ||
      !take(&tbs, &issuer, TAG_SEQUENCE) || !take(&tbs, &validity, TAG_SEQUENCE) ||
      !take(&tbs, &subject, TAG_SEQUENCE)) {
    return false;
  }
  bytes key = tbs;
  if (!take(&tbs, &skipped, TAG_SEQUENCE)) return false;
  key.len -= tbs.len;
  write_pin(c->pin, sizeof c->pin, key);
  return read_name(c->subject, subject) && read_name(c->issuer, issuer) &&
         read_expiry(c->expiry, sizeof c->expiry, validity);
}
