/* Values as JSON, by a converter on cJSON: sends a reading to a URL that echoes, and prints the
   reading that comes back. */

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <uv.h>
#include <wsuv.h>

typedef struct reading {
  char station[32];
  double celsius;
  bool valid;
} reading;

/* The converter. It knows one type of values only, so `type` is not looked at. */

static bool add_fields(cJSON *json, const reading *r) {
  return cJSON_AddStringToObject(json, "station", r->station) != NULL &&
         cJSON_AddNumberToObject(json, "celsius", r->celsius) != NULL &&
         cJSON_AddBoolToObject(json, "valid", r->valid) != NULL;
}

static int serialize(void *arg, const void *value, const void *type, wsuv_frame_t *frame) {
  (void) arg;
  (void) type;
  cJSON *json = cJSON_CreateObject();
  char *text = add_fields(json, value) ? cJSON_PrintUnformatted(json) : NULL;
  cJSON_Delete(json);
  if (text == NULL) return -1;
  wsuv_frame_init(frame, WSUV_FRAME_TEXT, text, strlen(text));
  return 0;
}

static void release(void *arg, wsuv_frame_t *frame) {
  (void) arg;
  cJSON_free((void *) (uintptr_t) frame->data);
}

static bool is_applicable(void *arg, const wsuv_frame_t *frame) {
  (void) arg;
  return frame->type == WSUV_FRAME_TEXT;
}

static bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The payload is not terminated. Nothing may stand behind the JSON but white space, such as the end
   of a line that many programs write there (RFC 8259 2). */
static cJSON *parse(const char *data, size_t len) {
  const char *end = NULL;
  cJSON *json = cJSON_ParseWithLengthOpts(data, len, &end, false);
  while (json != NULL && end < data + len && is_space(*end)) end++;
  if (json == NULL || end == data + len) return json;
  cJSON_Delete(json);
  return NULL;
}

/* What comes from outside may be anything: each field is there and has its type, or it is none. */
static bool take_fields(const cJSON *json, reading *r) {
  const cJSON *station = cJSON_GetObjectItemCaseSensitive(json, "station");
  const cJSON *celsius = cJSON_GetObjectItemCaseSensitive(json, "celsius");
  const cJSON *valid = cJSON_GetObjectItemCaseSensitive(json, "valid");
  if (!cJSON_IsString(station) || !cJSON_IsNumber(celsius) || !cJSON_IsBool(valid)) return false;
  size_t size = strlen(station->valuestring) + 1;
  if (size > sizeof r->station) return false;
  memcpy(r->station, station->valuestring, size);
  r->celsius = celsius->valuedouble;
  r->valid = cJSON_IsTrue(valid);
  return true;
}

static int deserialize(void *arg, const wsuv_frame_t *frame, const void *type, void *value) {
  (void) arg;
  (void) type;
  cJSON *json = parse(frame->data, frame->len);
  bool taken = take_fields(json, value);
  cJSON_Delete(json);
  return taken ? 0 : -1;
}

/* The program */

static void on_open(wsuv_session_t *s) {
  const reading r = {.station = "north", .celsius = 21.5, .valid = true};
  int err = wsuv_send_serialized(s, &r, NULL, NULL, NULL);
  if (err == 0) return;
  fprintf(stderr, "sending: %s\n", wsuv_strerror(err));
  wsuv_session_close(s, WSUV_CLOSE_INTERNAL_ERROR, NULL);
}

static void on_message(wsuv_session_t *s, const wsuv_message_t *m) {
  bool *received = wsuv_session_data(s);
  reading r;
  if (wsuv_session_stage(s) != WSUV_STAGE_OPEN) return; /* what comes behind the first */
  int err = wsuv_message_deserialize(s, m, NULL, &r);
  if (err < 0) {
    fprintf(stderr, "receiving: %s\n", wsuv_strerror(err));
    wsuv_session_close(s, WSUV_CLOSE_UNSUPPORTED_DATA, "not a reading");
    return;
  }
  printf("%s: %.1f degrees, %s\n", r.station, r.celsius, r.valid ? "valid" : "not valid");
  *received = true;
  wsuv_session_close(s, WSUV_CLOSE_NORMAL, NULL);
}

static void on_close(wsuv_session_t *s, const wsuv_close_info_t *info) {
  if (info->status < 0)
    fprintf(stderr, "%s: %s\n", wsuv_stage_name(info->stage), wsuv_strerror(info->status));
  wsuv_client_close(wsuv_session_client(s), NULL);
}

static int make_client(wsuv_client_t **client, uv_loop_t *loop) {
  wsuv_config_t config;
  wsuv_converter_t converter;
  wsuv_converter_init(&converter);
  converter.serialize = serialize;
  converter.release = release;
  converter.is_applicable = is_applicable;
  converter.deserialize = deserialize;
  wsuv_client_config_init(&config);
  config.converter = &converter;
  return wsuv_client_new(client, loop, &config);
}

int main(int argc, char **argv) {
  const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_open,
                                      .on_message = on_message, .on_close = on_close};
  uv_loop_t *loop = uv_default_loop();
  wsuv_client_t *client = NULL;
  bool received = false;
  if (argc != 2) return fprintf(stderr, "usage: %s URL\n", argv[0]), 1;
  signal(SIGPIPE, SIG_IGN);
  int err = make_client(&client, loop);
  if (err == 0) err = wsuv_connect_url(client, argv[1], &callbacks, &received, NULL);
  if (err < 0) {
    fprintf(stderr, "%s\n", wsuv_strerror(err));
    wsuv_client_close(client, NULL);
  }
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) != 0 || !received;
}
