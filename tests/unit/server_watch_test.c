/* SPDX-License-Identifier: Apache-2.0 */
/* The hub over the real SQLite store; streams are read by hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/secret.h"
#include "server/resources/fields_gather.h"
#include "server/resources/index.h"
#include "server/store/migrate.h"
#include "server/watch/hub_internal.h"
#include "server/watch/watcher.h"
#include "tests/unit/unit.h"

#define ORGANIZATION "00000000-0000-7000-8000-000000000001"
#define PATIENCE 2000 /* times 5 ms */

static struct nx_server server;
static char *directory;

/* --- the store ----------------------------------------------------------------------------- */

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

/* The organization as a committed change leaves it. */
static void revision_set(int revision)
{
	NX_AUTO_FREE char *sql = nx_printf("UPDATE organizations SET revision = %d", revision);

	execute(sql);
}

static void device_store(int revision)
{
	NX_AUTO_FREE char *sql =
		nx_printf("INSERT INTO devices (id, organization_id, user_id, public_key, driver, revision,"
			  " created_at) VALUES ('d%d', '" ORGANIZATION "', 'u', 'k%d', 'd', %d, 0)",
			  revision, revision, revision);

	revision_set(revision);
	execute(sql);
}

static void tombstone_store(int revision)
{
	NX_AUTO_FREE char *sql =
		nx_printf("INSERT INTO tombstones (organization_id, revision, kind, value, created_at)"
			  " VALUES ('" ORGANIZATION "', %d, 'device', '{\"id\":\"gone%d\"}', 0)",
			  revision, revision);

	revision_set(revision);
	execute(sql);
}

static void server_begin(void)
{
	NX_AUTO_FREE char *path = NULL;
	struct nx_store_options options = {
		.kind = NX_STORE_SQLITE, .readers = 2, .group_limit = 8, .queue_limit = 64};
	struct nx_error error = {0};

	directory = unit_directory_make();
	path = nx_printf("%s/test.db", directory);
	options.database = path;
	server.fields = nx_fields_begin();
	if (nx_fields_end(server.fields, &error) != NX_OK ||
	    nx_store_open(&options, &server.store, &error) != NX_OK ||
	    nx_store_migrate(server.store, &nx_core_component, 1, &(unsigned){0}, &error) != NX_OK ||
	    nx_store_start(server.store, &error) != NX_OK) {
		fprintf(stderr, "%s\n", error.message);
		abort();
	}
	execute("INSERT INTO users (id, username, created_at) VALUES ('u', 'u', 0)");
	execute("INSERT INTO organizations (id, owner_id, name, revision, changed, created_at)"
		" VALUES ('" ORGANIZATION "', 'u', 'o', 1, 1, 0)");
	server.watch = nx_watch_hub_new(&server);
}

static void server_end(void)
{
	nx_watch_stop(server.watch);
	nx_store_stop(server.store);
	nx_watch_hub_free(server.watch);
	nx_fields_free(server.fields);
	nx_store_close(server.store);
	unit_directory_remove(directory);
}

/* --- watchers -------------------------------------------------------------------------------- */

static struct nx_watcher *watch(unsigned kinds, int64_t after)
{
	const struct nx_principal who = {
		.kind = NX_PRINCIPAL_DEVICE, .id = "a device", .token_hash = "a hash"};
	const struct nx_watch_wish wish = {.kinds = kinds, .after = {after, after}};

	return nx_watcher_new(server.watch, ORGANIZATION, &who, &wish);
}

static void publish(int revision)
{
	char line[64];

	snprintf(line, sizeof(line), "{\"type\":\"change\",\"value\":%d}\n", revision);
	nx_watch_publish(server.watch, NX_WATCH_DEVICE, false, ORGANIZATION, revision, line, strlen(line));
	nx_watch_flush(server.watch);
}

static void commit(int revision)
{
	device_store(revision);
	publish(revision);
}

/* Read until there is `count` lines or the end; answers what the last read said. */
static long read_lines(struct nx_watcher *watcher, struct nx_buffer *out, int count, size_t room)
{
	char chunk[4096];

	for (int tries = 0; tries < PATIENCE; tries++) {
		long length = nx_watcher_read(watcher, chunk, room);
		int lines = 0;

		if (length < 0)
			return length;
		nx_buffer_append(out, chunk, (size_t)length);
		for (const char *at = out->data; (at = strchr(at, '\n')); at++)
			lines++;
		if (lines >= count)
			return length;
		if (!length)
			usleep(5000);
		else
			tries--;
	}
	return 0;
}

