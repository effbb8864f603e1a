/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strategy that blocks, and does what a device's host name asks for. The file `gate` keeps calls
 * inside for as long as it is there.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <nexodus/plugin.h>
#include <nexodus/strategy.h>

static const struct nx_services *services;
static char *gate;
static atomic_uint given;

/* The address of the prefix with this number, which fits into its last two bytes. */
static void put(const struct nx_strategy_request *request, unsigned number, struct nx_address *out)
{
	*out = request->prefix->address;
	out->bytes[out->length - 2] = (uint8_t)(out->bytes[out->length - 2] | number >> 8);
	out->bytes[out->length - 1] = (uint8_t)(out->bytes[out->length - 1] | (number & 0xff));
}

static void nap(void)
{
	nanosleep(&(const struct timespec){.tv_nsec = 5000000}, NULL);
}

/* Whatever anybody waits for. */
static void gate_wait(void)
{
	while (access(gate, F_OK) == 0)
		nap();
}

static enum nx_status well(const struct nx_strategy_request *request, struct nx_address *out,
			   struct nx_error *error)
{
	(void)error;
	put(request, 256 + atomic_fetch_add(&given, 1), out);
	return NX_OK;
}

static enum nx_status hang(const struct nx_strategy_request *request, struct nx_address *out,
			   struct nx_error *error)
{
	gate_wait();
	return well(request, out, error);
}

/* It never knows, and gives up when nobody waits any more. */
static enum nx_status polite(const struct nx_strategy_request *request, struct nx_address *out,
			     struct nx_error *error)
{
	(void)out;
	while (request->is_awaited(request->view))
		nap();
	return services->fail(error, NX_UNAVAILABLE, NULL, "nobody waits");
}

/* The one after the next attempt is another one. */
static enum nx_status fixed(const struct nx_strategy_request *request, struct nx_address *out,
			    struct nx_error *error)
{
	(void)error;
	gate_wait();
	put(request, 77 + request->attempt, out);
	return NX_OK;
}

static enum nx_status duplicate(const struct nx_strategy_request *request, struct nx_address *out,
				struct nx_error *error)
{
	(void)error;
	put(request, 9, out);
	return NX_OK;
}

static enum nx_status outside(const struct nx_strategy_request *request, struct nx_address *out,
			      struct nx_error *error)
{
	(void)error;
	*out = request->prefix->address;
	out->bytes[0] ^= 0x80;
	return NX_OK;
}

static enum nx_status reserved(const struct nx_strategy_request *request, struct nx_address *out,
			       struct nx_error *error)
{
	(void)error;
	*out = request->prefix->address;
	return NX_OK;
}

static enum nx_status garbage(const struct nx_strategy_request *request, struct nx_address *out,
			      struct nx_error *error)
{
	(void)request;
	(void)error;
	memset(out, 0xee, sizeof(*out));
	return NX_OK;
}

static enum nx_status nothing(const struct nx_strategy_request *request, struct nx_address *out,
			      struct nx_error *error)
{
	(void)request;
	(void)out;
	(void)error;
	return NX_OK;
}

static enum nx_status failing(const struct nx_strategy_request *request, struct nx_address *out,
			      struct nx_error *error)
{
	(void)request;
	(void)out;
	return services->fail(error, NX_CONFLICT, NULL, "it does not want to");
}

static enum nx_status silent(const struct nx_strategy_request *request, struct nx_address *out,
			     struct nx_error *error)
{
	(void)request;
	(void)out;
	(void)error;
	return (enum nx_status)77;
}

static enum nx_status away(const struct nx_strategy_request *request, struct nx_address *out,
			   struct nx_error *error)
{
	(void)request;
	(void)out;
	return services->fail(error, NX_UNAVAILABLE, NULL, "what it asks is away");
}

static enum nx_status exhausted(const struct nx_strategy_request *request, struct nx_address *out,
				struct nx_error *error)
{
	(void)request;
	(void)out;
	return services->fail(error, NX_EXHAUSTED, NULL, "all are given, it says");
}

/* It has no pool to look at, and is told how long it has. */
static enum nx_status sees(const struct nx_strategy_request *request, struct nx_address *out,
			   struct nx_error *error)
{
	if (request->is_free || request->next_free || request->milliseconds == 0)
		return services->fail(error, NX_INTERNAL, NULL, "it sees what it should not");
	if (strcmp(request->family, "inet") != 0 && strcmp(request->family, "inet6") != 0)
		return services->fail(error, NX_INTERNAL, NULL, "it is not told the family");
	return well(request, out, error);
}

static const struct {
	const char *hostname;
	enum nx_status (*deed)(const struct nx_strategy_request *request, struct nx_address *out,
			       struct nx_error *error);
} deeds[] = {
	{"hang", hang},	      {"polite", polite},     {"fixed", fixed},	    {"duplicate", duplicate},
	{"outside", outside}, {"reserved", reserved}, {"garbage", garbage}, {"nothing", nothing},
	{"failing", failing}, {"silent", silent},     {"away", away},	    {"exhausted", exhausted},
	{"sees", sees},
};

static enum nx_status choose(void *instance, const struct nx_strategy_request *request,
			     struct nx_address *out, struct nx_error *error)
{
	(void)instance;
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		if (strcmp(deeds[i].hostname, request->device->hostname) == 0)
			return deeds[i].deed(request, out, error);
	}
	return well(request, out, error);
}

static const struct nx_strategy_ops ops = {
	.size = sizeof(ops), .label = "blocking", .choose = choose, .flags = NX_STRATEGY_BLOCKING};
static const struct nx_provide provides[] = {{"strategy", "blocking", &ops}};
static const struct nx_config_key config_keys[] = {
	{.name = "gate", .type = NX_CONFIG_STRING, .fallback = "/nowhere", .summary = "a file"},
};

static enum nx_status load(struct nx_host *host, const struct nx_services *offered, void **instance,
			   struct nx_error *error)
{
	(void)error;
	services = offered;
	*instance = NULL;
	gate = strdup(services->config_string(host, "gate"));
	return gate ? NX_OK : NX_INTERNAL;
}

static void unload(void *instance)
{
	(void)instance;
	free(gate);
}

static const struct nx_plugin plugin = {
	.magic = NX_PLUGIN_MAGIC,
	.size = sizeof(plugin),
	.abi_major = NX_ABI_MAJOR,
	.abi_minor = NX_ABI_MINOR,
	.role = NX_ROLE_SERVER,
	.name = "blocking-strategy",
	.version = "1",
	.license = "Apache-2.0",
	.summary = "A strategy that blocks",
	.provides = NX_TABLE(provides),
	.config_keys = NX_TABLE(config_keys),
	.load = load,
	.unload = unload,
};

const struct nx_plugin *nexodus_plugin(void)
{
	return &plugin;
}
