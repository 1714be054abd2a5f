#include "net/tls/mbedtls/tls_constraints.h"

#include <stdint.h>
#include <string.h>

#include <mbedtls/asn1.h>
#include <mbedtls/oid.h>

#include "net/tls/tls_dns_name.h"

/* The extension (RFC 5280 4.2.1.10), in DER:

     NameConstraints  SEQUENCE
       [0]            the permitted subtrees, optional
         SEQUENCE     one of them
           base       a GeneralName: its tag is the kind of name
           [0]        minimum, 0 by default; no other is defined
       [1]            the excluded subtrees, optional, in the same form

   A name of a kind that has permitted subtrees must be in one of them, and no name may be in an
   excluded one. */

enum {
  KIND_EMAIL = 0x81,     /* rfc822Name [1], as a tag */
  KIND_DNS = 0x82,       /* dNSName [2] */
  KIND_DIRECTORY = 0xa4, /* directoryName [4] */
  KIND_ADDRESS = 0x87,   /* iPAddress [7] */
  PERMITTED = 0xa0,
  EXCLUDED = 0xa1,
  MINIMUM = 0x80,
  COMPARISONS_MAX = 1 << 18 /* for a chain: some milliseconds */
};

/* Bytes that are still to be read. */
typedef struct der {
  unsigned char *p;         /* The next one is here. */
  const unsigned char *end; /* They end here. */
} der;

/* One element: its tag and its content. */
typedef struct element {
  uint8_t tag; /* This is the first byte; there are no tags of several bytes here. */
  der content; /* These are the bytes of the content. */
} element;

/* The constraints of one authority. */
typedef struct constraints {
  der permitted, excluded; /* These are the elements in both lists, which may be empty. */
  bool critical;           /* The extension is critical. */
} constraints;

static bool der_left(const der *d) {
  return d->p < d->end;
}

/* false: there is none, or it is malformed. */
static bool read_element(der *d, element *e) {
  size_t len;
  if (!der_left(d)) return false;
  e->tag = *d->p++;
  if (mbedtls_asn1_get_len(&d->p, d->end, &len) != 0) return false;
  e->content = (der){d->p, d->p + len};
  d->p += len;
  return true;
}

static bool read_tagged(der *d, int tag, der *content) {
  element e;
  if (!read_element(d, &e) || e.tag != tag) return false;
  *content = e.content;
  return true;
}

/* Whether one was there, and could be read. *content is empty if not. */
static bool read_optional(der *d, int tag, der *content) {
  *content = (der){d->p, d->p};
  return !der_left(d) || *d->p != tag || read_tagged(d, tag, content);
}

static bool is_zero(const der *d) {
  for (const unsigned char *p = d->p; p < d->end; p++) {
    if (*p != 0) return false;
  }
  return true;
}

static bool read_subtree(der *list, element *base) {
  der subtree, minimum;
  return read_tagged(list, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE, &subtree) &&
         read_element(&subtree, base) && read_optional(&subtree, MINIMUM, &minimum) &&
         is_zero(&minimum) && !der_left(&subtree);
}

static bool read_lists(der value, constraints *c) {
  der lists;
  return read_tagged(&value, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE, &lists) &&
         !der_left(&value) && read_optional(&lists, PERMITTED, &c->permitted) &&
         read_optional(&lists, EXCLUDED, &c->excluded) && !der_left(&lists);
}

/* Matching */

static size_t size_of(const der *d) {
  return (size_t) (d->end - d->p);
}

/* Zero or more labels may stand before the base; one or more, if it begins with a dot. */
static bool dns_within(const der *name, const der *base) {
  size_t len = size_of(base);
  if (len == 0) return true;
  if (size_of(name) < len) return false;
  const unsigned char *tail = name->end - len;
  bool at_label = tail == name->p || *base->p == '.' || tail[-1] == '.';
  return at_label && tls_dns_name_equal(tail, base->p, len);
}

/* Whether one of the names that a wildcard stands for is the base. */
static bool wildcard_covers(const der *name, const der *base) {
  const unsigned char *dot = memchr(base->p, '.', size_of(base));
  if (size_of(name) < 2 || memcmp(name->p, "*.", 2) != 0) return false;
  if (dot == NULL || dot == base->p) return false;
  size_t len = (size_t) (base->end - dot);
  return size_of(name) - 1 == len && tls_dns_name_equal(name->p + 1, dot, len);
}

/* The base is an address and a mask. */
static bool address_within(const der *address, const der *base) {
  size_t len = size_of(address);
  const unsigned char *mask = base->p + len;
  if (size_of(base) != 2 * len) return false;
  for (size_t i = 0; i < len; i++) {
    if (((address->p[i] ^ base->p[i]) & mask[i]) != 0) return false;
  }
  return true;
}

static bool is_within(const element *name, const element *base, bool excluded) {
  if (name->tag == KIND_ADDRESS) return address_within(&name->content, &base->content);
  return dns_within(&name->content, &base->content) ||
         (excluded && wildcard_covers(&name->content, &base->content));
}

/* Checking */

static bool has_name_of_kind(const mbedtls_x509_crt *cert, uint8_t kind) {
  for (const mbedtls_x509_sequence *san = &cert->subject_alt_names; san != NULL; san = san->next) {
    if (san->buf.p != NULL && san->buf.tag == kind) return true;
  }
  return false;
}

/* Kinds that are not checked are fine if that is allowed, or if the certificate has no such name.
   Two kinds may be in the subject, too. */
