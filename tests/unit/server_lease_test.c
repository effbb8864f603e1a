/* SPDX-License-Identifier: Apache-2.0 */
/* Leases on the real SQLite store, with a pool of our own that can misbehave, and a model beside it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/memory.h"
#include "base/secret.h"
#include "server/ipam/lease.h"
#include "server/ipam/lease_inside.h"
#include "server/resources/fields_gather.h"
#include "server/store/migrate.h"
#include "tests/unit/unit.h"

#define HOSTS 32 /* a /27 */
#define LAST_HOST 30

/* --- the family ------------------------------------------------------------------------ */

static enum { WELL, OUTSIDE, WRONG_LENGTH, SAME_AGAIN } behaviour;
static unsigned opened; /* pools that are open */

struct nx_pool {
	struct nx_prefix prefix;
	bool taken[HOSTS];
	unsigned count;
};

static enum nx_status pool_open(void *instance, const struct nx_prefix *prefix, struct nx_pool **out,
				struct nx_error *error)
{
	(void)instance;
	(void)error;
	*out = nx_alloc(sizeof(**out));
	(*out)->prefix = *prefix;
	opened++;
	return NX_OK;
}

static void pool_close(struct nx_pool *pool)
{
	opened--;
	free(pool);
}

static struct nx_address address_of(const struct nx_pool *pool, unsigned host)
{
	struct nx_address address = pool->prefix.address;

	address.bytes[3] = (uint8_t)(address.bytes[3] + host);
	return address;
}

static enum nx_status pool_allocate(struct nx_pool *pool, const struct nx_lease_request *request,
				    struct nx_address *out, struct nx_error *error)
{
	(void)request;
	if (behaviour == SAME_AGAIN || behaviour == OUTSIDE || behaviour == WRONG_LENGTH) {
		*out = address_of(pool, behaviour == OUTSIDE ? 100 : 1);
		if (behaviour == WRONG_LENGTH)
			out->length = 16;
		return NX_OK;
	}
	for (unsigned host = 1; host <= LAST_HOST; host++) {
		if (pool->taken[host])
			continue;
		pool->taken[host] = true;
		pool->count++;
		*out = address_of(pool, host);
		return NX_OK;
	}
	return nx_fail(error, NX_EXHAUSTED, NULL, "none left");
}

static bool host_of(const struct nx_pool *pool, const struct nx_address *address, unsigned *host)
{
	if (!nx_prefix_contains(&pool->prefix, address))
		return false;
	*host = (unsigned)(address->bytes[3] - pool->prefix.address.bytes[3]);
	return true;
}

static enum nx_status pool_take(struct nx_pool *pool, const struct nx_address *address,
				struct nx_error *error)
{
	unsigned host;

	if (!host_of(pool, address, &host) || host == 0 || host > LAST_HOST)
		return nx_fail(error, NX_INVALID, NULL, "outside or reserved");
	if (pool->taken[host])
		return nx_fail(error, NX_CONFLICT, NULL, "taken");
	pool->taken[host] = true;
	pool->count++;
	return NX_OK;
}

static enum nx_status pool_give(struct nx_pool *pool, const struct nx_address *address)
{
	unsigned host;

	if (!host_of(pool, address, &host) || !pool->taken[host])
		return NX_NOT_FOUND;
	pool->taken[host] = false;
	pool->count--;
	return NX_OK;
}

static enum nx_status pool_find(struct nx_pool *pool, const struct nx_address *from, struct nx_address *out,
				struct nx_error *error)
{
	unsigned host, begin;

	if (!host_of(pool, from, &begin))
		return nx_fail(error, NX_INVALID, NULL, "outside");
	for (unsigned i = 0; i < HOSTS; i++) {
		host = (begin + i) % HOSTS;
		if (host == 0 || host > LAST_HOST || pool->taken[host])
			continue;
		*out = address_of(pool, host);
		return NX_OK;
	}
	return nx_fail(error, NX_EXHAUSTED, NULL, "none left");
}

static const struct nx_ipam_ops ops = {
	.size = sizeof(ops),
	.label = "Test",
	.pool_find = pool_find,
	.address_length = 4,
	.pool_open = pool_open,
	.pool_close = pool_close,
	.pool_allocate = pool_allocate,
	.pool_take = pool_take,
	.pool_give = pool_give,
};

