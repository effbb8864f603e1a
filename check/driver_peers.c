/* SPDX-License-Identifier: Apache-2.0 */
/* Peers of a real interface: what was applied is what is observed. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/address.h"
#include "base/memory.h"
#include "check/driver_tunnel.h"

static bool peers_make(struct tunnel *tunnel)
{
	for (size_t i = 0; i < PEERS; i++) {
		NX_AUTO_FREE char *directory = nx_printf("%s/peer%zu", tunnel->state_directory, i);
		struct peer *peer = &tunnel->peers[i];
		uint8_t low = (uint8_t)(i + 1);
		struct nx_error error = {0};

		mkdir(directory, 0700);
		if (!TUNNEL_ANSWERS(
			    tunnel, "public_key",
			    tunnel->ops->public_key(tunnel_instance(tunnel), directory, peer->key, &error),
			    &error))
			return false;
		peer->prefixes[0] = (struct nx_prefix){{4, {10, 9, 0, low}}, 32};
		peer->prefixes[1] = (struct nx_prefix){{16, {0xfd, 9, [15] = low}}, 128};
		peer->prefix_count = i % (PREFIXES + 1);
		peer->keepalive_seconds = (uint16_t)(i % 4 * 5);
		if (i % 2)
			peer->endpoint = (struct nx_endpoint){{4, {192, 0, 2, low}}, (uint16_t)(5000 + i)};
		peer->present = true;
	}
	return true;
}

static struct nx_peer_change change_of(const struct peer *peer, bool set_endpoint)
{
	struct nx_peer_change change = {
		.action = peer->present ? NX_PEER_SET : NX_PEER_REMOVE,
		.set_endpoint = set_endpoint,
	};

	change.peer.public_key = peer->key;
	if (set_endpoint)
		change.peer.endpoint = peer->endpoint;
	change.peer.keepalive_seconds = peer->keepalive_seconds;
	change.peer.prefixes = peer->prefixes;
	change.peer.prefix_count = peer->prefix_count;
	return change;
}

static bool peers_apply(struct tunnel *tunnel, bool set_endpoints)
{
	struct nx_peer_change changes[PEERS];
	struct nx_error error = {0};

	for (size_t i = 0; i < PEERS; i++)
		changes[i] = change_of(&tunnel->peers[i], set_endpoints && tunnel->peers[i].endpoint.port);
	return TUNNEL_ANSWERS(tunnel, "peers_apply",
			      tunnel->ops->peers_apply(tunnel_instance(tunnel), changes, PEERS, &error),
			      &error);
}

static struct peer *peer_find(struct tunnel *tunnel, const char *key)
{
	for (size_t i = 0; i < PEERS; i++) {
		if (tunnel->peers[i].present && strcmp(tunnel->peers[i].key, key) == 0)
			return &tunnel->peers[i];
	}
	return NULL;
}

static bool has_prefix(const struct nx_peer *peer, const struct nx_prefix *prefix)
{
	for (size_t i = 0; i < peer->prefix_count; i++) {
		if (nx_prefix_compare(&peer->prefixes[i], prefix) == 0)
			return true;
	}
	return false;
}

static void peer_observed(void *context, const struct nx_peer *found)
{
	struct tunnel *tunnel = context;
	struct peer *peer = peer_find(tunnel, found->public_key);

	if (!peer) {
		if (tunnel->strangers < PEERS)
			snprintf(tunnel->strange[tunnel->strangers], NX_PUBLIC_KEY_TEXT, "%s",
				 found->public_key);
		tunnel->strangers++;
		return;
	}
	peer->seen++;
	tunnel->differs |=
		found->prefix_count != peer->prefix_count ||
		found->keepalive_seconds != peer->keepalive_seconds ||
		found->endpoint.port != peer->endpoint.port ||
		(peer->endpoint.port && nx_endpoint_compare(&found->endpoint, &peer->endpoint) != 0);
	for (size_t i = 0; i < peer->prefix_count; i++)
		tunnel->differs |= !has_prefix(found, &peer->prefixes[i]);
}

static void peer_status_observed(void *context, const struct nx_peer_status *found)
{
	struct tunnel *tunnel = context;
	struct peer *peer = peer_find(tunnel, found->public_key);

	if (peer)
		peer->seen++;
	tunnel->strangers += !peer;
	tunnel->differs |= found->last_handshake != 0; /* there is nobody out there */
}

