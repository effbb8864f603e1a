/* SPDX-License-Identifier: Apache-2.0 */
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/mapping/mapping_parts.h"
#include "base/address.h"
#include "base/memory.h"

/* One endpoint for each length of address, 4 and 16 bytes. */
enum { PER_SERVER = 2, FOUND_LIMIT = PER_SERVER * NX_MAPPING_SERVERS_LIMIT };

struct question {
	uv_getaddrinfo_t request;
	struct nx_lookup *lookup;
	bool pending;
};

struct nx_lookup {
	struct question questions[NX_MAPPING_SERVERS_LIMIT];
	size_t pending;
	struct nx_endpoint found[FOUND_LIMIT];
	size_t found_count;
	void (*done)(void *context);
	void *context;
	bool dropped; /* freed when nothing is pending any more */
};

/* --- what is found ------------------------------------------------------------------------- */

/* Two names of one server are one server. */
static void found_add(struct nx_lookup *lookup, const struct nx_endpoint *endpoint)
{
	for (size_t i = 0; i < lookup->found_count; i++) {
		if (nx_endpoint_compare(&lookup->found[i], endpoint) == 0)
			return;
	}
	if (endpoint->port && lookup->found_count < FOUND_LIMIT)
		lookup->found[lookup->found_count++] = *endpoint;
}

/* The first address of each length: the resolver has put the best first (RFC 6724). */
static void results_take(struct nx_lookup *lookup, const struct addrinfo *results)
{
	bool seen[NX_ADDRESS_BYTES + 1] = {false};
	struct nx_endpoint endpoint;

	for (const struct addrinfo *at = results; at; at = at->ai_next) {
		if (!nx_endpoint_from_sockaddr(at->ai_addr, &endpoint) || seen[endpoint.address.length])
			continue;
		seen[endpoint.address.length] = true;
		found_add(lookup, &endpoint);
	}
}

size_t nx_lookup_found(const struct nx_lookup *lookup, const struct nx_endpoint **out)
{
	*out = lookup->found;
	return lookup->found_count;
}

/* --- asking ---------------------------------------------------------------------------------- */

static void answered(uv_getaddrinfo_t *request, int status, struct addrinfo *results)
{
	struct question *question = request->data;
	struct nx_lookup *lookup = question->lookup;

	if (status == 0)
		results_take(lookup, results);
	uv_freeaddrinfo(results);
	question->pending = false;
	if (--lookup->pending > 0)
		return;
	if (lookup->dropped)
		free(lookup);
	else
		lookup->done(lookup->context);
}

/* "host:port", "[address]:port": the port ends the text, and brackets are none of the host's. */
static char *host_split(const char *server, const char **port)
{
	const char *colon = strrchr(server, ':');
	size_t length = colon ? (size_t)(colon - server) : 0;

	*port = colon ? colon + 1 : "";
	if (length > 1 && server[0] == '[' && server[length - 1] == ']')
		return nx_printf("%.*s", (int)(length - 2), server + 1);
	return nx_printf("%.*s", (int)length, server);
}

static void name_ask(struct nx_lookup *lookup, uv_loop_t *loop, struct question *question, const char *server)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV};
	const char *port;
	NX_AUTO_FREE char *host = host_split(server, &port);

	question->lookup = lookup;
	question->request.data = question;
	if (uv_getaddrinfo(loop, &question->request, answered, host, port, &hints) != 0)
		return;
	question->pending = true;
	lookup->pending++;
}

struct nx_lookup *nx_lookup_begin(uv_loop_t *loop, const char *const *servers, size_t count,
				  void (*done)(void *context), void *context)
{
	struct nx_lookup *lookup = nx_alloc(sizeof(*lookup));
	struct nx_endpoint endpoint;

	lookup->done = done;
	lookup->context = context;
	for (size_t i = 0; i < count && i < NX_MAPPING_SERVERS_LIMIT; i++) {
		if (nx_endpoint_parse(servers[i], &endpoint))
			found_add(lookup, &endpoint);
		else
			name_ask(lookup, loop, &lookup->questions[i], servers[i]);
	}
	return lookup;
}

bool nx_lookup_over(const struct nx_lookup *lookup)
{
	return lookup->pending == 0;
}

void nx_lookup_drop(struct nx_lookup *lookup)
{
	if (!lookup)
		return;
	if (!lookup->pending) {
		free(lookup);
		return;
	}
	/* What a thread is at cannot be stopped: it is over when the resolver says so. */
	lookup->dropped = true;
	for (size_t i = 0; i < NX_COUNT(lookup->questions); i++) {
		if (lookup->questions[i].pending)
			(void)uv_cancel((uv_req_t *)&lookup->questions[i].request);
	}
}
