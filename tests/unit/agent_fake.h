/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host in memory for tests of the agent: two families, a hub relay policy and a
 * driver, which keep what they are told and count how often they are.
 */
#ifndef NX_TESTS_AGENT_FAKE_H
#define NX_TESTS_AGENT_FAKE_H

#include "agent/capabilities.h"
#include "base/json.h"

#define FAKE_SELF "00000000-0000-7000-8000-000000000000"

struct fake_peer {
	char key[NX_PUBLIC_KEY_TEXT];
	struct nx_endpoint endpoint;
	uint16_t keepalive_seconds;
	int64_t last_handshake;
	struct nx_prefix *prefixes;
	size_t prefix_count;
};

struct fake_family {
	size_t index;		   /* its place in the order of families */
	bool unsupported;	   /* what the host says */
	bool refuses;		   /* what the kernel says */
	struct nx_address address; /* on the interface; length 0: none */
	struct nx_address second;  /* the same */
	struct nx_prefix *routes;
	size_t route_count;
	struct nx_prefix taken; /* the host has another route for it; length 0: none */
	unsigned sends;		/* calls of routes_apply */
	size_t added, removed;	/* prefixes in them */
};

struct fake_host {
	struct nx_capabilities capabilities;
	struct fake_family families[2];
	struct fake_peer *peers;
	size_t peer_count, peer_room;
	bool interface_gone;
	unsigned interface_ups;
	unsigned peer_sends;	   /* calls of peers_apply */
	size_t peer_changes;	   /* changes in them */
	size_t endpoints_set;	   /* of these, with an endpoint */
	size_t extensions;	   /* of these, NX_PEER_EXTEND */
	enum nx_status peers_fail; /* what the next peers_apply answers, once */
	const char *peer_refused;  /* a key that the driver finds invalid */
	unsigned plans;
	unsigned forwards;
	bool forwarding;
	size_t forward_children;
};

void fake_host_make(struct fake_host *host);
void fake_host_release(struct fake_host *host);
void fake_host_count_anew(struct fake_host *host);

const struct fake_peer *fake_peer_find(const struct fake_host *host, const char *key);
/* Has the peer this allowed prefix, and is it routed? */
bool fake_peer_has(const struct fake_host *host, const char *key, const char *prefix);
bool fake_routed(const struct fake_host *host, const char *prefix);
/* As another program would. */
void fake_route_drop(struct fake_host *host, const char *prefix);
void fake_peer_drop(struct fake_host *host, const char *key);

/* A device record: id and key made of `number`, addresses 100.100.x.y and 200::x, endpoint
 * 10.0.x.y:51820, revision `number`. `more` (may be "") is added: ",\"relay\":true". */
struct nx_json *fake_device(unsigned number, const char *more);
/* Those that fake_device() gives it, in static memory of 4 turns. */
const char *fake_id(unsigned number);
const char *fake_key(unsigned number);

#endif
