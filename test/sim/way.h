#ifndef TEST_SIM_WAY_H
#define TEST_SIM_WAY_H

/* The way of a conversation to the server: through proxies, and from one origin to the next by
   redirects and refusals with status 401. All of them are played here, and each notes what it has
   done, so that oracles can tell how the session may end.

   Two origins, A and B, are shared by all conversations of a run; each proxy serves one
   conversation. All credentials begin with the same letters, with an owner of three characters
   behind them, so that they are found in what a peer gets:

     P0. P1.      of a proxy
     CA. CB. CS.  given with the request, whose first origin is A, B, or the server
     TA. TB.      given by the program in answer to an origin
     KA. KB.      a cookie that an origin has set */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv.h>

#include "support/raw_peer.h"

enum { WAY_PROXIES = 2, WAY_STATIONS = 5, WAY_ORIGINS = 2, WAY_URL = 128, WAY_IDENTITY = 80 };

struct run;
struct talk;

typedef enum via_kind {
  VIA_HTTP,
  VIA_SOCKS4,
  VIA_SOCKS4A,
  VIA_SOCKS5,
  VIA_SOCKS5H,
  VIA_HTTPS, /* in secure runs only */
  VIA_KINDS
} via_kind;

/* What a peer does wrong, once in a conversation. */
typedef enum way_fault {
  WAY_NO_FAULT,
  WAY_REFUSES, /* the tunnel, or the upgrade */
  WAY_DENIES,  /* the credentials, as a proxy */
  WAY_ENDS,    /* the connection, behind some bytes */
  WAY_RESETS,  /* the same */
  WAY_SILENT,  /* behind some bytes */
  WAY_FAULTS
} way_fault;

/* What was done that can end the session before it opens; bits. */
enum {
  FACT_PROXY_REFUSED = 1,
  FACT_PROXY_DENIED = 2,
  FACT_PROXY_ENDED = 4,
  FACT_PROXY_RESET = 8,
  FACT_PROXY_SILENT = 16,
  FACTS_OF_PROXIES = 31,
  FACT_REFUSED = 32, /* with a status, by an origin */
  FACT_ENDED = 64,
  FACT_RESET = 128,
  FACT_SILENT = 256,
  FACT_REDIRECT = 512, /* one that is not followed */
  FACT_ASKED = 1024    /* the program is asked, and it may have no answer */
};

typedef enum station_need { NEED_NOTHING, NEED_LOGIN, NEED_TOKEN } station_need;

/* A request on the way. */
typedef struct station {
  size_t origin;
  size_t epoch; /* So many times the session has gone to another origin by now. */
  station_need need;
  bool passes; /* The origin leads it to the server. */
  bool misled; /* The redirect from here is one that is not followed. */
} station;

typedef struct way_proxy {
  struct talk *of;
  size_t number;
  raw_peer *peer;
  via_kind kind;
  bool login;     /* The URL has a user name and a password, */
  bool demands;   /* and the proxy wants them. */
  bool leaves;    /* Behind a challenge it closes the connection. */
  unsigned asked; /* So many challenges it has sent. */
} way_proxy;

typedef struct way {
  way_proxy proxies[WAY_PROXIES];
  size_t proxy_count;
  station stations[WAY_STATIONS]; /* then the server, unless the last of them passes */
  size_t station_count;
  bool login, cookies; /* The request has them. */
  bool asks;           /* There is an on_unauthorized. */
  size_t piece;        /* Answers go out in pieces of so many bytes; 0: whole. */
  bool glues;          /* The last proxy sends what comes next together with its answer. */
  way_fault fault;
  size_t fault_place; /* At this proxy, or behind them, this station. */
  size_t fault_at;    /* Behind so many bytes. */
  size_t at;          /* The station whose request comes next. */
  unsigned facts;
  unsigned redirects;          /* that were sent to it */
  unsigned refusals;           /* with status 401, about which the program is asked */
  unsigned refused_in;         /* A bit for each epoch in which that was. */
  size_t asked;                /* The program was asked so many times. */
  bool owes;                   /* It has not answered yet, */
  bool forgets;                /* and never will. */
  char identity[WAY_IDENTITY]; /* What was refused last, and where. */
  uint64_t begun_ns;           /* wsuv_connect() was called then, */
  uint64_t suspended_ms;       /* and this was run.suspended_ms. */
} way;