static void expect(struct nx_watcher *watcher, int count, const char *text)
{
	struct nx_buffer out = {0};

	read_lines(watcher, &out, count, sizeof((char[4096]){0}));
	CU_ASSERT_STRING_EQUAL(out.data ? out.data : "", text);
	if (strcmp(out.data ? out.data : "", text) != 0)
		fprintf(stderr, "got %sinstead of %s", out.data, text);
	nx_buffer_free(&out);
}

static long nothing_but_the_end(struct nx_watcher *watcher)
{
	struct nx_buffer out = {0};
	long end = read_lines(watcher, &out, 1, 4096);

	CU_ASSERT_EQUAL(out.length, 0);
	nx_buffer_free(&out);
	return end;
}

/* --- tests --------------------------------------------------------------------------------------- */

static void test_live(void)
{
	struct nx_watcher *watcher;

	server_begin();
	watcher = watch(NX_WATCH_DEVICE, 0);
	CU_ASSERT_EQUAL(nx_watch_count(server.watch), 1);
	CU_ASSERT_TRUE(nx_watch_online(server.watch, "a device"));
	expect(watcher, 1, "{\"type\":\"tail\",\"revision\":1}\n");
	commit(2);
	commit(3);
	expect(watcher, 2, "{\"type\":\"change\",\"value\":2}\n{\"type\":\"change\",\"value\":3}\n");
	nx_watcher_drop(watcher);
	CU_ASSERT_FALSE(nx_watch_online(server.watch, "a device"));
	server_end();
}

static void test_byte_by_byte(void)
{
	struct nx_watcher *watcher;
	struct nx_buffer out = {0};

	server_begin();
	watcher = watch(NX_WATCH_DEVICE, 0);
	expect(watcher, 1, "{\"type\":\"tail\",\"revision\":1}\n");
	for (int revision = 2; revision < 12; revision++)
		commit(revision);
	read_lines(watcher, &out, 10, 1);
	for (int revision = 2; revision < 12; revision++) {
		char value[16];

		snprintf(value, sizeof(value), "\"value\":%d}", revision);
		UNIT_ASSERT_HOLDS(out.data, value);
	}
	nx_buffer_free(&out);
	nx_watcher_drop(watcher);
	server_end();
}

/* More than a page from the store, deletions among it, and no tail that begins early enough. */
static void test_pages(void)
{
	struct nx_watcher *fresh, *resumed;
	struct nx_buffer out = {0};
	int lines = 0;

	server_begin();
	for (int revision = 2; revision <= 900; revision++) {
		if (revision % 100 == 0)
			tombstone_store(revision);
		else
			device_store(revision);
	}
	fresh = watch(NX_WATCH_DEVICE, 0);
	read_lines(fresh, &out, 899 - 9 + 1, 4096);
	for (const char *at = out.data; (at = strchr(at, '\n')); at++)
		lines++;
	CU_ASSERT_EQUAL(lines, 899 - 9 + 1);
	CU_ASSERT_PTR_NULL(strstr(out.data, "delete"));
	UNIT_ASSERT_HOLDS(out.data, "{\"type\":\"tail\",\"revision\":900}\n");
	nx_buffer_free(&out);
	resumed = watch(NX_WATCH_DEVICE, 898);
	read_lines(resumed, &out, 3, 4096);
	UNIT_ASSERT_HOLDS(out.data, "\"public_key\":\"k899\"");
	UNIT_ASSERT_HOLDS(out.data,
			  "{\"kind\":\"device\",\"type\":\"delete\",\"value\":{\"id\":\"gone900\"}}\n");
	UNIT_ASSERT_HOLDS(out.data, "{\"type\":\"tail\",\"revision\":900}\n");
	nx_buffer_free(&out);
	nx_watcher_drop(fresh);
	nx_watcher_drop(resumed);
	server_end();
}

/* Another server has written: its changes are fetched when ours leave a hole, or when it says so. */
static void test_holes(void)
{
	struct nx_watcher *watcher;
	struct nx_buffer out = {0};

	server_begin();
	watcher = watch(NX_WATCH_DEVICE, 0);
	expect(watcher, 1, "{\"type\":\"tail\",\"revision\":1}\n");
	device_store(2);
	device_store(3);
	device_store(4);
	publish(4);
	read_lines(watcher, &out, 3, 4096);
	UNIT_ASSERT_HOLDS(out.data, "\"k2\"");
	UNIT_ASSERT_HOLDS(out.data, "\"k3\"");
	UNIT_ASSERT_HOLDS(out.data, "\"k4\"");
	nx_buffer_clear(&out);
	device_store(5);
	nx_watch_payload(&server, ORGANIZATION " 5");
	read_lines(watcher, &out, 1, 4096);
	UNIT_ASSERT_HOLDS(out.data, "\"k5\"");
	nx_buffer_clear(&out);
	device_store(6);
	nx_watch_payload(&server, ""); /* "something was missed" */
	read_lines(watcher, &out, 1, 4096);
	UNIT_ASSERT_HOLDS(out.data, "\"k6\"");
	nx_buffer_clear(&out);
	/* Told, but never committed; and what comes next is not taken for it. */
	nx_watch_notified(server.watch, ORGANIZATION, 7);
	usleep(50000);
	CU_ASSERT_EQUAL(nx_watcher_read(watcher, (char[64]){0}, 64), 0);
	commit(7);
	read_lines(watcher, &out, 1, 4096);
	UNIT_ASSERT_HOLDS(out.data, "7");
	nx_watch_payload(&server, "garbage");
	nx_watch_payload(&server, "00000000-0000-7000-8000-000000000002 5");
	nx_buffer_free(&out);
	nx_watcher_drop(watcher);
	server_end();
}