static bool kind_is_fine(const element *base, bool critical, const mbedtls_x509_crt *cert) {
  size_t len = size_of(&base->content);
  switch (base->tag) {
  case KIND_DNS: return true;
  case KIND_ADDRESS: return len == 2 * 4 || len == 2 * 16;
  case KIND_EMAIL:
  case KIND_DIRECTORY: return !critical;
  default: return !critical || !has_name_of_kind(cert, base->tag);
  }
}

static bool list_is_fine(der list, bool critical, const mbedtls_x509_crt *cert) {
  element base;
  while (der_left(&list)) {
    if (!read_subtree(&list, &base) || !kind_is_fine(&base, critical, cert)) return false;
  }
  return true;
}

/* Whether a name is in one subtree of a list. *constrained: there is one for this kind of name.
   list_is_fine has found all of them well formed. */
static bool in_list(der list, const element *name, bool excluded, bool *constrained,
                    size_t *comparisons) {
  element base;
  *constrained = false;
  while (der_left(&list) && read_subtree(&list, &base)) {
    ++*comparisons;
    if (base.tag != name->tag) continue;
    *constrained = true;
    if (is_within(name, &base, excluded)) return true;
  }
  return false;
}

static bool name_is_fine(const constraints *c, const element *name, size_t *comparisons) {
  bool constrained;
  if (in_list(c->excluded, name, true, &constrained, comparisons)) return false;
  return in_list(c->permitted, name, false, &constrained, comparisons) || !constrained;
}

static bool names_are_fine(const constraints *c, const mbedtls_x509_crt *cert,
                           size_t *comparisons) {
  for (const mbedtls_x509_sequence *san = &cert->subject_alt_names; san != NULL; san = san->next) {
    if (san->buf.p == NULL) continue; /* there are no names at all */
    const element name = {(uint8_t) san->buf.tag, {san->buf.p, san->buf.p + san->buf.len}};
    bool checked = name.tag == KIND_DNS || name.tag == KIND_ADDRESS;
    if (checked && !name_is_fine(c, &name, comparisons)) return false;
    if (*comparisons > COMPARISONS_MAX) return false;
  }
  return true;
}

static bool permits(const constraints *c, const mbedtls_x509_crt *cert, size_t *comparisons) {
  return list_is_fine(c->permitted, c->critical, cert) &&
         list_is_fine(c->excluded, c->critical, cert) && names_are_fine(c, cert, comparisons);
}

/* Extensions */

bool tls_constraints_is(const mbedtls_x509_buf *oid) {
  return MBEDTLS_OID_CMP(MBEDTLS_OID_NAME_CONSTRAINTS, oid) == 0;
}

/* Read the next extension: SEQUENCE of OID, BOOLEAN `critical`, OCTET STRING with the value.
   mbedTLS has found all of them well formed. */
static bool read_extension(der *list, mbedtls_x509_buf *oid, bool *critical, der *value) {
  der extension, id, flag;
  bool good = read_tagged(list, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE, &extension) &&
              read_tagged(&extension, MBEDTLS_ASN1_OID, &id) &&
              read_optional(&extension, MBEDTLS_ASN1_BOOLEAN, &flag) &&
              read_tagged(&extension, MBEDTLS_ASN1_OCTET_STRING, value);
  if (!good) return false;
  *oid = (mbedtls_x509_buf){.tag = MBEDTLS_ASN1_OID, .len = size_of(&id), .p = id.p};
  *critical = !is_zero(&flag);
  return true;
}

/* The extensions of a certificate; empty if it has none. */
static der extensions_of(const mbedtls_x509_crt *cert) {
  const mbedtls_x509_buf *v3 = &cert->v3_ext;
  der all = {v3->p, v3->p != NULL ? v3->p + v3->len : NULL}, list = {NULL, NULL};
  (void) read_tagged(&all, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE, &list);
  return list;
}

static bool has_constraints(const mbedtls_x509_crt *cert) {
  der list = extensions_of(cert), value;
  mbedtls_x509_buf oid;
  bool critical, found = false;
  while (!found && read_extension(&list, &oid, &critical, &value)) found = tls_constraints_is(&oid);
  return found;
}

/* All of them must permit the certificate, should there be several. */
static bool authority_permits(const mbedtls_x509_crt *authority, const mbedtls_x509_crt *cert,
                              size_t *comparisons) {
  der list = extensions_of(authority), value;
  mbedtls_x509_buf oid;
  constraints c;
  while (read_extension(&list, &oid, &c.critical, &value)) {
    if (!tls_constraints_is(&oid)) continue;
    if (!read_lists(value, &c) || !permits(&c, cert, comparisons)) return false;
  }
  return true;
}

static bool same_names(const mbedtls_x509_crt *cert) {
  return cert->subject_raw.len == cert->issuer_raw.len &&
         memcmp(cert->subject_raw.p, cert->issuer_raw.p, cert->subject_raw.len) == 0;
}

/* An authority that has issued itself a new certificate is not constrained (RFC 5280 6.1.3). */
static bool all_permit(tls_constraints *above, const mbedtls_x509_crt *cert, int depth) {
  if (depth > 0 && same_names(cert)) return true;
  for (size_t i = 0; i < above->count; i++) {
    if (!authority_permits(above->authorities[i], cert, &above->comparisons)) return false;
  }
  return true;
}

bool tls_constraints_check(tls_constraints *above, const mbedtls_x509_crt *cert, int depth) {
  bool good = all_permit(above, cert, depth);
  if (depth == 0) {
    *above = (tls_constraints){.count = 0};
  } else if (has_constraints(cert)) {
    if (above->count == TLS_CHAIN_MAX) return false;
    above->authorities[above->count++] = cert;
  }
  return good;
}
