/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share. Nobody else includes it. */
#ifndef NX_SERVER_HTTP_PRIVATE_H
#define NX_SERVER_HTTP_PRIVATE_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "server/http/connection.h"
#include "server/http/http.h"
#include "server/http/listener.h"
#include "server/http/request.h"
#include "server/http/router.h"
#include "server/http/tls.h"
#include "server/http/urlencoded.h"
#include "server/http/workers.h"

/* The largest request line and headers that are taken. */
#define NX_HEAD_LIMIT 4096
/* The largest body that is taken, and what all bodies under way may hold together. */
#define NX_BODY_LIMIT ((size_t)1024 * 1024)
#define NX_BODIES_LIMIT (64 * NX_BODY_LIMIT)
#define NX_REQUEST_ID_TEXT 65
#define NX_REPLY_HEADER_LIMIT 8

enum nx_http_phase {
	NX_HTTP_SERVING = 0,
	NX_HTTP_DRAINING = 1, /* finish what is under way */
	NX_HTTP_STOPPING = 2, /* nobody answers any more */
};

struct nx_http {
	struct nx_server *server;
	struct MHD_Daemon *daemon;
	struct nx_router *router;
	struct nx_workers *workers, *slow;
	struct nx_tls *tls;
	struct nx_listeners listeners;
	struct nx_connections connections;
	size_t bodies; /* bytes of bodies under way; HTTP thread */

	pthread_t thread;
	bool running;
	int epoll, event, daemon_epoll;
	atomic_bool signalled;				 /* `event` has been written and not been read */
	_Atomic(struct nx_request *) answered;		 /* to be resumed; linked by `next_answered` */
	_Atomic(struct nx_stream *) woken;		 /* likewise by `next_woken` */
	LIST_HEAD(nx_stream_list, nx_stream) streams;	 /* HTTP thread */
	LIST_HEAD(nx_request_list, nx_request) requests; /* HTTP thread */
	atomic_int phase;
	atomic_bool turned; /* a turn was made since nx_http_alive() */
	atomic_uint_fast64_t next_id;
	uint32_t id_seed;
	pthread_mutex_t drain_lock;
	pthread_cond_t drained;
};

/* loop.c: the HTTP thread. */
void *nx_http_loop(void *http);
/* Any thread: have the loop look at its lists and at the phase. */
void nx_http_wake(struct nx_http *http);

/* --- requests ------------------------------------------------------------------- */

struct nx_block { /* of the memory that lives as long as the request */
	struct nx_block *next;
	max_align_t data[];
};

struct nx_reply {
	unsigned status;
	const char *type; /* a constant, or NULL: no body */
	char *body;	  /* malloc()ed */
	size_t length;
	bool close; /* and say no more on this connection */
	struct {
		const char *name; /* a constant */
		char *value;
	} header[NX_REPLY_HEADER_LIMIT];
	size_t header_count;
	struct nx_stream *stream; /* instead of a body */
};

enum nx_request_phase {
	NX_REQUEST_HEAD = 0, /* the headers have not been judged */
	NX_REQUEST_BODY,     /* the body is coming in */
	NX_REQUEST_DISCARD,  /* too large: read to its end, then 413 */
	NX_REQUEST_HANDLED,  /* somebody is at it */
};

struct nx_request {
	struct nx_job job;
	struct nx_http *http;
	struct MHD_Connection *mhd;
	struct nx_connection *connection;
	enum nx_request_phase phase;
	bool inside; /* the HTTP thread is in the handler: an answer needs no resume */
	bool replied;
	bool late;	  /* it began when the server was shutting down already */
	uint64_t started; /* nanoseconds, CLOCK_MONOTONIC */
	char id[NX_REQUEST_ID_TEXT];
	char peer[NX_PEER_TEXT];
	char *target;	  /* as it was sent, for logs: the path without the query */
	char *path;	  /* taken apart by the router */
	char *query_text; /* taken apart into `query`; NULL when there is none */
	const char *method;
	bool head; /* HEAD: MHD leaves the body out */
	bool http10;
	struct nx_match match;
	struct nx_pairs *query;
	struct nx_buffer body;
	size_t received;
	struct nx_json *json;
	struct nx_principal principal;
	struct nx_block *blocks;
	struct nx_reply reply;
	struct nx_request *next_answered;
	LIST_ENTRY(nx_request) under_way;
};

struct nx_request *nx_request_new(struct nx_http *http, struct MHD_Connection *mhd, const char *target);
void nx_request_free(struct nx_request *request);
/* The answer is complete: hand it to the HTTP thread. */
void nx_request_answered(struct nx_request *request);
/* On a worker, or direct: who asks, may they, and what the handler answers. */
void nx_request_handle(struct nx_request *request);

/* exchange.c: libmicrohttpd's callbacks; their context is the struct nx_http. */
void *nx_exchange_target(void *context, const char *target, struct MHD_Connection *mhd);
enum MHD_Result nx_exchange_serve(void *context, struct MHD_Connection *mhd, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **request);
void nx_exchange_completed(void *context, struct MHD_Connection *mhd, void **request,
			   enum MHD_RequestTerminationCode code);

/* answer.c: put the reply into libmicrohttpd's hands, log and count it. The request is freed. */
enum MHD_Result nx_answer(struct nx_request *request);

/* --- streams --------------------------------------------------------------------- */

struct nx_stream {
	struct nx_http *http;
	struct nx_stream_source source;
	struct MHD_Connection *mhd; /* NULL until it has started */
	struct nx_connection *connection;
	LIST_ENTRY(nx_stream) all;
	struct nx_stream *next_woken;
	atomic_bool woken; /* is in http->woken */
	bool suspended;
	bool ending; /* at the next read */
	bool gone;   /* the client is */
	bool closed; /* free it when it comes out of http->woken */
};

/* HTTP thread. */
struct MHD_Response *nx_stream_response(struct nx_stream *stream, bool http10);
bool nx_stream_start(struct nx_stream *stream, struct nx_request *request);
void nx_stream_discard(struct nx_stream *stream); /* one that never started */
void nx_streams_resume(struct nx_http *http);	  /* those that were woken */
void nx_streams_end(struct nx_http *http);
void nx_stream_hangup(struct nx_stream *stream);

#endif