typedef struct way_origin {
  struct run *of;
  size_t number;
  raw_peer *peer; /* NULL: no conversation has needed it yet. */
  unsigned token; /* Tokens with this number, and later ones, are accepted. */
} way_origin;

/* A connection to a proxy or an origin, and the one that it leads to. */
typedef struct way_pipe {
  struct way_pipe *next;
  struct run *of;
  struct talk *talk; /* NULL: not known yet */
  way_proxy *proxy;  /* NULL: it is an origin's */
  way_origin *origin;
  raw_conn *conn;
  wire *behind;
  bytes out;    /* What is still to be said to the client. */
  size_t said;  /* So many bytes were; */
  size_t begin; /* with these began what belongs to the one behind; SIZE_MAX: it has not. */
  size_t piece;
  way_fault fault;
  size_t fault_at;
  bool open;   /* Bytes go both ways. */
  bool glued;  /* The answer of an origin was sent, and nothing is behind. */
  bool mute;   /* Nothing is answered any more. */
  bool leaves; /* It ends when all is said. */
  bool conn_ended, behind_ended;
  size_t station; /* With `glued`, the one whose answer was sent. */
  unsigned step;  /* of SOCKS 5 */
  world_timer *timer;
} way_pipe;

/* What a request points to. */
typedef struct way_texts {
  char user[32], password[32], cookies[64], proxy[WAY_PROXIES * WAY_URL];
} way_texts;

/* way.c */
void way_draw(struct talk *t);
void way_request(const struct talk *t, wsuv_request_t *request, way_texts *texts);
void way_callbacks(const struct talk *t, wsuv_callbacks_t *callbacks);
bool way_may_fail(const struct talk *t); /* for what was done on the way */
/* The credentials that may come to a station, or to the server, such as "CA.KA.". */
void way_allowed(const struct talk *t, size_t station, char allowed[16]);
void way_allowed_at_server(const struct talk *t, char allowed[16]);
void ways_answer(struct run *r); /* the questions that the program has been asked */
void way_seen_question(struct talk *t, const wsuv_unauthorized_t *refusal);
void ways_end(struct run *r);

/* way_pipes.c */
way_pipe *way_pipe_new(struct run *r, raw_conn *conn);
void way_pipe_say(way_pipe *p, const void *data, size_t len); /* to the client */
void way_pipe_lead(way_pipe *p, uint16_t port);               /* a connection behind it */
void way_pipe_bytes(way_pipe *p);                             /* of the client, behind */
void way_pipe_end(raw_conn *c);                               /* the client's end has come */
void way_pipes_free(struct run *r);

/* way_proxies.c */
void way_proxy_begin(way_proxy *x, struct talk *t, size_t number);
void way_proxy_url(const way_proxy *x, char url[WAY_URL]);

/* way_origins.c */
void way_url(const struct talk *t, char url[WAY_URL]);
void way_origin_begin(way_origin *o, struct run *r, size_t number);
uint16_t way_origin_port(const struct run *r, size_t origin);
void way_response(struct talk *t, bytes *out); /* of the next station, before it is asked */
bool way_response_is_fixed(const struct talk *t, uint16_t port);

/* way_secrets.c: `owner` has three characters. */
void way_secret(char *out, size_t size, const char *owner, const char *rest);
void way_secret_login(char *out, size_t size, const char *owner); /* in base64, for Basic */
/* The owner of a secret in the text that is not among those who may be there. */
bool way_secret_astray(const void *text, size_t len, const char *allowed, char owner[4]);

#endif
