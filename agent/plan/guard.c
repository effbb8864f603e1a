/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plan/guard.h"

#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/memory.h"

/* --- what is guarded -------------------------------------------------------------------- */

static bool address_listed(const struct nx_address *list, size_t count, const struct nx_address *address)
{
	for (size_t i = 0; i < count; i++) {
		if (nx_address_compare(&list[i], address) == 0)
			return true;
	}
	return false;
}

static void address_add(struct nx_address **list, size_t *count, const struct nx_address *address)
{
	if (!address->length || address_listed(*list, *count, address))
		return;
	*list = nx_realloc_array(*list, *count + 1, sizeof(**list));
	(*list)[(*count)++] = *address;
}

void nx_guard_own(struct nx_guard *guard, const struct nx_address *address)
{
	address_add(&guard->own, &guard->own_count, address);
}

void nx_guard_essential(struct nx_guard *guard, const struct nx_address *address)
{
	address_add(&guard->essential, &guard->essential_count, address);
}

void nx_guard_network(struct nx_guard *guard, const struct nx_prefix *network)
{
	for (size_t i = 0; i < guard->network_count; i++) {
		if (nx_prefix_compare(&guard->networks[i], network) == 0)
			return;
	}
	guard->networks =
		nx_realloc_array(guard->networks, guard->network_count + 1, sizeof(*guard->networks));
	guard->networks[guard->network_count++] = *network;
}

void nx_guard_release(struct nx_guard *guard)
{
	free(guard->own);
	free(guard->essential);
	free(guard->networks);
	*guard = (struct nx_guard){0};
}

static bool addresses_same(const struct nx_address *a, const struct nx_address *b, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (nx_address_compare(&a[i], &b[i]) != 0)
			return false;
	}
	return true;
}

bool nx_guard_same(const struct nx_guard *a, const struct nx_guard *b)
{
	if (nx_address_compare(&a->service, &b->service) != 0 || a->own_count != b->own_count ||
	    a->essential_count != b->essential_count || a->network_count != b->network_count ||
	    !addresses_same(a->own, b->own, a->own_count) ||
	    !addresses_same(a->essential, b->essential, a->essential_count))
		return false;
	for (size_t i = 0; i < a->network_count; i++) {
		if (nx_prefix_compare(&a->networks[i], &b->networks[i]) != 0)
			return false;
	}
	return true;
}

/* --- judgement -------------------------------------------------------------------------- */

bool nx_guard_is_own(const struct nx_guard *guard, const struct nx_address *address)
{
	return address_listed(guard->own, guard->own_count, address);
}

bool nx_trust_accepts(const struct nx_trust *trust, const struct nx_prefix *network)
{
	for (size_t i = 0; i < trust->accepted_count; i++) {
		const struct nx_prefix *accepted = &trust->accepted[i];

		if (accepted->bits <= network->bits && nx_prefix_contains(accepted, &network->address))
			return true;
	}
	return false;
}

static bool prefix_holds(const struct nx_prefix *prefix, const struct nx_address *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (nx_prefix_contains(prefix, &list[i]))
			return true;
	}
	return false;
}

static bool prefix_connected(const struct nx_guard *guard, const struct nx_prefix *prefix)
{
	for (size_t i = 0; i < guard->network_count; i++) {
		if (nx_prefix_overlaps(&guard->networks[i], prefix))
			return true;
	}
	return false;
}

const char *nx_guard_refusal(const struct nx_guard *guard, const struct nx_trust *trust,
			     const struct nx_prefix *prefix)
{
	if (prefix_holds(prefix, guard->own, guard->own_count) ||
	    (guard->service.length && nx_prefix_contains(prefix, &guard->service)))
		return "the service, or an address that this host has outside the mesh, is in it";
	if (nx_trust_accepts(trust, prefix))
		return NULL;
	if (prefix_holds(prefix, guard->essential, guard->essential_count))
		return "a gateway or a name server of this host is in it (accept-networks would allow it)";
	if (prefix_connected(guard, prefix))
		return "this host is connected to a network there (accept-networks would allow it)";
	if (trust->strict)
		return "accept-networks does not name it, and strict-networks is set";
	return NULL;
}

/* One that a network of this host's own holds is not endangered: that network's route is the narrower one. */
static bool address_endangered(const struct nx_guard *guard, const struct nx_prefix *organization,
			       const struct nx_address *address)
{
	const struct nx_prefix host = {*address, (uint8_t)(8 * address->length)};

	return address->length && nx_prefix_contains(organization, address) &&
	       !prefix_connected(guard, &host);
}

static bool organization_holds_essential(const struct nx_guard *guard, const struct nx_prefix *organization)
{
	if (address_endangered(guard, organization, &guard->service))
		return true;
	for (size_t i = 0; i < guard->essential_count; i++) {
		if (address_endangered(guard, organization, &guard->essential[i]))
			return true;
	}
	return false;
}

static bool organization_inside(const struct nx_guard *guard, const struct nx_prefix *organization)
{
	for (size_t i = 0; i < guard->network_count; i++) {
		if (guard->networks[i].bits <= organization->bits &&
		    nx_prefix_contains(&guard->networks[i], &organization->address))
			return true;
	}
	return false;
}

const char *nx_guard_self_refusal(const struct nx_guard *guard, const struct nx_trust *trust,
				  const struct nx_address *address, const struct nx_prefix *organization)
{
	const struct nx_prefix host = {*address, (uint8_t)(8 * address->length)};

	if (nx_guard_is_own(guard, address) || nx_address_compare(address, &guard->service) == 0 ||
	    address_listed(guard->essential, guard->essential_count, address))
		return "its address is one that this host needs outside the mesh";
	if (nx_trust_accepts(trust, organization))
		return NULL;
	if (prefix_connected(guard, &host) || organization_inside(guard, organization))
		return "it is a network that this host is connected to (accept-networks would allow it)";
	if (organization_holds_essential(guard, organization))
		return "the service, a gateway or a name server of this host is in the organization's prefix "
		       "(accept-networks would allow it)";
	if (trust->strict)
		return "accept-networks does not name the organization's prefix, and strict-networks is set";
	return NULL;
}

/* --- name servers ----------------------------------------------------------------------- */

static bool is_one_of(char character, const char *set)
{
	return character && strchr(set, character);
}

static bool resolver_read(const char *line, size_t length, struct nx_address *out)
{
	static const char word[] = "nameserver";
	char text[NX_ADDRESS_TEXT];
	size_t at = sizeof(word) - 1, end;

	if (length <= at || memcmp(line, word, at) != 0 || !is_one_of(line[at], " \t"))
		return false;
	while (at < length && is_one_of(line[at], " \t"))
		at++;
	/* A zone, as in fe80::1%eth0, is the link's own affair: nobody can route that. */
	for (end = at; end < length && !is_one_of(line[end], " \t\r%");)
		end++;
	if (end - at >= sizeof(text))
		return false;
	memcpy(text, line + at, end - at);
	text[end - at] = '\0';
	return nx_address_parse(text, out);
}

size_t nx_guard_resolvers(const char *text, struct nx_address *out, size_t room)
{
	size_t count = 0;

	while (*text && count < room) {
		size_t length = strcspn(text, "\n");

		count += resolver_read(text, length, &out[count]);
		text += length;
		text += *text == '\n';
	}
	return count;
}
