/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How large the tunnel's packets may be: what the ways out of this host carry, less what the tunnel adds. All
 * of the tunnel's peers have one size in common, so that the narrowest way decides.
 */
#include <stdio.h>

#include "agent/network/mtu.h"
#include "agent/network/network_parts.h"
#include "base/address.h"
#include "base/log.h"

/* More peers than this are not asked for: a narrow way to one of so many is for its own host to tell. */
#define PEERS_LIMIT 1024u

struct survey {
	const struct nx_network *network;
	struct nx_mtu mtu;
};

static const struct nx_family *family_of(const struct nx_network *network, const struct nx_address *address)
{
	const struct nx_capabilities *capabilities = network->capabilities;

	for (size_t i = 0; i < capabilities->family_count; i++) {
		if (capabilities->families[i].ops->address_length == address->length)
			return &capabilities->families[i];
	}
	return NULL;
}

/* A way that leads into the tunnel itself, or nowhere out of this host, says nothing. */
static void way_take(struct survey *survey, const struct nx_address *remote)
{
	const struct nx_family *family = family_of(survey->network, remote);
	struct nx_address source = {0};
	uint32_t bytes = 0;

	if (!family || !family->ops->path_mtu ||
	    !family->ops->source_address(family->instance, remote, &source) ||
	    !nx_underlay_has(&survey->network->underlay, &source))
		return;
	if (family->ops->path_mtu(family->instance, remote, &bytes))
		nx_mtu_take(&survey->mtu, bytes,
			    survey->network->capabilities->driver->overhead + family->ops->tunnel_overhead);
}

static void peers_take(struct survey *survey)
{
	size_t asked = 0;

	for (const struct nx_entry *entry = nx_members_first(survey->network->reconcile.members);
	     entry && asked < PEERS_LIMIT; entry = nx_members_next(entry)) {
		if (!entry->applied.present || !entry->applied.published.port)
			continue;
		way_take(survey, &entry->applied.published.address);
		asked++;
	}
}

static void families_take(struct survey *survey)
{
	const struct nx_capabilities *capabilities = survey->network->capabilities;

	for (size_t i = 0; i < capabilities->family_count; i++) {
		const struct nx_family_ops *ops = capabilities->families[i].ops;
		struct nx_address anywhere = nx_underlay_anywhere(ops->address_length);

		nx_mtu_require(&survey->mtu, ops->mtu_minimum);
		way_take(survey, &anywhere);
	}
}

/* Once for each size, not at each look. */
static void short_tell(struct nx_network *network, const struct nx_mtu *mtu)
{
	char path[16], wanted[16];

	if (network->short_path == mtu->short_path)
		return;
	network->short_path = mtu->short_path;
	snprintf(path, sizeof(path), "%u", mtu->short_path);
	snprintf(wanted, sizeof(wanted), "%u", mtu->value);
	if (mtu->short_path)
		nx_log(NX_LOG_WARNING,
		       "a way out of this host is too narrow for the smallest packets that the tunnel must "
		       "carry: they travel in fragments, which some firewalls drop",
		       "way", path, "tunnel", wanted, NULL);
	else
		nx_log(NX_LOG_INFO,
		       "the ways out of this host are wide enough for the tunnel's packets again", NULL);
}

void nx_network_resize(struct nx_network *network)
{
	const struct nx_driver_ops *driver = network->capabilities->driver;
	struct survey survey = {.network = network, .mtu = {.value = driver->mtu_default}};
	struct nx_error error = {0};
	char text[16];

	if (network->options.request.mtu || !driver->mtu_default || !driver->mtu_set)
		return;
	if (network->service.length)
		way_take(&survey, &network->service);
	families_take(&survey);
	peers_take(&survey);
	nx_mtu_settle(&survey.mtu);
	short_tell(network, &survey.mtu);
	if (survey.mtu.value == network->reconcile.request.mtu)
		return;
	snprintf(text, sizeof(text), "%u", survey.mtu.value);
	if (nx_reconcile_resize(&network->reconcile, survey.mtu.value, &error) == NX_OK)
		nx_log(NX_LOG_INFO, "the tunnel's packets fit the ways out of this host", "mtu", text, NULL);
	else
		nx_log(NX_LOG_WARNING, "the tunnel's MTU cannot be set", "mtu", text, "reason", error.message,
		       NULL);
}
