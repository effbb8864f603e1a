/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the outside sees this host's tunnel: the address and port that its NAT
 * (RFC 4787), if there is one, gives to the tunnel's own port, in each family.
 *
 * STUN servers (RFC 8489) are asked from that very port, through a raw socket with
 * a filter that lets STUN answers to the port in and nothing else. It works before
 * the tunnel holds the port and while it does; a plain socket would be in the
 * tunnel's way when that comes for its port. It is open while a question is, so
 * that tunnel traffic costs nothing. Two mapped addresses that differ tell a
 * symmetric NAT; one alone, or none, tells nothing: a query that fails is never
 * taken for "same" or for "symmetric".
 *
 * Asked again when the host's addresses or ways out change, when the tunnel's
 * port does, and now and then, since NATs forget. All on the agent's one thread.
 */
#ifndef NX_AGENT_MAPPING_MAPPING_H
#define NX_AGENT_MAPPING_MAPPING_H

#include <uv.h>

#include "agent/capabilities.h"

/* More servers than this are not asked. */
#define NX_MAPPING_SERVERS_LIMIT 8

enum nx_mapping_kind {
	NX_MAPPING_UNKNOWN = 0, /* fewer than two answers */
	NX_MAPPING_INDEPENDENT, /* all answers agree */
	NX_MAPPING_SYMMETRIC,	/* they do not */
};

/* What is known of one family. */
struct nx_mapping_result {
	enum nx_mapping_kind kind;
	/*
	 * What was last seen from the same address and port of this host, even if nobody answers now.
	 * An address without a port: there is none, or another one for each destination. No address
	 * either: nothing is known yet, and what was told to others before may be true.
	 */
	struct nx_endpoint mapped;
	struct nx_address source; /* of this host, that the questions left from; length 0: none did */
	/* Unknown, and seen as symmetric the last time: nobody has said since that it is another one. */
	bool suspect;
};

struct nx_mapping;

struct nx_mapping_options {
	const struct nx_capabilities *capabilities;
	uint32_t interval_seconds; /* between rounds when all is well */
	/* Where the operator says that this host is reached: families that are not asked about. */
	const struct nx_endpoint *fixed;
	size_t fixed_count;
	/* A result is another one than before. */
	void (*changed)(void *context);
	void *context;
};

struct nx_mapping *nx_mapping_new(uv_loop_t *loop, const struct nx_mapping_options *options);
void nx_mapping_free(struct nx_mapping *mapping); /* NULL is fine */

/*
 * Which servers to ask: "host:port" or "[address]:port", the host a name or an address; names are
 * looked up in all families, without blocking. Copied. Asks at once when the list is another one.
 * None: nothing is known any more, and nobody is asked.
 */
void nx_mapping_set_servers(struct nx_mapping *mapping, const char *const *servers, size_t count);
/* The tunnel's port; 0: there is none. Asks at once when it is another one. */
void nx_mapping_set_port(struct nx_mapping *mapping, uint16_t port);
/* The host's addresses or ways out may have changed: ask again soon. NULL is fine. */
void nx_mapping_ask(struct nx_mapping *mapping);

struct nx_mapping_result nx_mapping_result(const struct nx_mapping *mapping, const struct nx_family *family);
/* "unknown", "endpoint-independent", "symmetric". */
const char *nx_mapping_kind_name(enum nx_mapping_kind kind);

#endif
