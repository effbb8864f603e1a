/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/relay/choice.h"

#include <stdint.h>

/* FNV-1a, 64 bits, then its bits mixed (Stafford's variant 13): ids differ in few of theirs. */
static uint64_t weight(const char *host, const char *relay)
{
	const char *const parts[] = {host, "\n", relay};
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		for (const char *at = parts[i]; *at; at++)
			hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
	}
	hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
	hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
	return hash ^ (hash >> 31);
}

bool relay_prefer(const struct nx_member *host, const struct nx_member *a, const struct nx_member *b)
{
	uint64_t left = weight(host->id, a->id), right = weight(host->id, b->id);

	return left != right ? left > right : strcmp(a->id, b->id) < 0;
}

static const struct nx_member *relay_named(const struct nx_mesh *mesh, const char *id)
{
	size_t low = 0, high = mesh->relay_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(mesh->relays[middle]->id, id);

		if (order == 0)
			return mesh->relays[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static const struct nx_member *relay_preferred(const struct nx_mesh *mesh, const struct nx_member *host)
{
	const struct nx_member *best = NULL;

	for (size_t i = 0; i < mesh->relay_count; i++) {
		if (!best || relay_prefer(host, mesh->relays[i], best))
			best = mesh->relays[i];
	}
	return best;
}

const struct nx_member *relay_of(const struct nx_mesh *mesh, const struct nx_member *host)
{
	const struct nx_member *named;

	if (host->standing.relay)
		return host;
	if (relay_member_same(host, mesh->self))
		return mesh->relay;
	named = *host->standing.via ? relay_named(mesh, host->standing.via) : NULL;
	return named ? named : relay_preferred(mesh, host);
}

/* Two that cannot reach each other meet at the relay of the one whose id is lower. */
static const struct nx_member *relay_of_pair(const struct nx_mesh *mesh, const struct nx_member *member)
{
	const struct nx_member *first = strcmp(mesh->self->id, member->id) < 0 ? mesh->self : member;

	return relay_of(mesh, first);
}

const struct nx_member *relay_carrier(const struct nx_mesh *mesh, const struct nx_member *member)
{
	const struct nx_member *self = mesh->self;
	const struct nx_member *relay = NULL;

	if (self->standing.spoke)
		relay = mesh->relay;
	else if (member->standing.relay)
		return NULL;
	else if (member->standing.spoke)
		relay = relay_of(mesh, member);
	else if (!self->standing.relay && member->direct == NX_DIRECT_FAILS)
		relay = relay_of_pair(mesh, member);
	return relay_member_same(relay, self) || relay_member_same(relay, member) ? NULL : relay;
}