static const struct nx_field family_fields[] = {
	{NX_RESOURCE_ORGANIZATION, "net", "net", NX_FIELD_PREFIX, NX_MEANING_ORGANIZATION_PREFIX, 0, ""},
	{NX_RESOURCE_DEVICE, "seen_net", "seen_net", NX_FIELD_PREFIX, NX_MEANING_DEVICE_PREFIX, 0, ""},
	{NX_RESOURCE_DEVICE, "address", "address", NX_FIELD_ADDRESS, NX_MEANING_DEVICE_ADDRESS, 0, ""},
};
static const struct nx_migration family_migrations[] = {
	{1, "test family",
	 "ALTER TABLE organizations ADD COLUMN net TEXT NOT NULL DEFAULT '';"
	 "ALTER TABLE devices ADD COLUMN seen_net TEXT NOT NULL DEFAULT '';"
	 "ALTER TABLE devices ADD COLUMN address TEXT NOT NULL DEFAULT '';",
	 ""},
};
static const struct nx_plugin plugin = {
	.name = "test-family", .fields = NX_TABLE(family_fields), .migrations = NX_TABLE(family_migrations)};
static const struct nx_loaded loaded = {.plugin = &plugin};
static const struct nx_capability capability = {"ipam", "test", &ops, &loaded};

/* --- a strategy, which begins in the middle ----------------------------------------------- */

#define MIDDLE 16

static bool by_strategy;
static enum { FINDS, INSISTS, LOOKS_FIRST } manner;
static unsigned asked;

static enum nx_status choose(void *instance, const struct nx_strategy_request *request,
			     struct nx_address *out, struct nx_error *error)
{
	struct nx_address middle = request->prefix->address;

	CU_ASSERT_PTR_NULL(instance);
	CU_ASSERT_EQUAL(request->attempt, asked);
	asked++;
	middle.bytes[3] = (uint8_t)(middle.bytes[3] + MIDDLE);
	if (manner == INSISTS || (manner == LOOKS_FIRST && request->is_free(request->view, &middle))) {
		*out = middle;
		return NX_OK;
	}
	return request->next_free(request->view, &middle, out, error);
}

static const struct nx_strategy_ops strategy_ops = {
	.size = sizeof(strategy_ops), .label = "middle", .choose = choose};
static const struct nx_strategy strategy = {.plugin = "test-strategy", .ops = &strategy_ops};

/* --- the server ------------------------------------------------------------------------- */

#define ORGANIZATIONS 3
#define DEVICES 64

static struct nx_server server;
static char *directory;

static struct nx_fields *fields_make(void)
{
	struct nx_fields *fields = nx_fields_begin();

	CU_ASSERT_EQUAL_FATAL(nx_fields_family_add(fields, &capability, NULL), NX_OK);
	CU_ASSERT_EQUAL_FATAL(nx_fields_plugin_add(fields, &plugin, NULL), NX_OK);
	CU_ASSERT_EQUAL_FATAL(nx_fields_end(fields, NULL), NX_OK);
	return fields;
}

struct statement {
	struct nx_command command;
	const char *sql;
};

static enum nx_status statement_run(struct nx_command *command, struct nx_tx *tx, struct nx_error *error)
{
	return nx_sql(tx, error, ((struct statement *)(void *)command)->sql, NX_NO_PARAMS);
}

static void execute(const char *sql)
{
	struct statement statement = {.command.run = statement_run, .sql = sql};
	struct nx_error error = {0};

	if (nx_store_write(server.store, &statement.command, &error) != NX_OK) {
		fprintf(stderr, "%s: %s\n", sql, error.message);
		abort();
	}
}

static void rows_make(void)
{
	execute("INSERT INTO users (id, username, created_at) VALUES ('u', 'u', 0)");
	for (int i = 0; i < ORGANIZATIONS; i++) {
		NX_AUTO_FREE char *sql =
			nx_printf("INSERT INTO organizations (id, owner_id, name, created_at)"
				  " VALUES ('o%d', 'u', 'o%d', 0)",
				  i, i);
		execute(sql);
	}
	for (int i = 0; i < ORGANIZATIONS * DEVICES; i++) {
		NX_AUTO_FREE char *sql = nx_printf("INSERT INTO devices (id, organization_id, user_id, "
						   "public_key, driver, revision, created_at)"
						   " VALUES ('o%d-%d', 'o%d', 'u', 'k%d', 'd', %d, 0)",
						   i / DEVICES, i % DEVICES, i / DEVICES, i, i);
		execute(sql);
	}
}

