/* SPDX-License-Identifier: Apache-2.0 */
/* A pool beside its model: each answer is held against what must be so. */
#include "check/ipam.h"

#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "base/memory.h"

const struct check_case ipam_cases[] = {
	{"prefix-default", "the default prefix is one that prefix_check takes", ipam_check_prefix_default},
	{"prefix-check", "good and malformed prefixes", ipam_check_prefix_check},
	{"network-check", "networks that devices may lead to", ipam_check_network_check},
	{"reserved", "network, broadcast and anycast addresses, and what lies outside", ipam_check_reserved},
	{"sizes", "a pool of every length that prefix_check takes", ipam_check_sizes},
	{"exhaustion", "small pools to the end, and recovery", ipam_check_exhaustion},
	{"release", "what is given back can be taken; what was not taken cannot be given",
	 ipam_check_release},
	{"untouched", "outputs are untouched on failure", ipam_check_untouched},
	{"usage", "the numbers after each call", ipam_check_usage},
	{"random", "random calls against a model", ipam_check_random},
	{"restart", "a new pool with the leases of the old one", ipam_check_restart},
	{"two-servers", "two servers on one database", ipam_check_two_servers},
	{"organizations", "pools do not know of each other", ipam_check_organizations},
	{"memory", "closed pools leave nothing behind", ipam_check_memory},
	{0},
};

/* --- calls ------------------------------------------------------------------------------------ */

void ipam_device_next(struct ipam *ipam)
{
	snprintf(ipam->device_id, sizeof(ipam->device_id), "%08x-0000-7000-8000-%012x", ipam->devices,
		 ipam->devices);
	ipam->devices++;
}

enum nx_status ipam_call_allocate(struct ipam_pool *pool, struct nx_address *out, struct nx_error *error)
{
	struct ipam *ipam = pool->ipam;
	struct journal_call *call = journal_begin(ipam->check->journal, "pool_allocate", pool->name);
	const struct nx_lease_request request = {
		.size = sizeof(request),
		.organization_id = pool->name ? pool->name : "01890000-0000-7000-8000-000000000000",
		.device_id = ipam->device_id,
		.public_key = ipam->device_id,
		.hostname = ipam->device_id,
	};

	call->status = ipam->ops->pool_allocate(pool->pool, &request, out, error);
	if (call->status == NX_OK)
		call->address = *out;
	call->done = true;
	return call->status;
}

enum nx_status ipam_call_take(struct ipam_pool *pool, const struct nx_address *address,
			      struct nx_error *error)
{
	struct journal_call *call = journal_begin(pool->ipam->check->journal, "pool_take", pool->name);

	call->address = *address;
	call->status = pool->ipam->ops->pool_take(pool->pool, address, error);
	call->done = true;
	return call->status;
}

enum nx_status ipam_call_give(struct ipam_pool *pool, const struct nx_address *address)
{
	struct journal_call *call = journal_begin(pool->ipam->check->journal, "pool_give", pool->name);

	call->address = *address;
	call->status = pool->ipam->ops->pool_give(pool->pool, address);
	call->done = true;
	return call->status;
}

static struct nx_pool_usage usage_ask(const struct ipam_pool *pool)
{
	struct nx_pool_usage usage = {.size = sizeof(usage)};
	struct journal_call *call = journal_begin(pool->ipam->check->journal, "pool_usage", pool->name);

	pool->ipam->ops->pool_usage(pool->pool, &usage);
	call->done = true;
	return usage;
}

/* --- opening ---------------------------------------------------------------------------------- */

bool ipam_pool_open(struct ipam *ipam, const struct nx_prefix *prefix, const char *name,
		    struct ipam_pool *out)
{
	struct journal_call *call = journal_begin(ipam->check->journal, "pool_open", name);
	char text[NX_ADDRESS_TEXT];
	struct nx_error error = {0};

	*out = (struct ipam_pool){.ipam = ipam, .name = name, .prefix = *prefix};
	call->prefix = *prefix;
	call->status = ipam->ops->pool_open(ipam->instance, prefix, &out->pool, &error);
	call->done = true;
	if (call->status || !out->pool)
		return check_fail(ipam->check, "expected a pool over %s, which prefix_check takes, found: %s",
				  nx_prefix_format(prefix, text),
				  call->status ? error.message : "NULL instead of a pool");
	out->capacity = usage_ask(out).capacity;
	return ipam_usage(out);
}

void ipam_pool_close(struct ipam_pool *pool)
{
	struct journal_call *call;

	if (!pool->ipam)
		return;
	call = journal_begin(pool->ipam->check->journal, "pool_close", pool->name);
	pool->ipam->ops->pool_close(pool->pool);
	call->done = true;
	model_clear(&pool->model);
	*pool = (struct ipam_pool){0};
}

/* --- calls, judged ---------------------------------------------------------------------------- */

/* The addresses that no host can have, whatever else a plugin may keep back. */
static const char *never(const struct ipam_pool *pool, const struct nx_address *address)
{
	check_number host = number_of(address) - number_of(&pool->prefix.address);

	if (address->length == 16)
		return host == 0 ? "the subnet-router anycast address (RFC 4291)" : NULL;
	if (host == 0)
		return "the network's address";
	return host == host_last(&pool->prefix) ? "the broadcast address" : NULL;
}