static void test_kinds(void)
{
	static const char line[] = "{\"type\":\"change\",\"value\":\"organization\"}\n";
	struct nx_watcher *devices, *organizations;

	server_begin();
	devices = watch(NX_WATCH_DEVICE, 1);
	organizations = watch(NX_WATCH_ORGANIZATION, 1);
	expect(devices, 1, "{\"type\":\"tail\",\"revision\":1}\n");
	expect(organizations, 1, "{\"type\":\"tail\",\"revision\":1}\n");
	execute("UPDATE organizations SET revision = 2, changed = 2");
	nx_watch_publish(server.watch, NX_WATCH_ORGANIZATION, false, ORGANIZATION, 2, line, sizeof(line) - 1);
	commit(3);
	expect(devices, 1, "{\"type\":\"change\",\"value\":3}\n");
	expect(organizations, 1, line);
	nx_watcher_drop(devices);
	nx_watcher_drop(organizations);
	server_end();
}

static void test_too_slow(void)
{
	struct nx_watcher *watcher;

	server_begin();
	pthread_mutex_lock(&server.watch->lock);
	server.watch->backlog = 16;
	pthread_mutex_unlock(&server.watch->lock);
	watcher = watch(NX_WATCH_DEVICE, 0);
	expect(watcher, 1, "{\"type\":\"tail\",\"revision\":1}\n");
	for (int revision = 2; revision <= 17; revision++)
		commit(revision);
	expect(watcher, 1,
	       "{\"type\":\"change\",\"value\":2}\n{\"type\":\"change\",\"value\":3}\n{\"type\":\"change\","
	       "\"value\":4}\n"
	       "{\"type\":\"change\",\"value\":5}\n{\"type\":\"change\",\"value\":6}\n{\"type\":\"change\","
	       "\"value\":7}\n"
	       "{\"type\":\"change\",\"value\":8}\n{\"type\":\"change\",\"value\":9}\n{\"type\":\"change\","
	       "\"value\":10}\n"
	       "{\"type\":\"change\",\"value\":11}\n{\"type\":\"change\",\"value\":12}\n{\"type\":\"change\","
	       "\"value\":13}\n"
	       "{\"type\":\"change\",\"value\":14}\n{\"type\":\"change\",\"value\":15}\n{\"type\":\"change\","
	       "\"value\":16}\n"
	       "{\"type\":\"change\",\"value\":17}\n");
	for (int revision = 18; revision <= 34; revision++)
		commit(revision);
	CU_ASSERT_EQUAL(nothing_but_the_end(watcher), -2);
	nx_watcher_drop(watcher);
	server_end();
}

static void test_cut_off(void)
{
	struct nx_watcher *revoked, *expelled, *closed;

	server_begin();
	revoked = watch(NX_WATCH_DEVICE, 0);
	expect(revoked, 1, "{\"type\":\"tail\",\"revision\":1}\n");
	nx_watch_revoke(server.watch, "another hash");
	CU_ASSERT_EQUAL(nx_watcher_read(revoked, (char[64]){0}, 64), 0);
	nx_watch_revoke(server.watch, "a hash");
	CU_ASSERT_EQUAL(nothing_but_the_end(revoked), -2);
	nx_watcher_drop(revoked);
	expelled = watch(NX_WATCH_DEVICE, 0);
	nx_watch_expel(server.watch, "another organization", "a device");
	expect(expelled, 1, "{\"type\":\"tail\",\"revision\":1}\n");
	nx_watch_expel(server.watch, ORGANIZATION, "a device");
	CU_ASSERT_EQUAL(nothing_but_the_end(expelled), -2);
	nx_watcher_drop(expelled);
	closed = watch(NX_WATCH_DEVICE, 0);
	expect(closed, 1, "{\"type\":\"tail\",\"revision\":1}\n");
	publish(2);
	nx_watch_close(server.watch, ORGANIZATION);
	expect(closed, 1, "{\"type\":\"change\",\"value\":2}\n");
	CU_ASSERT_EQUAL(nothing_but_the_end(closed), -1);
	nx_watcher_drop(closed);
	server_end();
}

