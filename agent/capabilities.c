/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capabilities.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static void families_gather(const struct nx_plugins *plugins, struct nx_capabilities *out)
{
	out->family_count = nx_plugins_capability_count(plugins, "family");
	out->families = nx_alloc_array(out->family_count, sizeof(*out->families));
	for (size_t i = 0; i < out->family_count; i++) {
		const struct nx_capability *found = nx_plugins_capability(plugins, "family", i);

		out->families[i].key = found->key;
		out->families[i].ops = found->ops;
		out->families[i].instance = found->provider->instance;
	}
}

static enum nx_status families_check(const struct nx_capabilities *capabilities, struct nx_error *error)
{
	if (!capabilities->family_count)
		return nx_fail(error, NX_NOT_FOUND, NULL,
			       "no plugin provides an address family: load one, such as ipam-v4");
	for (size_t i = 0; i < capabilities->family_count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (capabilities->families[i].ops->address_length !=
			    capabilities->families[j].ops->address_length)
				continue;
			return nx_fail(
				error, NX_CONFLICT, NULL,
				"family/%s and family/%s have addresses of the same length: load one of them",
				capabilities->families[j].key, capabilities->families[i].key);
		}
	}
	return NX_OK;
}

static enum nx_status relay_gather(const struct nx_plugins *plugins, struct nx_capabilities *out,
				   struct nx_error *error)
{
	size_t count = nx_plugins_capability_count(plugins, "relay");

	if (count != 1)
		return nx_fail(error, count ? NX_CONFLICT : NX_NOT_FOUND, NULL,
			       "%zu plugins provide a relay policy, and exactly one is needed", count);
	const struct nx_capability *found = nx_plugins_capability(plugins, "relay", 0);

	out->relay = found->ops;
	out->relay_instance = found->provider->instance;
	return NX_OK;
}

static enum nx_status driver_gather(const struct nx_plugins *plugins, const char *driver,
				    struct nx_capabilities *out, struct nx_error *error)
{
	const struct nx_capability *found = *driver ? nx_plugins_find(plugins, "driver", driver)
						    : nx_plugins_capability(plugins, "driver", 0);

	if (!found)
		return nx_fail(error, NX_NOT_FOUND, "driver",
			       "no plugin provides driver/%s: load one that does%s", *driver ? driver : "…",
			       *driver ? ", or choose another --driver" : "");
	out->driver_name = found->key;
	out->driver = found->ops;
	out->driver_instance = found->provider->instance;
	return NX_OK;
}

enum nx_status nx_capabilities_gather(const struct nx_plugins *plugins, const char *driver,
				      struct nx_capabilities *out, struct nx_error *error)
{
	enum nx_status status;

	memset(out, 0, sizeof(*out));
	families_gather(plugins, out);
	status = families_check(out, error);
	if (status == NX_OK)
		status = relay_gather(plugins, out, error);
	if (status == NX_OK)
		status = driver_gather(plugins, driver, out, error);
	if (status != NX_OK)
		nx_capabilities_release(out);
	return status;
}

void nx_capabilities_release(struct nx_capabilities *capabilities)
{
	free(capabilities->families);
	memset(capabilities, 0, sizeof(*capabilities));
}

static bool family_poll(struct nx_family *family)
{
	bool before = nx_family_usable(family);
	char reason[NX_REASON_TEXT] = "";
	bool supported = family->ops->supported(family->instance, reason);

	/* A refusal holds until the host's own answer changes: then it is worth another try. */
	if (supported != family->supported)
		family->refused = false;
	family->supported = supported;
	if (!family->refused)
		memcpy(family->reason, reason, sizeof(reason));
	if (nx_family_usable(family))
		family->reason[0] = '\0';
	return before != nx_family_usable(family);
}

bool nx_capabilities_poll(struct nx_capabilities *capabilities)
{
	bool changed = false;

	for (size_t i = 0; i < capabilities->family_count; i++)
		changed |= family_poll(&capabilities->families[i]);
	return changed;
}

bool nx_family_usable(const struct nx_family *family)
{
	return family->supported && !family->refused;
}

struct nx_family *nx_family_of_length(const struct nx_capabilities *capabilities, uint8_t length)
{
	for (size_t i = 0; i < capabilities->family_count; i++) {
		if (capabilities->families[i].ops->address_length == length)
			return &capabilities->families[i];
	}
	return NULL;
}
