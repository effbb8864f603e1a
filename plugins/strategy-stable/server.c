/* SPDX-License-Identifier: Apache-2.0 */
/* Server half: provides strategy/stable. */
#include <string.h>

#include <nexodus/plugin.h>
#include <nexodus/strategy.h>

#include "plugins/strategy-stable/blake2s.h"
#include "plugins/strategy/host.h"

/* Addresses that are tried before what follows the last one is taken instead. */
#define ATTEMPTS 8

/* What goes in never changes: addresses that were given follow from it. */
#define PURPOSE "nexodus strategy/stable 1"

/* A text with its end, so that two never run into each other. */
static void add_text(struct blake2s *hash, const char *text)
{
	blake2s_add(hash, text ? text : "", text ? strlen(text) + 1 : 1);
}

/* F of RFC 7217 §5, with the organization for the network and the public key for the interface. */
static struct nx_address candidate(const struct nx_strategy_request *request, uint8_t attempt)
{
	const struct nx_prefix *prefix = request->prefix;
	uint8_t out[BLAKE2S_BYTES];
	struct blake2s hash;

	blake2s_begin(&hash);
	add_text(&hash, PURPOSE);
	add_text(&hash, request->device->organization_id);
	add_text(&hash, request->device->public_key);
	blake2s_add(&hash, prefix->address.bytes, prefix->address.length);
	blake2s_add(&hash, &prefix->bits, sizeof(prefix->bits));
	blake2s_add(&hash, &attempt, sizeof(attempt));
	blake2s_end(&hash, out);
	return strategy_address(prefix, out);
}

static enum nx_status choose(void *instance, const struct nx_strategy_request *request,
			     struct nx_address *out, struct nx_error *error)
{
	struct nx_address address = {0};

	(void)instance;
	for (uint8_t attempt = 0; attempt < ATTEMPTS; attempt++) {
		address = candidate(request, attempt);
		if (request->is_free(request->view, &address)) {
			*out = address;
			return NX_OK;
		}
	}
	return request->next_free(request->view, &address, out, error);
}

static const struct nx_strategy_ops ops = {
	.size = sizeof(ops),
	.label = "stable",
	.choose = choose,
};

static const struct nx_provide provides[] = {{"strategy", "stable", &ops}};

static enum nx_status load(struct nx_host *host, const struct nx_services *services, void **instance,
			   struct nx_error *error)
{
	(void)host;
	(void)services;
	(void)error;
	*instance = NULL; /* it remembers nothing */
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
	.name = "strategy-stable",
	.version = NEXODUS_VERSION,
	.license = "Apache-2.0",
	.summary = "Addresses that follow from a device's key",
	.provides = NX_TABLE(provides),
	.load = load,
	.unload = unload,
};

const struct nx_plugin *nexodus_plugin(void)
{
	return &plugin;
}
