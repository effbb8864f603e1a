/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strategy that does what no strategy may, in the way that the device's host name asks for. The file `gate`
 * keeps the call inside that does not come back, as long as it is there.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <nexodus/plugin.h>
#include <nexodus/strategy.h>

static char *gate;

typedef enum nx_status deed(const struct nx_strategy_request *request, struct nx_address *out,
			    struct nx_error *error);

/* The first that is free, which is what a device gets that asks for nothing bad. */
static enum nx_status well(const struct nx_strategy_request *request, struct nx_address *out,
			   struct nx_error *error)
{
	return request->next_free(request->view, &request->prefix->address, out, error);
}

static enum nx_status duplicate(const struct nx_strategy_request *request, struct nx_address *out,
				struct nx_error *error)
{
	if (!request->last)
		return well(request, out, error);
	*out = *request->last;
	return NX_OK;
}

/* Only the third attempt is good. */
static enum nx_status late(const struct nx_strategy_request *request, struct nx_address *out,
			   struct nx_error *error)
{
	return request->attempt < 2 ? duplicate(request, out, error) : well(request, out, error);
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

static enum nx_status family(const struct nx_strategy_request *request, struct nx_address *out,
			     struct nx_error *error)
{
	(void)error;
	*out = request->prefix->address;
	out->length = out->length == 4 ? 16 : 4;
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

static enum nx_status fail(struct nx_error *error, enum nx_status status, const char *message)
{
	error->status = status;
	strncpy(error->message, message, sizeof(error->message) - 1);
	return status;
}

static enum nx_status failing(const struct nx_strategy_request *request, struct nx_address *out,
			      struct nx_error *error)
{
	(void)request;
	(void)out;
	return fail(error, NX_CONFLICT, "it does not want to");
}

static enum nx_status silent(const struct nx_strategy_request *request, struct nx_address *out,
			     struct nx_error *error)
{
	(void)request;
	(void)out;
	(void)error;
	return (enum nx_status)77;
}

static enum nx_status exhausted(const struct nx_strategy_request *request, struct nx_address *out,
				struct nx_error *error)
{
	(void)request;
	(void)out;
	(void)error;
	return NX_EXHAUSTED;
}

/* It looks where there is nothing to be seen, and hands on what it is told. */
static enum nx_status looking(const struct nx_strategy_request *request, struct nx_address *out,
			      struct nx_error *error)
{
	struct nx_address odd = {.length = 200};

	if (request->is_free(request->view, &odd) ||
	    request->is_free(request->view, &request->prefix->address))
		return NX_OK;
	return request->next_free(request->view, &odd, out, error);
}

/* Longer than a strategy may take that keeps all other writes waiting. */
static enum nx_status slow(const struct nx_strategy_request *request, struct nx_address *out,
			   struct nx_error *error)
{
	nanosleep(&(const struct timespec){.tv_nsec = 150000000}, NULL);
	return well(request, out, error);
}

static enum nx_status stuck(const struct nx_strategy_request *request, struct nx_address *out,
			    struct nx_error *error)
{
	while (access(gate, F_OK) == 0)
		nanosleep(&(const struct timespec){.tv_nsec = 20000000}, NULL);
	return well(request, out, error);
}

static const struct {
	const char *hostname;
	deed *deed;
} deeds[] = {
	{"duplicate", duplicate}, {"late", late},	    {"outside", outside}, {"reserved", reserved},
	{"family", family},	  {"garbage", garbage},	    {"nothing", nothing}, {"failing", failing},
	{"silent", silent},	  {"exhausted", exhausted}, {"looking", looking}, {"slow", slow},
	{"stuck", stuck},
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

#ifdef OLD /* as it was built for 1.1 */
#define MINOR 1
#define SIZE offsetof(struct nx_strategy_ops, flags)
#define KEY "old"
#else
#define MINOR NX_ABI_MINOR
#define SIZE sizeof(struct nx_strategy_ops)
#define KEY "bad"
#endif

static const struct nx_strategy_ops ops = {.size = SIZE, .label = KEY, .choose = choose};
static const struct nx_provide provides[] = {{"strategy", KEY, &ops}};

static enum nx_status load(struct nx_host *host, const struct nx_services *services, void **instance,
			   struct nx_error *error)
{
	(void)error;
	gate = strdup(services->config_string(host, "gate"));
	*instance = NULL;
	return gate ? NX_OK : NX_INTERNAL;
}

static void unload(void *instance)
{
	(void)instance;
	free(gate);
}

static const struct nx_config_key config_keys[] = {
	{.name = "gate", .type = NX_CONFIG_STRING, .fallback = "/nowhere", .summary = "a file"},
};

static const struct nx_plugin plugin = {
	.magic = NX_PLUGIN_MAGIC,
	.size = sizeof(plugin),
	.abi_major = NX_ABI_MAJOR,
	.abi_minor = MINOR,
	.role = NX_ROLE_SERVER,
	.name = KEY "-strategy",
	.version = "1",
	.license = "Apache-2.0",
	.summary = "A strategy that misbehaves",
	.provides = NX_TABLE(provides),
	.config_keys = NX_TABLE(config_keys),
	.load = load,
	.unload = unload,
};

const struct nx_plugin *nexodus_plugin(void)
{
	return &plugin;
}
