/* SPDX-License-Identifier: Apache-2.0 */
/* Server half: provides strategy/random. */
#include <nexodus/plugin.h>
#include <nexodus/strategy.h>

#include "plugins/strategy/host.h"

/* Draws before what follows the last one is taken instead. */
#define DRAWS 8

/* What the host offers is all that there is of an instance; it is not written to. */
union instance {
	const struct nx_services *services;
	void *pointer;
};

static enum nx_status choose(void *instance, const struct nx_strategy_request *request,
			     struct nx_address *out, struct nx_error *error)
{
	const union instance self = {.pointer = instance};
	struct nx_address draw, found = {0};
	uint8_t bytes[NX_ADDRESS_BYTES];

	for (unsigned i = 0; i < DRAWS; i++) {
		self.services->random_bytes(bytes, sizeof(bytes));
		draw = strategy_address(request->prefix, bytes);
		enum nx_status status = request->next_free(request->view, &draw, &found, error);
		if (status != NX_OK)
			return status;
		if (self.services->address->address_compare(&draw, &found) == 0)
			break;
	}
	*out = found;
	return NX_OK;
}

static const struct nx_strategy_ops ops = {
	.size = sizeof(ops),
	.label = "random",
	.choose = choose,
};

static const struct nx_provide provides[] = {{"strategy", "random", &ops}};

static enum nx_status load(struct nx_host *host, const struct nx_services *services, void **instance,
			   struct nx_error *error)
{
	const union instance self = {.services = services};

	(void)host;
	(void)error;
	*instance = self.pointer;
	return NX_OK;
}

static void unload(void *instance)
{
	(void)instance;
}

static const struct nx_plugin plugin = {
	.magic = NX_PLUGIN_MAGIC,
	.size = sizeof(plugin),
	.abi_major = NX_ABI_MAJOR,
	.abi_minor = NX_ABI_MINOR,
	.role = NX_ROLE_SERVER,
	.name = "strategy-random",
	.version = NEXODUS_VERSION,
	.license = "Apache-2.0",
	.summary = "Addresses drawn by chance",
	.provides = NX_TABLE(provides),
	.load = load,
	.unload = unload,
};

const struct nx_plugin *nexodus_plugin(void)
{
	return &plugin;
}
