/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/ipam/pool.h"

#include <stdlib.h>

#include "plugins/ipam/bitmap.h"

#define OUTSIDE "lies outside the organization's prefix"

struct nx_pool {
	const struct ipam_family *family;
	const struct nx_services *services;
	struct nx_prefix prefix;
	unsigned host_bits;
	ipam_number base; /* the value of the prefix's first address */
	ipam_number next; /* host part from which to look on */
	uint64_t capacity;
	uint64_t taken;
	struct bitmap map; /* of host parts; the reserved ones are never set */
};

enum nx_status ipam_pool_open(const struct ipam_family *family, const struct nx_services *services,
			      const struct nx_prefix *prefix, struct nx_pool **out, struct nx_error *error)
{
	struct nx_pool *pool = calloc(1, sizeof(*pool));
	uint64_t secret;

	services->random_bytes(&secret, sizeof(secret));
	if (!pool || !bitmap_init(&pool->map, ipam_host_bits(prefix), secret)) {
		free(pool);
		return services->fail(error, NX_INTERNAL, NULL, "no memory for a pool of %s addresses",
				      family->label);
	}
	pool->family = family;
	pool->services = services;
	pool->prefix = *prefix;
	pool->host_bits = ipam_host_bits(prefix);
	pool->base = ipam_number_of(&prefix->address);
	pool->capacity = family->capacity(pool->host_bits);
	*out = pool;
	return NX_OK;
}

void ipam_pool_close(struct nx_pool *pool)
{
	if (!pool)
		return;
	bitmap_free(&pool->map);
	free(pool);
}

static enum nx_status no_memory(const struct nx_pool *pool, struct nx_error *error)
{
	return pool->services->fail(error, NX_INTERNAL, NULL, "no memory for another %s lease",
				    pool->family->label);
}

/* The lowest number from `from` on that may be given. */
static bool number_free(const struct nx_pool *pool, ipam_number from, ipam_number *out)
{
	ipam_number last;

	while (bitmap_find(&pool->map, from, out)) {
		if (!pool->family->reserved(pool->host_bits, *out, &last))
			return true;
		from = last + 1;
	}
	return false;
}

/* The same, past the end once more from the beginning. */
static enum nx_status number_find(const struct nx_pool *pool, ipam_number from, ipam_number *out,
				  struct nx_error *error)
{
	char text[NX_ADDRESS_TEXT];

	if (number_free(pool, from, out) || number_free(pool, 0, out))
		return NX_OK;
	return pool->services->fail(error, NX_EXHAUSTED, NULL,
				    "all %llu addresses of %s are taken: remove devices, or give the "
				    "organization a larger prefix",
				    (unsigned long long)pool->taken,
				    pool->services->address->prefix_format(&pool->prefix, text));
}

enum nx_status ipam_pool_allocate(struct nx_pool *pool, const struct nx_lease_request *request,
				  struct nx_address *out, struct nx_error *error)
{
	ipam_number number;
	enum nx_status status = number_find(pool, pool->next, &number, error);

	(void)request; /* the sequence does not depend on who asks */
	if (status != NX_OK)
		return status;
	if (!bitmap_set(&pool->map, number))
		return no_memory(pool, error);
	pool->next = number + 1;
	pool->taken++;
	*out = ipam_number_address(pool->base | number, pool->family->address_length);
	return NX_OK;
}

/* The host part of an address that lies in the pool's prefix. */
static bool host_part(const struct nx_pool *pool, const struct nx_address *address, ipam_number *out)
{
	if (address->length != pool->family->address_length)
		return false;
	*out = ipam_number_of(address) ^ pool->base;
	return *out < ipam_number_count(pool->host_bits);
}

static enum nx_status refuse(const struct nx_pool *pool, enum nx_status status,
			     const struct nx_address *address, const char *why, struct nx_error *error)
{
	char text[NX_ADDRESS_TEXT], prefix[NX_ADDRESS_TEXT];

	return pool->services->fail(error, status, pool->family->fields.address, "%s %s %s",
				    pool->services->address->address_format(address, text), why,
				    pool->services->address->prefix_format(&pool->prefix, prefix));
}

enum nx_status ipam_pool_take(struct nx_pool *pool, const struct nx_address *address, struct nx_error *error)
{
	ipam_number number, last;

	if (!host_part(pool, address, &number))
		return refuse(pool, NX_INVALID, address, OUTSIDE, error);
	if (pool->family->reserved(pool->host_bits, number, &last))
		return refuse(pool, NX_INVALID, address, "is a reserved address of", error);
	if (bitmap_test(&pool->map, number))
		return refuse(pool, NX_CONFLICT, address, "is taken by another device of", error);
	if (!bitmap_set(&pool->map, number))
		return no_memory(pool, error);
	pool->taken++;
	return NX_OK;
}

enum nx_status ipam_pool_give(struct nx_pool *pool, const struct nx_address *address)
{
	ipam_number number;

	if (!host_part(pool, address, &number) || !bitmap_test(&pool->map, number))
		return NX_NOT_FOUND;
	bitmap_clear(&pool->map, number);
	pool->taken--;
	return NX_OK;
}

enum nx_status ipam_pool_find(struct nx_pool *pool, const struct nx_address *from, struct nx_address *out,
			      struct nx_error *error)
{
	ipam_number number;
	enum nx_status status;

	if (!host_part(pool, from, &number))
		return refuse(pool, NX_INVALID, from, OUTSIDE, error);
	status = number_find(pool, number, &number, error);
	if (status == NX_OK)
		*out = ipam_number_address(pool->base | number, pool->family->address_length);
	return status;
}

void ipam_pool_usage(const struct nx_pool *pool, struct nx_pool_usage *out)
{
	out->capacity = pool->capacity;
	out->taken = pool->taken;
}
