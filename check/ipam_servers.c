/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two servers on one database: two pools over one prefix. A lease that one makes is told to the other only
 * when that proposes the same address and the table refuses it; a lease that ends is told to the server that
 * ended it. So it goes in the server's own registrations: a pool proposes, the table decides, and after as
 * many contradicted proposals as PROPOSALS the pool is read anew from the table.
 */
#include "base/address.h"
#include "base/error.h"
#include "base/memory.h"
#include "check/ipam.h"

#define PROPOSALS 64
#define SERVERS 2

struct database {
	struct ipam *ipam;
	struct model table; /* the truth */
	struct ipam_pool pools[SERVERS];
	bool contradicted[SERVERS];
	uint64_t capacity;
};

static const char *const server_names[SERVERS] = {"server A", "server B"};

static bool server_read(struct database *database, size_t server)
{
	struct ipam_pool *pool = &database->pools[server];
	struct nx_prefix prefix = pool->prefix;
	bool taken;

	ipam_pool_close(pool);
	if (!ipam_pool_open(database->ipam, &prefix, server_names[server], pool))
		return false;
	for (size_t i = 0; i < database->table.count; i++) {
		if (!ipam_take(pool, &database->table.items[i], &taken))
			return false;
		if (!taken)
			return check_fail(
				database->ipam->check,
				"expected that a new pool takes every lease of the table, found that it "
				"refuses one");
	}
	return true;
}

enum proposal {
	PROPOSAL_WRONG = 0, /* the check has failed */
	PROPOSAL_FREE,	    /* the lease is made */
	PROPOSAL_TAKEN,	    /* the table knows it; it stays taken in the pool */
	PROPOSAL_LOST,	    /* written, and refused by the table: undone in the pool */
	PROPOSAL_NONE,	    /* exhausted, as far as the pool knows */
};

/* One proposal for the device whose turn it is. */
static enum proposal propose(struct database *database, size_t server)
{
	struct ipam_pool *pool = &database->pools[server];
	struct nx_address address = {0};
	bool done;

	if (!ipam_propose(pool, &address, &done))
		return PROPOSAL_WRONG;
	if (!done)
		return PROPOSAL_NONE;
	if (!model_has(&database->table, &address)) {
		model_add(&database->table, &address);
		return PROPOSAL_FREE;
	}
	if (database->contradicted[server])
		return PROPOSAL_TAKEN;
	database->contradicted[server] = true;
	return ipam_give(pool, &address) ? PROPOSAL_LOST : PROPOSAL_WRONG;
}

/* Its pool is read anew: now it must know. */
static bool register_anew(struct database *database, size_t server)
{
	char text[NX_ADDRESS_TEXT];
	enum proposal last;

	if (!server_read(database, server))
		return false;
	last = propose(database, server);
	if (last == PROPOSAL_WRONG || last == PROPOSAL_FREE)
		return last == PROPOSAL_FREE;
	if (last == PROPOSAL_NONE && database->table.count >= database->capacity)
		return true;
	return check_fail(
		database->ipam->check,
		"expected a free address of %s for %s, as %zu of %llu are taken and it has just been told "
		"of all of them, found %s",
		nx_prefix_format(&database->pools[server].prefix, text), server_names[server],
		database->table.count, (unsigned long long)database->capacity,
		last == PROPOSAL_NONE ? "that it is exhausted" : "one that is taken");
}

/* A device registers: all proposals are for the same device. */
static bool device_register(struct database *database, size_t server)
{
	ipam_device_next(database->ipam);
	for (int i = 0; i < PROPOSALS; i++) {
		switch (propose(database, server)) {
		case PROPOSAL_WRONG:
			return false;
		case PROPOSAL_FREE:
			return true;
		case PROPOSAL_NONE:
			return register_anew(database, server);
		case PROPOSAL_TAKEN:
		case PROPOSAL_LOST:
			break;
		}
	}
	return register_anew(database, server);
}

/* A device is deleted at one server; its pool may not know the lease, if the other made it. */
static bool device_delete(struct database *database, size_t server)
{
	uint64_t *random = &database->ipam->check->random;
	struct nx_address address = database->table.items[random_below(random, database->table.count)];

	model_remove(&database->table, &address);
	return ipam_give(&database->pools[server], &address);
}

static bool servers_run(struct database *database, uint64_t operations)
{
	uint64_t *random = &database->ipam->check->random;
	bool growing = true;

	for (uint64_t i = 0; i < operations; i++) {
		size_t server = random_below(random, SERVERS);

		/* Up to the end and a little beyond, then down again. */
		if (database->table.count >= database->capacity)
			growing = random_below(random, 8) != 0;
		else if (database->table.count <= database->capacity / 4)
			growing = true;
		if (database->table.count && (random_below(random, 4) == 0) == growing) {
			if (!device_delete(database, server))
				return false;
		} else if (!device_register(database, server)) {
			return false;
		}
		if (i % 16 == 0 && !ipam_usage(&database->pools[server]))
			return false;
	}
	return true;
}

static bool servers_try(struct ipam *ipam, const struct nx_prefix *prefix, uint64_t operations)
{
	struct database database = {.ipam = ipam};
	bool good = true;

	for (size_t i = 0; good && i < SERVERS; i++)
		good = ipam_pool_open(ipam, prefix, server_names[i], &database.pools[i]);
	database.capacity = database.pools[0].capacity;
	good = good && servers_run(&database, operations);
	for (size_t i = 0; i < SERVERS; i++)
		ipam_pool_close(&database.pools[i]);
	model_clear(&database.table);
	return good;
}

void ipam_check_two_servers(struct check *check)
{
	uint64_t operations = check->options->operations / 20 + 200;
	struct ipam ipam;

	(void)(ipam_begin(check, &ipam) && servers_try(&ipam, ipam_size(&ipam, 4), operations) &&
	       servers_try(&ipam, ipam_size(&ipam, 8), operations) &&
	       servers_try(&ipam, &ipam.fallback, operations));
}