static void server_begin(void)
{
	const struct nx_component components[] = {nx_core_component, {"test-family", plugin.migrations}};
	NX_AUTO_FREE char *path = NULL;
	struct nx_store_options options = {
		.kind = NX_STORE_SQLITE, .readers = 1, .group_limit = 8, .queue_limit = 64};
	struct nx_error error = {0};

	behaviour = WELL;
	by_strategy = false;
	manner = FINDS;
	directory = unit_directory_make();
	path = nx_printf("%s/test.db", directory);
	options.database = path;
	if (nx_store_open(&options, &server.store, &error) != NX_OK ||
	    nx_store_migrate(server.store, components, 2, &(unsigned){0}, &error) != NX_OK ||
	    nx_store_start(server.store, &error) != NX_OK) {
		fprintf(stderr, "%s\n", error.message);
		abort();
	}
	server.fields = fields_make();
	server.leases = nx_leases_new(&server);
	rows_make();
}

static void server_end(void)
{
	nx_store_stop(server.store);
	nx_leases_free(server.leases);
	CU_ASSERT_EQUAL(opened, 0);
	nx_fields_free(server.fields);
	nx_store_close(server.store);
	unit_directory_remove(directory);
}

/* Forget what the pools know, as a restart does. */
static void leases_restart(void)
{
	nx_leases_free(server.leases);
	server.leases = nx_leases_new(&server);
}

/* --- what is done ------------------------------------------------------------------------- */

struct deed {
	struct nx_command command;
	enum { LEASE, END, END_ALL } what;
	bool fail; /* everything works, and then the command does not */
	int organization, device;
	unsigned host; /* wanted; 0: any. The one that was given. */
	unsigned runs;
};

static struct nx_prefix prefix_of(int organization)
{
	return (struct nx_prefix){.address = {.length = 4, .bytes = {10, 0, (uint8_t)organization, 64}},
				  .bits = 27};
}

static enum nx_status lease_run(struct deed *deed, struct nx_tx *tx, const char *organization,
				const char *device, struct nx_error *error)
{
	const struct nx_family *family = &server.fields->family[0];
	struct nx_prefix prefix = prefix_of(deed->organization);
	struct nx_lease_request request = {.size = sizeof(request),
					   .organization_id = organization,
					   .device_id = device,
					   .public_key = "k",
					   .hostname = "h"};
	const struct nx_lease_source source = {.family = family, .prefix = &prefix, .strategy = ""};
	struct nx_address wanted = prefix.address, got;
	enum nx_status status;

	wanted.bytes[3] = (uint8_t)(wanted.bytes[3] + deed->host);
	asked = 0;
	if (by_strategy && !deed->host) {
		struct nx_choice choice = {
			.leases = server.leases, .tx = tx, .request = &request, .source = &source};

		status = nx_pool_open(server.leases, tx, &source, organization, &choice.entry, error);
		if (status == NX_OK)
			status = nx_lease_by_strategy(&choice, &strategy, &got, error);
	} else {
		status = nx_lease_choose(server.leases, tx, &source, &request, deed->host ? &wanted : NULL,
					 &got, error);
	}
	if (status == NX_OK)
		status = nx_lease_write(server.leases, tx, family, &request, &got, error);
	if (status == NX_OK)
		deed->host = (unsigned)(got.bytes[3] - prefix.address.bytes[3]);
	return status;
}

static enum nx_status deed_run(struct nx_command *command, struct nx_tx *tx, struct nx_error *error)
{
	struct deed *deed = (struct deed *)(void *)command;
	char organization[16], device[32];
	enum nx_status status;

