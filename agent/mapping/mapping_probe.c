/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "agent/mapping/mapping_parts.h"
#include "base/address.h"
#include "base/secret.h"
#include "base/udp_raw.h"

/* --- answers ------------------------------------------------------------------------------- */

/* Only the server that was asked may answer, and only this question. */
static struct nx_query *query_find(struct nx_probe *probe, const struct nx_endpoint *from,
				   const struct nx_stun_message *message)
{
	for (size_t i = 0; i < probe->count; i++) {
		struct nx_query *query = &probe->queries[i];

		if (!query->mapped.port && nx_endpoint_compare(&query->server, from) == 0 &&
		    memcmp(&query->transaction, &message->transaction, sizeof(query->transaction)) == 0)
			return query;
	}
	return NULL;
}

static bool answer_take(struct nx_probe *probe, const struct nx_endpoint *from, const void *data,
			size_t length)
{
	struct nx_stun_message message;
	struct nx_query *query;

	if (nx_stun_read(data, length, &message, NULL) != NX_OK || message.kind != NX_STUN_SUCCESS ||
	    !message.mapped.port || message.mapped.address.length != probe->address_length)
		return false;
	query = query_find(probe, from, &message);
	if (!query)
		return false;
	query->mapped = message.mapped;
	return true;
}

static void readable(void *context)
{
	struct nx_probe *probe = context;
	uint8_t data[NX_STUN_MESSAGE_BYTES];
	struct nx_endpoint from;
	bool any = false;
	size_t length;

	while ((length = nx_udp_raw_receive(probe->descriptor, data, sizeof(data), &from)) > 0)
		any |= answer_take(probe, &from, data, length);
	if (any)
		probe->answered(probe->context);
}

/* --- questions -------------------------------------------------------------------------------- */

static void query_send(struct nx_probe *probe, struct nx_query *query)
{
	uint8_t request[NX_STUN_MESSAGE_BYTES];
	size_t length = nx_stun_write_request(&query->transaction, request);

	/* What cannot leave now is tried again with those that are not answered. */
	(void)nx_udp_raw_send(probe->descriptor, &query->source, probe->port, &query->server, request, length,
			      NULL);
}

static void query_add(struct nx_probe *probe, const struct nx_endpoint *server)
{
	struct nx_query *query = &probe->queries[probe->count++];

	*query = (struct nx_query){.server = *server};
	nx_random_bytes(&query->transaction, sizeof(query->transaction));
	if (!nx_udp_raw_source(server, &query->source))
		query->source = (struct nx_address){0};
}

enum nx_status nx_probe_begin(struct nx_probe *probe, uv_loop_t *loop, uint16_t port,
			      const struct nx_endpoint *servers, size_t count, struct nx_error *error)
{
	enum nx_status status;

	probe->port = port;
	probe->count = 0;
	for (size_t i = 0; i < count && probe->count < NX_MAPPING_SERVERS_LIMIT; i++) {
		if (servers[i].address.length == probe->address_length)
			query_add(probe, &servers[i]);
	}
	if (!nx_probe_open_questions(probe))
		return NX_OK;
	status = nx_udp_raw_open(probe->address_length, port, &probe->descriptor, error);
	if (status != NX_OK)
		return status;
	probe->watch = nx_watch_readable(loop, probe->descriptor, readable, probe);
	nx_probe_repeat(probe);
	return NX_OK;
}

static bool query_open(const struct nx_query *query)
{
	return query->source.length && !query->mapped.port;
}

void nx_probe_repeat(struct nx_probe *probe)
{
	for (size_t i = 0; i < probe->count && probe->descriptor >= 0; i++) {
		if (query_open(&probe->queries[i]))
			query_send(probe, &probe->queries[i]);
	}
}

size_t nx_probe_answers(const struct nx_probe *probe)
{
	size_t answers = 0;

	for (size_t i = 0; i < probe->count; i++)
		answers += probe->queries[i].mapped.port != 0;
	return answers;
}

size_t nx_probe_open_questions(const struct nx_probe *probe)
{
	size_t open = 0;

	for (size_t i = 0; i < probe->count; i++)
		open += query_open(&probe->queries[i]);
	return open;
}

void nx_probe_end(struct nx_probe *probe)
{
	nx_watch_end(probe->watch);
	probe->watch = NULL;
	if (probe->descriptor >= 0)
		close(probe->descriptor);
	probe->descriptor = -1;
}
