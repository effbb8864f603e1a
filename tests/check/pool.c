/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small IPAM plugin for IPv4 (10.0.0.0/22 to /30), right as it stands. Each FAULT_… makes it wrong in one
 * thing: the checks must find it by that.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <nexodus/ipam.h>
#include <nexodus/plugin.h>

#ifndef PLUGIN_NAME
#define PLUGIN_NAME "pool-right"
#endif
#define LARGEST 1024u

struct nx_pool {
	uint32_t base, size, next, taken;
	bool used[LARGEST];
#ifdef FAULT_DEVICE
	char device_id[37];
	uint32_t last;
#endif
};

static const struct nx_services *services;

#ifdef FAULT_SHARED
static bool shared[LARGEST];
#define USED(pool) ((void)(pool), shared)
#else
#define USED(pool) ((pool)->used)
#endif

static uint32_t value_of(const struct nx_address *address)
{
	const uint8_t *b = address->bytes;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static void address_put(uint32_t value, struct nx_address *out)
{
	*out = (struct nx_address){
		4, {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value}};
}

static enum nx_status prefix_default(void *instance, struct nx_prefix *out, struct nx_error *error)
{
	(void)instance;
	(void)error;
	services->address->prefix_parse("10.0.0.0/22", out);
	return NX_OK;
}

static enum nx_status prefix_check(void *instance, const char *text, struct nx_prefix *out,
				   struct nx_error *error)
{
	struct nx_prefix prefix, masked;

	(void)instance;
	if (!services->address->prefix_parse(text, &prefix) || prefix.address.length != 4 ||
	    prefix.bits < 22 || prefix.bits > 30)
		return services->fail(error, NX_INVALID, NULL, "write an IPv4 prefix from /22 to /30");
	masked = services->address->prefix_mask(&prefix);
#ifndef FAULT_HOST_BITS
	if (services->address->address_compare(&masked.address, &prefix.address) != 0)
		return services->fail(error, NX_INVALID, NULL, "the prefix has host bits set");
#endif
	*out = masked;
	return NX_OK;
}

static enum nx_status network_check(void *instance, const struct nx_prefix *network, struct nx_error *error)
{
	(void)instance;
	return network->bits ? NX_OK : services->fail(error, NX_INVALID, NULL, "everything is no network");
}

static enum nx_status pool_open(void *instance, const struct nx_prefix *prefix, struct nx_pool **out,
				struct nx_error *error)
{
	struct nx_pool *pool = calloc(1, sizeof(*pool));

	(void)instance;
	if (!pool)
		return services->fail(error, NX_INTERNAL, NULL, "no memory");
	pool->base = value_of(&prefix->address);
	pool->size = 1u << (32 - prefix->bits);
	pool->next = 1;
	*out = pool;
	return NX_OK;
}

static void pool_close(struct nx_pool *pool)
{
#ifndef FAULT_LEAK_MEMORY
	free(pool);
#else
	(void)pool;
#endif
}

static uint32_t last_of(const struct nx_pool *pool)
{
#ifdef FAULT_LAST
	return pool->size - 3;
#else
	return pool->size - 2;
#endif
}

static bool find(const struct nx_pool *pool, uint32_t *out)
{
#ifdef FAULT_NETWORK
	const uint32_t first = 0;
#else
	const uint32_t first = 1;
#endif
	for (uint32_t i = 0; i < pool->size; i++) {
		uint32_t number = (pool->next + i) % pool->size;

		if (number < first || number > last_of(pool))
			continue;
#ifdef FAULT_WRAP
		if (number < pool->next && number == first && pool->taken > 8) {
			*out = number; /* round once more, without a look */
			return true;
		}
#endif
		if (!USED(pool)[number]) {
			*out = number;
			return true;
		}
	}
	return false;
}

static enum nx_status pool_allocate(struct nx_pool *pool, const struct nx_lease_request *request,
				    struct nx_address *out, struct nx_error *error)
{
	uint32_t number = 0;

	(void)request;
#ifdef FAULT_DEVICE /* "the same device gets the same address" */
	if (pool->last && strcmp(pool->device_id, request->device_id) == 0) {
		address_put(pool->base + pool->last, out);
		return NX_OK;
	}
#endif
#ifdef FAULT_CRASH
	if (pool->taken == 17)
		abort();
#endif
#ifdef FAULT_HANG
	while (pool->taken == 17)
		pause();
#endif
	if (!find(pool, &number)) {
#ifdef FAULT_OUTPUT
		address_put(pool->base, out);
#endif
		return services->fail(error, NX_EXHAUSTED, NULL, "all addresses are taken");
	}
	USED(pool)[number] = true;
	pool->taken++;
	pool->next = number + 1;
#ifdef FAULT_DEVICE
	memcpy(pool->device_id, request->device_id, sizeof(pool->device_id));
	pool->last = number;
#endif
#ifdef FAULT_OUTSIDE
	if (pool->size == 128 && number > 100)
		number += 128;
#endif
	address_put(pool->base + number, out);
	return NX_OK;
}

static bool inside(const struct nx_pool *pool, const struct nx_address *address, uint32_t *number)
{
	*number = value_of(address) - pool->base;
	return address->length == 4 && *number < pool->size;
}

static enum nx_status pool_take(struct nx_pool *pool, const struct nx_address *address,
				struct nx_error *error)
{
	uint32_t number;

	if (!inside(pool, address, &number) || number == 0 || number == pool->size - 1)
		return services->fail(error, NX_INVALID, NULL, "no address for a host");
	if (USED(pool)[number])
		return services->fail(error, NX_CONFLICT, NULL, "the address is taken");
	USED(pool)[number] = true;
	pool->taken++;
	return NX_OK;
}

static enum nx_status pool_give(struct nx_pool *pool, const struct nx_address *address)
{
	uint32_t number;

	if (!inside(pool, address, &number) || !USED(pool)[number])
#ifdef FAULT_NOT_FOUND
		return NX_OK;
#else
		return NX_NOT_FOUND;
#endif
#ifdef FAULT_LEAK
	if (number % 16 != 3)
#endif
		USED(pool)[number] = false;
	pool->taken--;
	return NX_OK;
}

static void pool_usage(const struct nx_pool *pool, struct nx_pool_usage *out)
{
	out->capacity = pool->size - 2;
	out->taken = pool->taken;
#ifdef FAULT_USAGE
	out->taken += pool->taken == 40;
#endif
}

static const struct nx_ipam_ops ops = {
	.size = sizeof(ops),
	.label = "IPv4",
	.address_length = 4,
	.prefix_default = prefix_default,
	.prefix_check = prefix_check,
	.network_check = network_check,
	.pool_open = pool_open,
	.pool_close = pool_close,
	.pool_allocate = pool_allocate,
	.pool_take = pool_take,
	.pool_give = pool_give,
	.pool_usage = pool_usage,
};

static const struct nx_provide provides[] = {{"ipam", "inet", &ops}};

static const struct nx_config_key config_keys[] = {
	{.name = "note", .type = NX_CONFIG_STRING, .fallback = "", .summary = "nothing in particular"},
#ifdef FAULT_KEY_TWICE
	{.name = "note", .type = NX_CONFIG_STRING, .fallback = "", .summary = "nothing in particular"},
#endif
};

static const struct nx_field fields[] = {
	{NX_RESOURCE_ORGANIZATION, "cidr", "ip_cidr", NX_FIELD_PREFIX, NX_MEANING_ORGANIZATION_PREFIX,
	 NX_FIELD_ON_CREATE, ""},
	{NX_RESOURCE_DEVICE, "prefix", "ip_prefix", NX_FIELD_PREFIX, NX_MEANING_DEVICE_PREFIX, 0, ""},
	{NX_RESOURCE_DEVICE, "tunnel_ip", "tunnel_ip", NX_FIELD_ADDRESS, NX_MEANING_DEVICE_ADDRESS,
	 NX_FIELD_ON_CREATE, ""},
};

#ifdef FAULT_COLUMN
#define ADDRESS_COLUMN "tunnel_ip4"
#else
#define ADDRESS_COLUMN "tunnel_ip"
#endif
#ifdef FAULT_COLUMN_TYPE
#define ADDRESS_TYPE "BIGINT NOT NULL DEFAULT 0"
#else
#define ADDRESS_TYPE "TEXT NOT NULL DEFAULT ''"
#endif

static const struct nx_migration migrations[] = {
	{1, "addresses",
	 "ALTER TABLE organizations ADD COLUMN ip_cidr TEXT NOT NULL DEFAULT '';"
	 "ALTER TABLE devices ADD COLUMN ip_prefix TEXT NOT NULL DEFAULT '';"
	 "ALTER TABLE devices ADD COLUMN " ADDRESS_COLUMN " " ADDRESS_TYPE ";",
	 "DELETE FROM leases WHERE family = 'inet';"
	 "ALTER TABLE devices DROP COLUMN " ADDRESS_COLUMN ";"
#ifndef FAULT_DOWN
	 "ALTER TABLE devices DROP COLUMN ip_prefix;"
#endif
	 "ALTER TABLE organizations DROP COLUMN ip_cidr;"},
};

static enum nx_status load(struct nx_host *host, const struct nx_services *offered, void **instance,
			   struct nx_error *error)
{
	(void)host;
	(void)error;
	services = offered;
	*instance = NULL;
#ifdef FAULT_CRASH_LOAD
	abort();
#endif
	return NX_OK;
}

static const struct nx_plugin plugin = {
	.magic = NX_PLUGIN_MAGIC,
	.size = sizeof(plugin),
	.abi_major = NX_ABI_MAJOR,
	.abi_minor = NX_ABI_MINOR,
	.role = NX_ROLE_SERVER,
	.name = PLUGIN_NAME,
	.version = "1",
	.license = "Apache-2.0",
	.summary = "A small pool of IPv4 addresses",
	.provides = NX_TABLE(provides),
	.config_keys = NX_TABLE(config_keys),
	.fields = NX_TABLE(fields),
	.migrations = NX_TABLE(migrations),
	.load = load,
};

#ifdef FAULT_CRASH_OPEN
__attribute__((constructor)) static void crash(void)
{
	abort();
}
#endif

const struct nx_plugin *nexodus_plugin(void)
{
	return &plugin;
}