static bool observation_judge(struct tunnel *tunnel, const char *function, const char *when)
{
	for (size_t i = 0; i < PEERS; i++) {
		unsigned int seen = tunnel->peers[i].seen;

		tunnel->peers[i].seen = 0;
		if (seen != tunnel->peers[i].present)
			return check_fail(tunnel->check,
					  "expected each peer once in %s %s, found one %u times", function,
					  when, seen);
	}
	if (tunnel->strangers)
		return check_fail(tunnel->check, "expected no other peers in %s %s, found %u", function, when,
				  tunnel->strangers);
	return !tunnel->differs ||
	       check_fail(tunnel->check,
			  "expected peers in %s as they were applied %s, found one that differs", function,
			  when);
}

bool peers_judge(struct tunnel *tunnel, const char *when)
{
	struct nx_error error = {0};

	tunnel->strangers = 0;
	tunnel->differs = false;
	return TUNNEL_ANSWERS(
		       tunnel, "peers_observe",
		       tunnel->ops->peers_observe(tunnel_instance(tunnel), peer_observed, tunnel, &error),
		       &error) &&
	       observation_judge(tunnel, "peers_observe", when) &&
	       TUNNEL_ANSWERS(tunnel, "peers_status",
			      tunnel->ops->peers_status(tunnel_instance(tunnel), peer_status_observed, tunnel,
							&error),
			      &error) &&
	       observation_judge(tunnel, "peers_status", when);
}

/* Remove those that go by other names, and name those that should be there. */
static bool peers_name(struct tunnel *tunnel)
{
	struct nx_peer_change changes[2 * PEERS];
	struct nx_error error = {0};
	size_t count = 0;

	for (size_t i = 0; i < tunnel->strangers && i < PEERS; i++) {
		changes[count] = (struct nx_peer_change){.action = NX_PEER_REMOVE};
		changes[count++].peer.public_key = tunnel->strange[i];
	}
	for (size_t i = 0; i < PEERS; i++) {
		if (tunnel->peers[i].present)
			changes[count++] = change_of(&tunnel->peers[i], tunnel->peers[i].endpoint.port != 0);
	}
	return TUNNEL_ANSWERS(tunnel, "peers_apply",
			      tunnel->ops->peers_apply(tunnel_instance(tunnel), changes, count, &error),
			      &error);
}

bool peers_resume(struct tunnel *tunnel, const char *when)
{
	struct nx_error error = {0};

	tunnel->strangers = 0;
	if (!TUNNEL_ANSWERS(
		    tunnel, "peers_observe",
		    tunnel->ops->peers_observe(tunnel_instance(tunnel), peer_observed, tunnel, &error),
		    &error))
		return false;
	for (size_t i = 0; i < PEERS; i++)
		tunnel->peers[i].seen = 0;
	return (!tunnel->strangers || peers_name(tunnel)) && peers_judge(tunnel, when);
}

bool peers_begin(struct tunnel *tunnel)
{
	return peers_make(tunnel) && peers_apply(tunnel, true);
}

bool peers_change(struct tunnel *tunnel)
{
	for (size_t i = 0; i < PEERS; i++) {
		struct peer *peer = &tunnel->peers[i];

		peer->present = i % 5 != 0;
		peer->keepalive_seconds = (uint16_t)(i % 3 * 7);
		peer->prefix_count = (i + 1) % (PREFIXES + 1);
	}
	return peers_apply(tunnel, false) && peers_judge(tunnel, "after changes");
}