static void test_expiry(void)
{
	struct nx_watcher *soon, *never;

	server_begin();
	soon = watch(NX_WATCH_DEVICE, 0);
	never = watch(NX_WATCH_DEVICE, 0);
	expect(soon, 1, "{\"type\":\"tail\",\"revision\":1}\n");
	expect(never, 1, "{\"type\":\"tail\",\"revision\":1}\n");
	nx_watcher_expires(never, 0);
	nx_watcher_expires(soon, time(NULL) + 1);
	CU_ASSERT_EQUAL(nothing_but_the_end(soon), -2);
	commit(2);
	expect(never, 1, "{\"type\":\"change\",\"value\":2}\n");
	nx_watcher_drop(soon);
	nx_watcher_drop(never);
	server_end();
}

static void test_stop(void)
{
	struct nx_watcher *watcher;

	server_begin();
	watcher = watch(NX_WATCH_DEVICE, 0);
	expect(watcher, 1, "{\"type\":\"tail\",\"revision\":1}\n");
	nx_watch_stop(server.watch);
	CU_ASSERT_EQUAL(nothing_but_the_end(watcher), -1);
	CU_ASSERT_PTR_NULL(watch(NX_WATCH_DEVICE, 0));
	nx_watcher_drop(watcher);
	server_end();
}

/* Those who come at once read the same page, and a reader that is asked meanwhile is not shown half of it. */
static void test_pages_are_shared(void)
{
	enum { WATCHERS = 200 };
	struct nx_watcher *watchers[WATCHERS];
	struct nx_page *page;
	size_t pages = 0;

	server_begin();
	for (int revision = 2; revision <= 50; revision++)
		device_store(revision);
	for (int i = 0; i < WATCHERS; i++)
		watchers[i] = watch(NX_WATCH_DEVICE, 0);
	for (int i = 0; i < WATCHERS; i++) {
		struct nx_buffer out = {0};

		read_lines(watchers[i], &out, 50, 4096);
		UNIT_ASSERT_HOLDS(out.data, "{\"type\":\"tail\",\"revision\":50}\n");
		nx_buffer_free(&out);
	}
	pthread_mutex_lock(&server.watch->lock);
	LIST_FOREACH (page, &LIST_FIRST(&server.watch->all)->pages, of_tail)
		pages++;
	pthread_mutex_unlock(&server.watch->lock);
	CU_ASSERT_EQUAL(pages, 1);
	for (int i = 0; i < WATCHERS; i++)
		nx_watcher_drop(watchers[i]);
	server_end();
}

/* --- the index ------------------------------------------------------------------------------------ */

struct thing {
	struct nx_index_entry entry;
	char key[16];
};

static size_t count_of(const struct nx_index *index, const char *key)
{
	size_t count = 0;

	for (struct nx_index_entry *at = nx_index_first(index, key); at; at = nx_index_next(at))
		count++;
	return count;
}

static void test_index(void)
{
	static struct thing things[3000];
	struct nx_index index = {0};

	CU_ASSERT_PTR_NULL(nx_index_first(&index, "0"));
	for (size_t i = 0; i < NX_COUNT(things); i++) {
		snprintf(things[i].key, sizeof(things[i].key), "%zu", i / 3);
		nx_index_add(&index, &things[i].entry, things[i].key);
	}
	CU_ASSERT_EQUAL(index.count, NX_COUNT(things));
	for (size_t i = 0; i < NX_COUNT(things); i += 3) {
		CU_ASSERT_EQUAL(count_of(&index, things[i].key), 3);
		nx_index_remove(&index, &things[i + 1].entry);
		nx_index_remove(&index, &things[i + 1].entry);
		CU_ASSERT_EQUAL(count_of(&index, things[i].key), 2);
	}
	CU_ASSERT_EQUAL(count_of(&index, "1000"), 0);
	CU_ASSERT_EQUAL(index.count, NX_COUNT(things) / 3 * 2);
	nx_index_clear(&index);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"changes as they happen", test_live},
		{"byte by byte", test_byte_by_byte},
		{"pages from the store", test_pages},
		{"pages are shared", test_pages_are_shared},
		{"holes are filled", test_holes},
		{"kinds", test_kinds},
		{"too slow", test_too_slow},
		{"cut off", test_cut_off},
		{"a token expires", test_expiry},
		{"stopping", test_stop},
		{"index", test_index},
		CU_TEST_INFO_NULL,
	};

	nx_secret_setup();
	return unit_run("watch", tests);
}
