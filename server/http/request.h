/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request as handlers see it. The handler runs on a worker thread and
 * ends in one of two ways: it has replied, or it has handed the request on (to a
 * command of the store) and whoever got it replies later, on any thread, exactly
 * once. After a reply the request must not be touched.
 *
 * Strings read from a request live until its reply.
 */
#ifndef NX_SERVER_REQUEST_H
#define NX_SERVER_REQUEST_H

#include <nexodus/error.h>

#include "base/buffer.h"
#include "base/json.h"
#include "server/auth/principal.h"

struct nx_server;
struct nx_request;

struct nx_server *nx_request_server(const struct nx_request *request);
const struct nx_principal *nx_request_principal(const struct nx_request *request);
const char *nx_request_id(const struct nx_request *request); /* for logs; X-Request-Id */
const char *nx_request_method(const struct nx_request *request);
/* A {name} of the route's pattern, percent-decoded; never NULL. */
const char *nx_request_param(const struct nx_request *request, const char *name);
/* A query argument, percent-decoded; NULL when absent. The last of duplicates. */
const char *nx_request_query(const struct nx_request *request, const char *name);
const char *nx_request_header(const struct nx_request *request, const char *name);
/* The peer's address as text, for logs and limits. */
const char *nx_request_peer(const struct nx_request *request);
const char *nx_request_body(const struct nx_request *request, size_t *length);
/*
 * The body as a JSON object. On failure answers NULL and has replied 400
 * `request json is invalid` (with a `reason`). Owned by the request.
 */
const struct nx_json *nx_request_json(struct nx_request *request);

/* Memory that lives as long as the request (zeroed). */
void *nx_request_alloc(struct nx_request *request, size_t size);

/* --- replies: exactly one per request, any thread ------------------------------ */

void nx_reply_header(struct nx_request *request, const char *name, const char *value); /* before */
/* Takes the buffer's content. Content-Type application/json. */
void nx_reply_json(struct nx_request *request, unsigned status, struct nx_buffer *body);
void nx_reply_text(struct nx_request *request, unsigned status, const char *type, const char *body);
void nx_reply_empty(struct nx_request *request, unsigned status); /* 204 */
/* Status and body of api.md from an error: NX_INVALID 400 `{"error":message,"field":…}`,
 * NX_DENIED 403 `operation not allowed` + reason, NX_NOT_FOUND 404 `not found` + resource (the
 * error's field), NX_CONFLICT 409 (with id: `{"id","error":"resource already exists"}`,
 * otherwise message and field), NX_EXHAUSTED 409, NX_UNAVAILABLE 503 + Retry-After, else 500. */
void nx_reply_error(struct nx_request *request, const struct nx_error *error);

/*
 * A body without an end. `read` is called on the HTTP thread and answers bytes
 * written, 0 for "nothing now" (it is called again after nx_stream_wake()), -1 for
 * the end, -2 to cut the connection off. `close` is called once on the HTTP thread.
 */
struct nx_stream_source {
	long (*read)(void *context, char *into, size_t room);
	void (*close)(void *context);
	void *context;
};
struct nx_stream; /* a handle for waking; valid until `close` returns */
/* `started` is called on the calling thread with the handle before anything can be read. */
void nx_reply_stream(struct nx_request *request, const char *type, const struct nx_stream_source *source,
		     void (*started)(void *context, struct nx_stream *stream));
/* Any thread; cheap when already awake; many may be woken before one wake-up of the HTTP thread:
 * call nx_streams_flush() after the last of a series. */
void nx_stream_wake(struct nx_stream *stream);
void nx_streams_flush(struct nx_server *server);

#endif