	deed->runs++;
	snprintf(organization, sizeof(organization), "o%d", deed->organization);
	snprintf(device, sizeof(device), "o%d-%d", deed->organization, deed->device);
	if (deed->what == LEASE)
		status = lease_run(deed, tx, organization, device, error);
	else if (deed->what == END)
		status = nx_leases_end(server.leases, tx, device, error);
	else
		status = nx_leases_end_all(server.leases, tx, organization, error);
	if (status == NX_OK && deed->fail)
		return nx_fail(error, NX_DENIED, NULL, "on purpose");
	return status;
}

static enum nx_status deed_do(struct deed *deed, struct nx_error *error)
{
	deed->command.run = deed_run;
	*error = (struct nx_error){0};
	return nx_store_write(server.store, &deed->command, error);
}

static enum nx_status lease(int organization, int device, unsigned *host, struct nx_error *error)
{
	struct deed deed = {.what = LEASE, .organization = organization, .device = device, .host = *host};
	enum nx_status status = deed_do(&deed, error);

	*host = deed.host;
	return status;
}

/* --- tests --------------------------------------------------------------------------------- */

static void test_simple(void)
{
	struct nx_error error;
	unsigned host = 0;

	server_begin();
	CU_ASSERT_EQUAL(lease(0, 0, &host, &error), NX_OK);
	CU_ASSERT_EQUAL(host, 1);
	host = 7;
	CU_ASSERT_EQUAL(lease(0, 1, &host, &error), NX_OK);
	CU_ASSERT_EQUAL(lease(0, 2, &host, &error), NX_CONFLICT);
	CU_ASSERT_STRING_EQUAL(error.field, "address");
	host = 31;
	CU_ASSERT_EQUAL(lease(0, 2, &host, &error), NX_INVALID);
	CU_ASSERT_STRING_EQUAL(error.field, "address");
	host = 7; /* the same address of another organization is another address */
	CU_ASSERT_EQUAL(lease(1, 2, &host, &error), NX_OK);
	server_end();
}

static void test_restart(void)
{
	struct nx_error error;
	unsigned host = 0;

	server_begin();
	CU_ASSERT_EQUAL(lease(0, 0, &host, &error), NX_OK);
	leases_restart();
	host = 1;
	CU_ASSERT_EQUAL(lease(0, 1, &host, &error), NX_CONFLICT);
	host = 0;
	CU_ASSERT_EQUAL(lease(0, 1, &host, &error), NX_OK);
	CU_ASSERT_EQUAL(host, 2);
	server_end();
}

static void test_failure_leaves_nothing(void)
{
	struct nx_error error;

	server_begin();
	for (int i = 0; i < 100; i++) {
		struct deed deed = {.what = LEASE, .fail = true, .device = i % DEVICES};

		CU_ASSERT_EQUAL(deed_do(&deed, &error), NX_DENIED);
		CU_ASSERT_EQUAL(deed.host, 1);
	}
	server_end();
}

static void test_exhausted(void)
{
	struct nx_error error;
	struct deed end = {.what = END, .device = 4};
	unsigned host;

	server_begin();
	for (int i = 0; i < LAST_HOST; i++) {
		host = 0;
		CU_ASSERT_EQUAL(lease(0, i, &host, &error), NX_OK);
	}
	host = 0;
	CU_ASSERT_EQUAL(lease(0, 40, &host, &error), NX_EXHAUSTED);
	CU_ASSERT_STRING_EQUAL(error.field, "address");
	end.fail = true;
	CU_ASSERT_EQUAL(deed_do(&end, &error), NX_DENIED);
	CU_ASSERT_EQUAL(lease(0, 40, &host, &error), NX_EXHAUSTED);
	end.fail = false;
	CU_ASSERT_EQUAL(deed_do(&end, &error), NX_OK);
	CU_ASSERT_EQUAL(lease(0, 40, &host, &error), NX_OK);
	CU_ASSERT_EQUAL(host, 5);
	server_end();
}