static bool proposal_judge(struct ipam_pool *pool, const struct nx_address *address)
{
	struct check *check = pool->ipam->check;
	char text[NX_ADDRESS_TEXT], prefix[NX_ADDRESS_TEXT];
	const char *why;

	nx_prefix_format(&pool->prefix, prefix);
	if (address->length != pool->ipam->ops->address_length)
		return check_fail(check, "expected an address of %u bytes out of %s, found one of %u",
				  pool->ipam->ops->address_length, prefix, address->length);
	nx_address_format(address, text);
	if (!nx_prefix_contains(&pool->prefix, address))
		return check_fail(check, "expected a proposal inside %s, found %s", prefix, text);
	why = never(pool, address);
	if (why)
		return check_fail(check, "expected an address for a host of %s, found %s, %s", prefix, text,
				  why);
	if (model_has(&pool->model, address))
		return check_fail(check, "expected a free address of %s, found %s, which is taken", prefix,
				  text);
	return true;
}

static bool exhaustion_judge(struct ipam_pool *pool, const struct nx_error *error)
{
	char prefix[NX_ADDRESS_TEXT];

	nx_prefix_format(&pool->prefix, prefix);
	if (pool->model.count < pool->capacity)
		return check_fail(pool->ipam->check,
				  "expected an address, as %zu of the %llu that pool_usage says may be given "
				  "out of %s are taken, found that it is exhausted",
				  pool->model.count, (unsigned long long)pool->capacity, prefix);
	if (!ipam_text_fit(error->message))
		return check_fail(pool->ipam->check,
				  "expected that an exhausted pool says so, found no message");
	return true;
}

bool ipam_propose(struct ipam_pool *pool, struct nx_address *out, bool *done)
{
	struct nx_address address = {0};
	struct nx_error error = {0};
	enum nx_status status = ipam_call_allocate(pool, &address, &error);

	*done = status == NX_OK;
	if (status == NX_EXHAUSTED)
		return exhaustion_judge(pool, &error);
	if (status != NX_OK)
		return check_fail(pool->ipam->check, "expected an address or `exhausted`, found %s: %s",
				  nx_status_name(status), error.message);
	if (!proposal_judge(pool, &address))
		return false;
	model_add(&pool->model, &address);
	*out = address;
	return true;
}

bool ipam_allocate(struct ipam_pool *pool, struct nx_address *out, bool *done)
{
	ipam_device_next(pool->ipam);
	return ipam_propose(pool, out, done);
}

/* What pool_take may answer. */
static bool take_judge(struct ipam_pool *pool, const struct nx_address *address, enum nx_status status)
{
	bool inside = nx_prefix_contains(&pool->prefix, address);
	const char *expected = NULL;
	char text[NX_ADDRESS_TEXT], prefix[NX_ADDRESS_TEXT];

	if (model_has(&pool->model, address))
		expected = status == NX_CONFLICT ? NULL : "`conflict` for an address that is taken";
	else if (!inside)
		expected = status == NX_INVALID ? NULL : "`invalid` for an address outside the prefix";
	else if (never(pool, address))
		expected = status == NX_INVALID ? NULL : "`invalid` for an address that no host can have";
	else if (status != NX_OK && status != NX_INVALID)
		expected = "that a free address is taken, or `invalid` if it is reserved";
	if (!expected)
		return true;
	return check_fail(pool->ipam->check, "expected %s, found %s (%s of %s)", expected,
			  status ? nx_status_name(status) : "that it is taken",
			  nx_address_format(address, text), nx_prefix_format(&pool->prefix, prefix));
}

bool ipam_take(struct ipam_pool *pool, const struct nx_address *address, bool *done)
{
	struct nx_error error = {0};
	enum nx_status status = ipam_call_take(pool, address, &error);

	*done = status == NX_OK;
	if (!take_judge(pool, address, status))
		return false;
	if (status == NX_OK)
		model_add(&pool->model, address);
	else if (!ipam_text_fit(error.message))
		return check_fail(pool->ipam->check,
				  "expected that pool_take says why not, found no message");
	return true;
}

bool ipam_give(struct ipam_pool *pool, const struct nx_address *address)
{
	char text[NX_ADDRESS_TEXT];
	enum nx_status status = ipam_call_give(pool, address);
	enum nx_status expected = model_remove(&pool->model, address) ? NX_OK : NX_NOT_FOUND;

	if (status == expected)
		return true;
	return check_fail(pool->ipam->check, "expected %s when %s is given back, which is %s, found %s",
			  expected ? nx_status_name(expected) : "success", nx_address_format(address, text),
			  expected ? "not taken" : "taken", status ? nx_status_name(status) : "success");
}

bool ipam_usage(struct ipam_pool *pool)
{
	struct nx_pool_usage usage = usage_ask(pool);
	check_number most = host_last(&pool->prefix);
	char prefix[NX_ADDRESS_TEXT];

	nx_prefix_format(&pool->prefix, prefix);
	if (usage.taken != pool->model.count)
		return check_fail(pool->ipam->check, "expected %zu taken addresses of %s, found %llu",
				  pool->model.count, prefix, (unsigned long long)usage.taken);
	if (usage.capacity != pool->capacity)
		return check_fail(pool->ipam->check,
				  "expected that the capacity of %s stays %llu, found that it is %llu",
				  prefix, (unsigned long long)pool->capacity,
				  (unsigned long long)usage.capacity);
	if (usage.capacity != UINT64_MAX && usage.capacity > most)
		return check_fail(pool->ipam->check,
				  "expected a capacity below the number of addresses of %s, found %llu",
				  prefix, (unsigned long long)usage.capacity);
	return true;
}

bool ipam_text_fit(const char *text)
{
	if (!*text)
		return false;
	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		if (*at < ' ' || *at == 0x7f)
			return false;
	}
	return true;
}
