/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/request.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/secret.h"
#include "server/http/http_private.h"

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Unique among this server's requests; the seed tells servers and restarts apart. */
static void id_make(struct nx_http *http, char id[static NX_REQUEST_ID_TEXT])
{
	snprintf(id, NX_REQUEST_ID_TEXT, "%08x-%llx", http->id_seed,
		 (unsigned long long)atomic_fetch_add(&http->next_id, 1));
}

struct nx_request *nx_request_new(struct nx_http *http, struct MHD_Connection *mhd, const char *target)
{
	struct nx_request *request = nx_alloc(sizeof(*request));
	const char *query = strchr(target, '?');
	size_t length = query ? (size_t)(query - target) : strlen(target);

	request->http = http;
	request->mhd = mhd;
	request->connection = nx_connection_of(mhd);
	request->started = now_ns();
	request->late = atomic_load(&http->phase) != NX_HTTP_SERVING;
	request->target = nx_printf("%.*s", (int)length, target);
	request->path = nx_strdup(request->target);
	request->query_text = query ? nx_strdup(query + 1) : NULL;
	nx_peer_format(MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr,
		       request->peer);
	id_make(http, request->id);
	LIST_INSERT_HEAD(&http->requests, request, under_way);
	return request;
}

static void reply_free(struct nx_reply *reply)
{
	for (size_t i = 0; i < reply->header_count; i++)
		free(reply->header[i].value);
	free(reply->body);
	if (reply->stream)
		nx_stream_discard(reply->stream);
}

void nx_request_free(struct nx_request *request)
{
	if (!request)
		return;
	LIST_REMOVE(request, under_way);
	request->http->bodies -= request->body.length;
	reply_free(&request->reply);
	while (request->blocks) {
		struct nx_block *block = request->blocks;
		request->blocks = block->next;
		free(block);
	}
	nx_json_free(request->json);
	if (request->body.data)
		nx_wipe(request->body.data, request->body.length); /* passwords come this way */
	nx_buffer_free(&request->body);
	free(request->query);
	free(request->query_text);
	free(request->path);
	free(request->target);
	free(request);
}

struct nx_server *nx_request_server(const struct nx_request *request)
{
	return request->http->server;
}

const struct nx_principal *nx_request_principal(const struct nx_request *request)
{
	return &request->principal;
}

const char *nx_request_id(const struct nx_request *request)
{
	return request->id;
}

const char *nx_request_method(const struct nx_request *request)
{
	return request->method;
}

const char *nx_request_param(const struct nx_request *request, const char *name)
{
	return nx_params_find(&request->match.params, name);
}

const char *nx_request_query(const struct nx_request *request, const char *name)
{
	return request->query ? nx_pairs_find(request->query, name) : NULL;
}

const char *nx_request_header(const struct nx_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, name);
}

const char *nx_request_peer(const struct nx_request *request)
{
	return request->peer;
}

const char *nx_request_body(const struct nx_request *request, size_t *length)
{
	*length = request->body.length;
	return request->body.data ? request->body.data : "";
}

const struct nx_json *nx_request_json(struct nx_request *request)
{
	struct nx_error error = {0};
	size_t length;
	const char *body = nx_request_body(request, &length);

	if (request->json)
		return request->json;
	if (nx_json_parse(body, length, &request->json, &error) == NX_OK &&
	    nx_json_type(request->json) != NX_JSON_OBJECT)
		snprintf(error.message, sizeof(error.message), "the body must be a JSON object");
	if (!error.message[0])
		return request->json;
	struct nx_buffer answer = {0};
	nx_buffer_text(&answer, "{\"error\":\"request json is invalid\",\"reason\":");
	nx_json_write_string(&answer, error.message);
	nx_buffer_text(&answer, "}");
	nx_reply_json(request, 400, &answer);
	return NULL;
}

void *nx_request_alloc(struct nx_request *request, size_t size)
{
	struct nx_block *block = nx_alloc(sizeof(*block) + size);

	block->next = request->blocks;
	request->blocks = block;
	return block->data;
}