/* Another server has written to the table: what it has is never given, and what it lacks is. */
static void test_others_write_too(void)
{
	struct nx_error error;
	unsigned host = 0;

	server_begin();
	CU_ASSERT_EQUAL(lease(0, 0, &host, &error), NX_OK);
	for (int i = 2; i <= 12; i++) {
		NX_AUTO_FREE char *sql =
			nx_printf("INSERT INTO leases (organization_id, address, family, device_id)"
				  " VALUES ('o0', '10.0.0.%d', 'test', 'o0-60')",
				  64 + i);
		execute(sql);
	}
	host = 0;
	CU_ASSERT_EQUAL(lease(0, 1, &host, &error), NX_OK);
	CU_ASSERT_EQUAL(host, 13);
	host = 5;
	CU_ASSERT_EQUAL(lease(0, 2, &host, &error), NX_CONFLICT);
	execute("DELETE FROM leases WHERE address = '10.0.0.69'");
	CU_ASSERT_EQUAL(lease(0, 2, &host, &error), NX_OK);
	server_end();
}

static void test_misbehaviour(void)
{
	static const struct {
		int behaviour;
		const char *message;
	} rows[] = {
		{OUTSIDE, "lies outside the organization's prefix"},
		{WRONG_LENGTH, "is no address of its family"},
		{SAME_AGAIN, "is taken"},
	};
	struct nx_error error;

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		unsigned host = 0;

		server_begin();
		CU_ASSERT_EQUAL(lease(0, 0, &host, &error), NX_OK);
		behaviour = (__typeof__(behaviour))rows[i].behaviour;
		UNIT_ASSERT_ROW(lease(0, 1, &host, &error) != NX_OK, rows[i].message);
		host = 0;
		UNIT_ASSERT_ROW(lease(0, 1, &host, &error) == NX_INTERNAL, rows[i].message);
		UNIT_ASSERT_HOLDS(error.message, "plugin test-family misbehaves");
		UNIT_ASSERT_HOLDS(error.message, rows[i].message);
		behaviour = WELL;
		host = 0;
		UNIT_ASSERT_ROW(lease(0, 1, &host, &error) == NX_OK, rows[i].message);
		server_end();
	}
}

static void test_strategy(void)
{
	struct nx_error error;
	unsigned host = 0;

	server_begin();
	by_strategy = true;
	CU_ASSERT_EQUAL(lease(0, 0, &host, &error), NX_OK);
	CU_ASSERT_EQUAL(host, MIDDLE);
	host = 0;
	CU_ASSERT_EQUAL(lease(0, 1, &host, &error), NX_OK);
	CU_ASSERT_EQUAL(host, MIDDLE + 1);
	manner = INSISTS;
	host = 0;
	CU_ASSERT_EQUAL(lease(0, 2, &host, &error), NX_INTERNAL);
	CU_ASSERT_EQUAL(asked, NX_STRATEGY_ATTEMPTS);
	UNIT_ASSERT_HOLDS(error.message, "plugin test-strategy misbehaves");
	manner = FINDS;
	for (int i = 2; i < LAST_HOST; i++) {
		host = 0;
		CU_ASSERT_EQUAL_FATAL(lease(0, i, &host, &error), NX_OK);
	}
	host = 0;
	CU_ASSERT_EQUAL(lease(0, 40, &host, &error), NX_EXHAUSTED);
	CU_ASSERT_STRING_EQUAL(error.field, "address");
	CU_ASSERT_STRING_EQUAL(error.message, "none left");
	server_end();
}

/* What the table has that the pool does not know of is passed over, what it lacks is given. */
static void test_strategy_beside_others(void)
{
	struct nx_error error;
	unsigned host = 0;

	server_begin();
	by_strategy = true;
	CU_ASSERT_EQUAL(lease(0, 0, &host, &error), NX_OK);
	for (int i = 1; i <= 9; i++) {
		NX_AUTO_FREE char *sql =
			nx_printf("INSERT INTO leases (organization_id, address, family, device_id)"
				  " VALUES ('o0', '10.0.0.%d', 'test', 'o0-60')",
				  64 + MIDDLE + i);
		execute(sql);
	}
	host = 0;
	CU_ASSERT_EQUAL(lease(0, 1, &host, &error), NX_OK);
	CU_ASSERT_EQUAL(host, MIDDLE + 10);
	/* The first lease has ended elsewhere: only who looks learns of it. */
	execute("DELETE FROM leases WHERE address = '10.0.0.80'");
	host = 0;
	CU_ASSERT_EQUAL(lease(0, 2, &host, &error), NX_OK);
	CU_ASSERT_EQUAL(host, MIDDLE + 11);
	manner = LOOKS_FIRST;
	host = 0;
	CU_ASSERT_EQUAL(lease(0, 3, &host, &error), NX_OK);
	CU_ASSERT_EQUAL(host, MIDDLE);
	host = 0;
	CU_ASSERT_EQUAL(lease(0, 4, &host, &error), NX_OK);
	CU_ASSERT_EQUAL(host, MIDDLE + 12);
	server_end();
}

