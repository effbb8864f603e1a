/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/relay/endpoint.h"

#include <string.h>

static bool address_same(const struct nx_address *a, const struct nx_address *b)
{
	return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static bool endpoint_same(const struct nx_endpoint *a, const struct nx_endpoint *b)
{
	return a->port == b->port && address_same(&a->address, &b->address);
}

static void endpoint_put(struct nx_peer_plan *plan, const struct nx_endpoint *endpoint)
{
	if (!endpoint->port || plan->endpoint_count == NX_ENDPOINTS_LIMIT)
		return;
	for (size_t i = 0; i < plan->endpoint_count; i++) {
		if (endpoint_same(&plan->endpoints[i], endpoint))
			return;
	}
	plan->endpoints[plan->endpoint_count++] = *endpoint;
}

/* Is the address that others see another one than its own? */
static bool translated(const struct nx_member_family *family)
{
	return family->mapped.port && !address_same(&family->mapped.address, &family->endpoint.address);
}

static bool open_to_all(const struct nx_member_family *family)
{
	return family->endpoint.port && family->public && !translated(family);
}

static bool same_nat(const struct nx_member_family *a, const struct nx_member_family *b)
{
	return translated(a) && translated(b) && address_same(&a->mapped.address, &b->mapped.address);
}

/* What a family's two sides are to each other. */
struct pair {
	const struct nx_member_family *self;
	const struct nx_member_family *member;
};

/* Without an address of this host's own in the family's underlay, nothing can be sent there. */
static size_t pairs_make(const struct nx_member *self, const struct nx_member *member,
			 struct pair pairs[static NX_ENDPOINTS_LIMIT])
{
	size_t count = 0;

	for (size_t i = 0; i < self->family_count && i < member->family_count && count < NX_ENDPOINTS_LIMIT;
	     i++) {
		if (self->families[i].endpoint.port)
			pairs[count++] = (struct pair){&self->families[i], &member->families[i]};
	}
	return count;
}

static void open_put(struct nx_peer_plan *plan, const struct pair *pairs, size_t count, uint8_t length)
{
	for (size_t i = 0; i < count; i++) {
		if (pairs[i].member->endpoint.address.length == length && open_to_all(pairs[i].self) &&
		    open_to_all(pairs[i].member))
			endpoint_put(plan, &pairs[i].member->endpoint);
	}
}

static void all_put(struct nx_peer_plan *plan, const struct nx_member *member)
{
	for (size_t i = 0; i < member->family_count; i++)
		endpoint_put(plan, &member->families[i].mapped);
	for (size_t i = 0; i < member->family_count; i++)
		endpoint_put(plan, &member->families[i].endpoint);
}

void relay_endpoints(const struct nx_member *self, const struct nx_member *member, struct nx_peer_plan *plan)
{
	struct pair pairs[NX_ENDPOINTS_LIMIT];
	size_t count = pairs_make(self, member, pairs);

	plan->endpoint_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (same_nat(pairs[i].self, pairs[i].member))
			endpoint_put(plan, &pairs[i].member->endpoint);
	}
	open_put(plan, pairs, count, 16);
	open_put(plan, pairs, count, 4);
	for (size_t i = 0; i < count; i++)
		endpoint_put(plan, &pairs[i].member->mapped);
	for (size_t i = 0; i < count; i++)
		endpoint_put(plan, &pairs[i].member->endpoint);
	/* A host that does not know its own addresses may have one all the same. */
	if (!plan->endpoint_count)
		all_put(plan, member);
}
