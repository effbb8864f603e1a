/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request and its answer, as libmicrohttpd tells of them: the first line, the
 * headers, pieces of the body, the end. Then the request is handed to a worker, the
 * connection is suspended, and when it is resumed the answer is there.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "server/http/head.h"
#include "server/http/http_private.h"
#include "server/http/route.h"

/* A body that is too large is read up to here, so that its sender gets to read the 413. */
#define DISCARD_LIMIT (8 * NX_BODY_LIMIT)

/* --- replies before any handler ----------------------------------------------------- */

static enum MHD_Result refuse(struct nx_request *request, unsigned status, const char *error,
			      const char *member, const char *text)
{
	struct nx_buffer body = {0};

	nx_buffer_printf(&body, "{\"error\":\"%s\"", error);
	if (member) {
		nx_buffer_printf(&body, ",\"%s\":", member);
		nx_json_write_string(&body, text);
	}
	nx_buffer_text(&body, "}");
	request->inside = true;
	nx_reply_json(request, status, &body);
	return nx_answer(request);
}

static enum MHD_Result refuse_busy(struct nx_request *request, const char *reason)
{
	nx_reply_header(request, "Retry-After", "2");
	return refuse(request, 503, "service unavailable", "reason", reason);
}

static enum MHD_Result refuse_large(struct nx_request *request)
{
	request->reply.close = true;
	return refuse(request, 413, "request body too large", "reason", "a body may have 1 MiB at most");
}

static enum MHD_Result refuse_method(struct nx_request *request)
{
	char reason[160];

	nx_reply_header(request, "Allow", request->match.allow);
	snprintf(reason, sizeof(reason), "this path takes %s", request->match.allow);
	return refuse(request, 405, "operation not allowed", "reason", reason);
}

/* --- the first line and the headers --------------------------------------------------- */

void *nx_exchange_target(void *context, const char *target, struct MHD_Connection *mhd)
{
	struct nx_request *request = nx_request_new(context, mhd, target);

	nx_connection_busy(request->connection);
	request->connection->request = request;
	return request;
}

/* An id of the client's own, so that it can be followed through several services. */
static void id_take(struct nx_request *request)
{
	const char *id = nx_request_header(request, "X-Request-Id");
	static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.";

	if (id && *id && strlen(id) < sizeof(request->id) && id[strspn(id, allowed)] == '\0')
		memcpy(request->id, id, strlen(id) + 1);
}

static enum MHD_Result take_head(struct nx_request *request, const char *method, const char *version)
{
	struct nx_head head = nx_head_judge(request->mhd, version);

	request->phase = NX_REQUEST_BODY;
	request->method = method;
	request->http10 = strcmp(version, "HTTP/1.1") != 0;
	id_take(request);
	if (head.flaw) {
		request->reply.close = true;
		return refuse(request, 400, "request is malformed", "reason", head.flaw);
	}
	if (MHD_get_connection_info(request->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size >
	    NX_HEAD_LIMIT) {
		request->reply.close = true;
		return refuse(request, 431, "request headers too large", NULL, NULL);
	}
	nx_router_find(request->http->router, method, request->path, &request->match);
	if (head.length > NX_BODY_LIMIT) {
		if (head.expects || head.length > DISCARD_LIMIT)
			return refuse_large(request);
		request->phase = NX_REQUEST_DISCARD;
	}
	return MHD_YES;
}

/* --- the body ------------------------------------------------------------------------- */

static enum MHD_Result take_body(struct nx_request *request, const char *data, size_t length)
{
	struct nx_http *http = request->http;

	request->received += length;
	if (request->received > DISCARD_LIMIT)
		return MHD_NO; /* no end in sight */
	if (request->received > NX_BODY_LIMIT || http->bodies + length > NX_BODIES_LIMIT)
		request->phase = NX_REQUEST_DISCARD;
	if (request->phase == NX_REQUEST_DISCARD)
		return MHD_YES;
	http->bodies += length;
	nx_buffer_append(&request->body, data, length);
	return MHD_YES;
}

/* --- dispatch --------------------------------------------------------------------------- */

static void job_run(struct nx_job *job)
{
	nx_request_handle((struct nx_request *)(void *)job); /* its first member */
}

static enum MHD_Result run_direct(struct nx_request *request)
{
	request->inside = true;
	nx_request_handle(request);
	return request->replied ? nx_answer(request) : MHD_NO;
}

static enum MHD_Result run_on_worker(struct nx_request *request)
{
	struct nx_http *http = request->http;
	struct nx_workers *workers = request->match.route->slow ? http->slow : http->workers;

	/* First suspend: the answer may be there before the next line is. */
	MHD_suspend_connection(request->mhd);
	request->job.run = job_run;
	if (!nx_workers_submit(workers, &request->job)) {
		nx_reply_header(request, "Retry-After", "2");
		nx_reply_text(
			request, 503, "application/json",
			"{\"error\":\"service unavailable\",\"reason\":\"too many requests are waiting\"}");
	}
	return MHD_YES;
}

static bool take_query(struct nx_request *request)
{
	if (!request->query_text)
		return true;
	request->query = nx_alloc(sizeof(*request->query));
	return nx_pairs_parse(request->query_text, request->query);
}

static enum MHD_Result dispatch(struct nx_request *request)
{
	bool discarded = request->phase == NX_REQUEST_DISCARD;

	request->phase = NX_REQUEST_HANDLED;
	if (discarded && request->received > NX_BODY_LIMIT)
		return refuse_large(request);
	if (discarded)
		return refuse_busy(request, "too many large requests at once");
	if (request->late)
		return refuse_busy(request, "the server is shutting down");
	if (!request->match.route && request->match.allow[0])
		return refuse_method(request);
	if (!request->match.route)
		return refuse(request, 404, "not found", "resource", request->target);
	if (!take_query(request))
		return refuse(request, 400, "invalid data in field", "reason",
			      "the query is not percent-encoded UTF-8, or has more than 32 arguments");
	return request->match.route->direct ? run_direct(request) : run_on_worker(request);
}

enum MHD_Result nx_exchange_serve(void *context, struct MHD_Connection *mhd, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **closure)
{
	struct nx_request *request = *closure;

	(void)context;
	(void)mhd;
	(void)url; /* decoded by libmicrohttpd: the router wants it as it was sent */
	if (request->phase == NX_REQUEST_HEAD)
		return take_head(request, method, version);
	if (*upload_size) {
		enum MHD_Result result = take_body(request, upload, *upload_size);
		*upload_size = 0;
		return result;
	}
	if (request->phase != NX_REQUEST_HANDLED)
		return dispatch(request);
	return request->replied ? nx_answer(request) : MHD_NO; /* nobody will answer it any more */
}

void nx_exchange_completed(void *context, struct MHD_Connection *mhd, void **closure,
			   enum MHD_RequestTerminationCode code)
{
	struct nx_connection *connection = nx_connection_of(mhd);

	(void)context;
	(void)closure;
	(void)code;
	nx_request_free(NX_TAKE(connection->request)); /* one that was cut off before its answer */
	nx_connection_idle(connection);
}