static void test_organization_ends(void)
{
	struct deed deed = {.what = END_ALL, .fail = true};
	struct nx_error error;
	unsigned host = 0;

	server_begin();
	CU_ASSERT_EQUAL(lease(0, 0, &host, &error), NX_OK);
	CU_ASSERT_EQUAL(deed_do(&deed, &error), NX_DENIED);
	CU_ASSERT_EQUAL(lease(0, 1, &host, &error), NX_CONFLICT);
	deed.fail = false;
	CU_ASSERT_EQUAL(deed_do(&deed, &error), NX_OK);
	CU_ASSERT_EQUAL(opened, 0);
	CU_ASSERT_EQUAL(lease(0, 1, &host, &error), NX_OK);
	server_end();
}

/* --- the model ------------------------------------------------------------------------------- */

struct model {
	int holder[ORGANIZATIONS][HOSTS]; /* the device, -1: none */
};

static int address_held(const struct model *model, int organization, int device)
{
	for (int host = 0; host < HOSTS; host++) {
		if (model->holder[organization][host] == device)
			return host;
	}
	return -1;
}

static void model_step(struct model *model)
{
	int organization = (int)(unit_random() % ORGANIZATIONS), device = (int)(unit_random() % DEVICES);
	int *holders = model->holder[organization];
	int held = address_held(model, organization, device);
	struct deed deed = {.what = held >= 0 ? END : LEASE,
			    .fail = unit_random() % 4 == 0,
			    .organization = organization,
			    .device = device,
			    .host = unit_random() % 3 == 0 ? (unsigned)(unit_random() % HOSTS) : 0};
	unsigned wanted = held >= 0 ? 0 : deed.host;
	bool full = true;
	struct nx_error error;
	enum nx_status expected = deed.fail ? NX_DENIED : NX_OK, status = deed_do(&deed, &error);

	for (int host = 1; host <= LAST_HOST; host++)
		full = full && holders[host] >= 0;
	if (deed.what == LEASE && wanted > LAST_HOST)
		expected = NX_INVALID;
	else if (deed.what == LEASE && wanted && holders[wanted] >= 0)
		expected = NX_CONFLICT;
	else if (deed.what == LEASE && !wanted && full)
		expected = NX_EXHAUSTED;
	CU_ASSERT_EQUAL_FATAL(status, expected);
	if (status != NX_OK)
		return;
	if (deed.what == END) {
		holders[held] = -1;
	} else {
		CU_ASSERT_TRUE(!wanted || deed.host == wanted);
		CU_ASSERT_EQUAL_FATAL(holders[deed.host], -1);
		holders[deed.host] = device;
	}
}

static void model_run(bool strategic)
{
	struct model model;

	server_begin();
	by_strategy = strategic;
	memset(&model, 0xff, sizeof(model));
	for (int i = 0; i < 6000; i++) {
		model_step(&model);
		if (unit_random() % 500 == 0)
			leases_restart();
	}
	server_end();
}

static void test_model(void)
{
	model_run(false);
}

static void test_strategy_model(void)
{
	model_run(true);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"given, asked for, refused", test_simple},
		{"a restart reads the table", test_restart},
		{"a failure leaves nothing", test_failure_leaves_nothing},
		{"no address left", test_exhausted},
		{"others write to the table too", test_others_write_too},
		{"a plugin that misbehaves", test_misbehaviour},
		{"a strategy proposes", test_strategy},
		{"a strategy beside other servers", test_strategy_beside_others},
		{"an organization ends", test_organization_ends},
		{"thousands of steps beside a model", test_model},
		{"the same by a strategy", test_strategy_model},
		CU_TEST_INFO_NULL,
	};

	nx_secret_setup();
	return unit_run("leases", tests);
}
