#include "support/extension_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testkit/check.h"

int extension_field(header_store *fields, const char *value) {
  static const char name[] = "Sec-WebSocket-Extensions";
  int err = header_store_add(fields, name, strlen(name));
  if (err == 0) err = header_store_end_name(fields);
  if (err == 0) err = header_store_add(fields, value, strlen(value));
  return err == 0 ? header_store_end_value(fields) : err;
}

int extension_judge_offer(extension_set **out, extension_list *list, const header_store *fields,
                          const char **why) {
  extension_header offer;
  int err = extension_header_parse(&offer, fields->text.none.alloc, fields, why);
  *out = NULL;
  if (err == 0) err = extension_set_answer(out, list, &offer);
  extension_header_clear(&offer);
  return err;
}

void extension_pair_open(extension_pair *p) {
  memset(p, 0, sizeof *p);
  track_alloc_init(&p->alloc);
  extension_scratch_init(&p->scratch, &p->alloc.handle);
  block_spare_init(&p->spare, &p->alloc.handle);
  p->why = "";
}

static int write_offer(extension_pair *p, unsigned *offered) {
  text_buf text;
  text_buf_init(&text, &p->alloc.handle);
  int err = extension_list_offer(p->client.list, &text, offered);
  if (err == 0)
    snprintf(p->offer, sizeof p->offer, "%.*s", (int) text_buf_len(&text), text_buf_base(&text));
  text_buf_clear(&text);
  return err;
}

static int judge_offer(extension_pair *p, const char *offer) {
  header_store fields;
  header_store_init(&fields, &p->alloc.handle);
  int err = *offer == '\0' ? 0 : extension_field(&fields, offer);
  if (err == 0) err = extension_judge_offer(&p->server.set, p->server.list, &fields, &p->why);
  header_store_clear(&fields);
  if (err == 0) snprintf(p->answer, sizeof p->answer, "%s", extension_set_text(p->server.set));
  return err;
}

static int judge_answer(extension_pair *p, unsigned offered, const char *answer) {
  header_store fields;
  header_store_init(&fields, &p->alloc.handle);
  int err = *answer == '\0' ? 0 : extension_field(&fields, answer);
  if (err == 0) {
    err = extension_set_accept(&p->client.set, p->client.list, offered, &fields, &p->why);
  }
  header_store_clear(&fields);
  return err;
}

int extension_pair_accept(extension_pair *p, const wsuv_extension_t *const *client,
                          size_t client_count, const char *answer) {
  unsigned offered = 0;
  int err = extension_list_new(&p->client.list, &p->alloc.handle, client, client_count);
  if (err == 0) err = write_offer(p, &offered);
  return err == 0 ? judge_answer(p, offered, answer) : err;
}

int extension_pair_answer(extension_pair *p, const wsuv_extension_t *const *server,
                          size_t server_count, const char *offer) {
  int err = extension_list_new(&p->server.list, &p->alloc.handle, server, server_count);
  return err == 0 ? judge_offer(p, offer) : err;
}

int extension_pair_negotiate(extension_pair *p, const wsuv_extension_t *const *client,
                             size_t client_count, const wsuv_extension_t *const *server,
                             size_t server_count) {
  unsigned offered = 0;
  int err = extension_list_new(&p->client.list, &p->alloc.handle, client, client_count);
  if (err == 0) err = write_offer(p, &offered);
  if (err == 0) err = extension_pair_answer(p, server, server_count, p->offer);
  return err == 0 ? judge_answer(p, offered, p->answer) : err;
}

void extension_pair_close(extension_pair *p) {
  extension_set_free(p->client.set);
  extension_set_free(p->server.set);
  extension_list_unref(p->client.list);
  extension_list_unref(p->server.list);
  extension_scratch_free(&p->scratch);
  block_spare_free(&p->spare);
  bytes_free(&p->sent.wire);
  bytes_free(&p->out);
  CHECK(p->alloc.live == 0);
}

static int send_frame(extension_pair *p, extension_end *from, extension_send *send) {
  sent_message *sent = &p->sent;
  int err = extension_set_outgoing(from->set, &p->scratch, send);
  sent->taken = send->taken;
  if (err < 0) {
    p->why = send->why;
  } else {
    if (send->chunk.first) sent->rsv = send->rsv;
    CHECK(send->chunk.first || send->rsv == 0);
    bytes_add(&sent->wire, send->chunk.data, send->chunk.len);
    CHECK(sent->frames < sizeof sent->ends / sizeof *sent->ends);
    sent->ends[sent->frames++] = sent->wire.len;
  }
  extension_scratch_release(&p->scratch);
  return err;
}

int extension_pair_send(extension_pair *p, extension_end *from, wsuv_frame_type_t type,
                        const void *data, const size_t *lengths, size_t count) {
  const uint8_t *at = data;
  sent_message *sent = &p->sent;
  sent->wire.len = sent->frames = 0;
  for (size_t i = 0; i < count; i++) {
    extension_send send = {.type = type, .plain = sent->plain};
    uint8_t *exact = bytes_exact(at, lengths[i]);
    send.chunk = (wsuv_extension_chunk_t){exact, lengths[i], i == 0, i + 1 == count};
    int err = send_frame(p, from, &send);
    free(exact);
    if (err < 0) return err;
    at += lengths[i];
  }
  return 0;
}

static int receive_chunk(extension_pair *p, extension_end *to, wsuv_frame_type_t type, uint8_t rsv,
                         const wsuv_extension_chunk_t *chunk, size_t most, block *into) {
  block_sink sink;
  size_t before = into->len;
  block_sink_begin(&sink, into, &p->spare, most);
  int r = extension_set_incoming(to->set, &p->scratch, type, rsv, chunk, &sink.sink, &p->why);
  block_sink_end(&sink);
  CHECK(into->len <= most);
  if (r != WSUV_EXTENSION_PASS) return r;
  CHECK(into->len == before && extension_set_in_idle(to->set));
  block_sink_begin(&sink, into, &p->spare, most);
  r = wsuv_sink_write(&sink.sink, chunk->data, chunk->len);
  block_sink_end(&sink);
  return r;
}

int extension_pair_receive(extension_pair *p, extension_end *to, wsuv_frame_type_t type,
                           size_t piece, size_t most) {
  const sent_message *sent = &p->sent;
  block into = {0};
  size_t at = 0, len = sent->wire.len;
  int r;
  do {
    size_t n = len - at < piece ? len - at : piece;
    uint8_t *exact = bytes_exact(sent->wire.base + at, n);
    wsuv_extension_chunk_t chunk = {exact, n, at == 0, at + n == len};
    r = receive_chunk(p, to, type, sent->rsv, &chunk, most, &into);
    free(exact);
    at += n;
  } while (r == 0 && at < len);
  p->out.len = 0;
  if (r == 0) bytes_add(&p->out, into.base, into.len);
  block_release(&into, &p->spare);
  return r == 0 ? 1 : r;
}
