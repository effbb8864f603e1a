/* SPDX-License-Identifier: Apache-2.0 */
/* From a reply to libmicrohttpd's response, the access log and the counters. HTTP thread. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/memory.h"
#include "server/http/http_private.h"
#include "server/http/metrics.h"

static uint64_t elapsed_us(const struct nx_request *request)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return ((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec - request->started) / 1000;
}

/* Never a token, never a body, and the path without its query. */
static void request_log(const struct nx_request *request, uint64_t us)
{
	char status[8], ms[24];

	if (!nx_log_enabled(NX_LOG_INFO))
		return;
	snprintf(status, sizeof(status), "%u", request->reply.status);
	snprintf(ms, sizeof(ms), "%llu.%03llu", (unsigned long long)us / 1000, (unsigned long long)us % 1000);
	nx_log(NX_LOG_INFO, "request", "method", request->method, "path", request->target, "status", status,
	       "ms", ms, "request", request->id, "principal",
	       request->principal.id[0] ? request->principal.id : NULL, "peer", request->peer, NULL);
}

static struct MHD_Response *response_new(struct nx_request *request)
{
	struct nx_reply *reply = &request->reply;

	if (reply->stream)
		return nx_stream_response(reply->stream, request->http10);
	if (!reply->body)
		return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	return MHD_create_response_from_buffer(reply->length, NX_TAKE(reply->body), MHD_RESPMEM_MUST_FREE);
}

static void headers_add(const struct nx_request *request, struct MHD_Response *response)
{
	const struct nx_reply *reply = &request->reply;

	MHD_add_response_header(response, "X-Request-Id", request->id);
	if (reply->type)
		MHD_add_response_header(response, "Content-Type", reply->type);
	for (size_t i = 0; i < reply->header_count; i++)
		MHD_add_response_header(response, reply->header[i].name, reply->header[i].value);
	if (reply->close || request->connection->all->closing)
		MHD_add_response_header(response, "Connection", "close");
}

static void stream_start(struct nx_request *request)
{
	struct nx_reply *reply = &request->reply;

	if (!reply->stream || nx_stream_start(reply->stream, request))
		return;
	nx_stream_discard(NX_TAKE(reply->stream));
	nx_reply_header(request, "Retry-After", "5");
	nx_reply_text(request, 503, "application/json",
		      "{\"error\":\"service unavailable\",\"reason\":\"too many watchers\"}");
}

enum MHD_Result nx_answer(struct nx_request *request)
{
	struct nx_http *http = request->http;
	uint64_t us = elapsed_us(request);

	request->inside = true;
	stream_start(request);
	request_log(request, us);
	nx_metrics_request(http->server->metrics, request->match.route, request->reply.status, us);
	struct MHD_Response *response = response_new(request);
	if (!response)
		return MHD_NO;
	headers_add(request, response);
	enum MHD_Result queued = MHD_queue_response(request->mhd, request->reply.status, response);
	MHD_destroy_response(response);
	request->reply.stream = NULL; /* the response's */
	request->connection->request = NULL;
	if (request->connection->state == NX_CONNECTION_BUSY)
		nx_connection_extend(request->connection); /* the answer's own time */
	nx_request_free(request);
	return queued;
}
