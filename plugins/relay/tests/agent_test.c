/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's agent half, as far as it needs no kernel: configuration, records, the ruleset, the file of what
 * to undo. */
#include <cjson/cJSON.h>
#include <nexodus/relay.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/ipam/tests/fake_agent.h"
#include "plugins/ipam/tests/suite.h"
#include "plugins/relay/firewall.h"
#include "plugins/relay/opening.h"
#include "plugins/relay/undo.h"

static struct fake_setting settings[] = {{"relay-node", "false"},
					 {"relay-only", "false"},
					 {"keepalive", "20"},
					 {"snat", "false"},
					 {NULL, NULL}};
static struct nx_host host = {.settings = settings, .interface = "wg0", .state_directory = "/nonexistent"};

static const struct nx_relay_ops *ops(void)
{
	return ((const struct nx_provide *)nexodus_plugin()->provides.rows)->ops;
}

static void *load(const char *node, const char *only)
{
	void *instance = NULL;

	settings[0].value = node;
	settings[1].value = only;
	CU_ASSERT_EQUAL_FATAL(nexodus_plugin()->load(&host, fake_services_of_agent(), &instance, NULL),
			      NX_OK);
	return instance;
}

static void test_exclusive(void)
{
	struct nx_error error = {0};
	void *instance = NULL;

	settings[0].value = settings[1].value = "true";
	CU_ASSERT_EQUAL(nexodus_plugin()->load(&host, fake_services_of_agent(), &instance, &error),
			NX_INVALID);
	CU_ASSERT_PTR_NULL(instance);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "exclude each other"));
}

static bool describes(const char *node, const char *only, const char *expected)
{
	void *instance = load(node, only);
	struct nx_json_writer *writer = fake_writer();

	ops()->describe_wishes(instance, writer);
	char *text = cJSON_PrintUnformatted((const cJSON *)(const void *)fake_written(writer));
	bool same = strcmp(text, expected) == 0;
	free(text);
	fake_json_free(fake_written(writer));
	nexodus_plugin()->unload(instance);
	return same;
}

static void test_describe(void)
{
	CU_ASSERT(describes("false", "false", "{\"relay\":false,\"symmetric_nat\":false}"));
	CU_ASSERT(describes("true", "false", "{\"relay\":true,\"symmetric_nat\":false}"));
	CU_ASSERT(describes("false", "true", "{\"relay\":false,\"symmetric_nat\":true}"));
}

static bool reports(const char *node, const char *only, const struct nx_relay_self *self,
		    const char *expected)
{
	void *instance = load(node, only);
	struct nx_json_writer *writer = fake_writer();

	ops()->describe_self(instance, self, writer);
	char *text = cJSON_PrintUnformatted((const cJSON *)(const void *)fake_written(writer));
	bool same = strcmp(text, expected) == 0;
	free(text);
	fake_json_free(fake_written(writer));
	nexodus_plugin()->unload(instance);
	return same;
}

/* What is found out is told, but for a host whose operator has decided, and not without an answer. */
static void test_report(void)
{
	const struct nx_relay_self unknown = {.size = sizeof(unknown)};
	const struct nx_relay_self symmetric = {
		.size = sizeof(symmetric), .nat = NX_NAT_SYMMETRIC, .via = "r"};
	const struct nx_relay_self none = {.size = sizeof(none), .nat = NX_NAT_NONE};
	const struct nx_relay_self drains = {.size = sizeof(drains), .nat = NX_NAT_NONE, .draining = true};

	CU_ASSERT(reports("false", "false", &unknown, "{\"relay_draining\":false,\"relay_id\":\"\"}"));
	CU_ASSERT(reports("false", "false", &symmetric,
			  "{\"symmetric_nat\":true,\"relay_draining\":false,\"relay_id\":\"r\"}"));
	CU_ASSERT(reports("false", "false", &none,
			  "{\"symmetric_nat\":false,\"relay_draining\":false,\"relay_id\":\"\"}"));
	CU_ASSERT(reports("false", "true", &none, "{\"relay_draining\":false,\"relay_id\":\"\"}"));
	CU_ASSERT(reports("true", "false", &drains,
			  "{\"symmetric_nat\":false,\"relay_draining\":true,\"relay_id\":\"\"}"));
}

static bool stands(const char *json, bool relay, bool spoke)
{
	void *instance = load("false", "false");
	const struct nx_json *device = fake_json(json);
	struct nx_relay_standing standing = {.relay = !relay, .spoke = !spoke};

	ops()->standing(instance, device, &standing);
	fake_json_free(device);
	nexodus_plugin()->unload(instance);
	return standing.relay == relay && standing.spoke == spoke;
}

static void test_standing(void)
{
	CU_ASSERT(stands("{}", false, false));
	CU_ASSERT(stands("{\"relay\":true,\"symmetric_nat\":false}", true, false));
	CU_ASSERT(stands("{\"relay\":false,\"symmetric_nat\":true}", false, true));
	CU_ASSERT(stands("{\"relay\":true,\"symmetric_nat\":true}", true, false));
	CU_ASSERT(stands("{\"relay\":\"true\",\"symmetric_nat\":1}", false, false));
}

/* Relays share the hosts about evenly; one that goes moves only its own. One that drains stands where it
 * stood: what others expect of a host changes when the host says so. */
static void test_prefer(void)
{
	const struct nx_member a = {.id = "0a"}, b = {.id = "0b"};
	const struct nx_member drains = {.id = "0a", .standing.draining = true};
	size_t first = 0;

	for (unsigned i = 0; i < 1000; i++) {
		char id[16];
		const struct nx_member member = {.id = id};

		snprintf(id, sizeof(id), "host-%u", i);
		CU_ASSERT_NOT_EQUAL(ops()->prefer(NULL, &member, &a, &b),
				    ops()->prefer(NULL, &member, &b, &a));
		CU_ASSERT_FALSE(ops()->prefer(NULL, &member, &a, &a));
		CU_ASSERT_EQUAL(ops()->prefer(NULL, &member, &drains, &b),
				ops()->prefer(NULL, &member, &a, &b));
		first += ops()->prefer(NULL, &member, &a, &b);
	}
	CU_ASSERT_TRUE(first > 400 && first < 600);
}

/* --- the ruleset
 * ------------------------------------------------------------------------------------------------ */

static void test_names(void)
{
	static const char *const bad[] = {"",	    "wg0\"",  "wg 0",	    "wg0;",
					  "wg0*",   "wg0\n",  "{wg0}",	    "$wg0",
					  "wg0\\x", "../wg0", "wg\xc3\xa9", "sixteen-letters-"};

	CU_ASSERT_TRUE(firewall_name_fit("wg0"));
	CU_ASSERT_TRUE(firewall_name_fit("a_b-c.d"));
	CU_ASSERT_TRUE(firewall_name_fit("fifteen-letters"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		void *instance = load("false", "false");
		struct nx_error error = {0};

		CU_ASSERT_FALSE(firewall_name_fit(bad[i]));
		CU_ASSERT_EQUAL(ops()->forward(instance, bad[i], true, NULL, 0, &error), NX_INVALID);
		CU_ASSERT_EQUAL(host.programs_run, 0);
		nexodus_plugin()->unload(instance);
	}
}

static bool ruleset_has(bool relay, size_t count, const char *part)
{
	const struct nx_prefix networks[] = {fake_prefix("172.17.20.0/24"), fake_prefix("fd20::/48"),
					     fake_prefix("10.1.0.0/16")};
	const struct firewall_wish wish = {"wg0", relay, networks, count, false};
	char *text = firewall_text(&fake_services, &wish);
	bool has = text && strstr(text, part);

	free(text);
	return has;
}

static void test_ruleset(void)
{
	CU_ASSERT_TRUE(ruleset_has(true, 0, "iifname \"wg0\" oifname \"wg0\" accept"));
	CU_ASSERT_FALSE(ruleset_has(true, 0, "networks"));
	CU_ASSERT_FALSE(ruleset_has(false, 3, "oifname"));
	CU_ASSERT_TRUE(ruleset_has(false, 3, "elements = { 172.17.20.0/24, 10.1.0.0/16 }"));
	CU_ASSERT_TRUE(ruleset_has(false, 3, "iifname \"wg0\" ip6 daddr @networks_v6 accept"));
	CU_ASSERT_FALSE(ruleset_has(false, 1, "networks_v6"));
	CU_ASSERT_TRUE(ruleset_has(false, 1, "iifname \"wg0\" drop"));
	CU_ASSERT_FALSE(ruleset_has(false, 3, "masquerade"));
}

static void test_translation(void)
{
	const struct nx_prefix networks[] = {fake_prefix("172.17.20.0/24")};
	const struct firewall_wish wish = {"wg0", true, networks, 1, true};
	char *text = firewall_text(&fake_services, &wish);

	CU_ASSERT_PTR_NOT_NULL(
		strstr(text, "iifname \"wg0\" oifname != \"wg0\" ip daddr @networks_v4 masquerade"));
	CU_ASSERT_PTR_NULL(strstr(text, "ip6 daddr"));
	free(text);
}

/* --- the host's own firewall
 * ------------------------------------------------------------------------------- */

static char *opening_text(bool legacy, const char *family)
{
	const struct nx_prefix networks[] = {fake_prefix("172.17.20.0/24"), fake_prefix("fd20::/48")};
	const struct firewall_wish wish = {"wg0", true, networks, 2, false};
	const struct opener opener = {&fake_services, NULL, "wg0"};
	struct place place;
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	CU_ASSERT_TRUE_FATAL(place_make(&place, legacy, family, "filter", "FORWARD"));
	opening_write(out, &opener, &place, &wish);
	fclose(out);
	return text;
}

static void test_openings(void)
{
	char *text = opening_text(false, "inet");

	CU_ASSERT_PTR_NOT_NULL(strstr(text, "insert rule inet filter FORWARD iifname \"wg0\" ip daddr "
					    "172.17.20.0/24 counter accept comment \"nexodus wg0\"\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "oifname \"wg0\" ip6 saddr fd20::/48"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "iifname \"wg0\" oifname \"wg0\" counter accept"));
	free(text);
	text = opening_text(true, "ip6");
	CU_ASSERT_PTR_NOT_NULL(strstr(text,
				      "-I FORWARD -d fd20::/48 -i wg0 -m comment --comment \"nexodus wg0\" "
				      "-j ACCEPT\n"));
	CU_ASSERT_PTR_NULL(strstr(text, "172.17"));
	free(text);
}

/* Names come from the host's firewall, and from a file: they go into rulesets. */
static void test_places(void)
{
	struct place place, same;
	struct places places = {0};

	CU_ASSERT_FALSE(place_make(&place, false, "bridge", "filter", "forward"));
	CU_ASSERT_FALSE(place_make(&place, true, "inet", "filter", "forward"));
	CU_ASSERT_FALSE(place_make(&place, false, "ip", "filter", "forward; flush ruleset"));
	CU_ASSERT_FALSE(place_make(&place, false, "ip", "", "forward"));
	CU_ASSERT_FALSE(place_read(&place, "nft ip filter"));
	CU_ASSERT_FALSE(place_read(&place, "ipset ip filter forward"));
	CU_ASSERT_TRUE(place_read(&place, "legacy ip6 filter DOCKER-USER"));
	CU_ASSERT_TRUE(place_make(&same, true, "ip6", "filter", "DOCKER-USER"));
	CU_ASSERT_TRUE(place_same(&place, &same));
	CU_ASSERT_TRUE(places_add(&places, &place) && places_add(&places, &same));
	CU_ASSERT_EQUAL(places.count, 1);
	for (int i = 1; i < PLACES_MAXIMUM; i++) {
		snprintf(same.chain, sizeof(same.chain), "chain%d", i);
		CU_ASSERT_TRUE(places_add(&places, &same));
	}
	snprintf(same.chain, sizeof(same.chain), "more");
	CU_ASSERT_FALSE(places_add(&places, &same));
	places_remove(&places, 0);
	CU_ASSERT_FALSE(places_have(&places, &place));
	places_clear(&places);
	CU_ASSERT_EQUAL(places.count, 0);
}

/* --- the file
 * --------------------------------------------------------------------------------------------------- */

static char directory[] = "/tmp/relay-undo.XXXXXX";

static void undo_fill(struct undo *undo)
{
	*undo = (struct undo){.interface = "wg0"};
	undo->switches[UNDO_IPV6].ours = true;
	CU_ASSERT_TRUE(undo_add(&undo->switches[UNDO_IPV6], "net/ipv6/conf/eth0/accept_ra", 1));
	CU_ASSERT_TRUE(undo_add(&undo->switches[UNDO_IPV6], "net/ipv6/conf/eth1/forwarding", 0));
}

static bool undo_same(const struct undo *a, const struct undo *b)
{
	if (strcmp(a->interface, b->interface) != 0)
		return false;
	for (size_t i = 0; i < UNDO_FAMILIES; i++) {
		const struct undo_switch *left = &a->switches[i], *right = &b->switches[i];
		if (left->ours != right->ours || left->count != right->count)
			return false;
		for (size_t j = 0; j < left->count; j++) {
			if (strcmp(left->values[j].name, right->values[j].name) != 0 ||
			    left->values[j].value != right->values[j].value)
				return false;
		}
	}
	return true;
}

static size_t file_read(char *text, size_t room)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/forwarding", directory);
	FILE *file = fopen(path, "re");
	size_t length = file ? fread(text, 1, room, file) : 0;
	if (file)
		fclose(file);
	return length;
}

static void file_write(const char *text, size_t length)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/forwarding", directory);
	FILE *file = fopen(path, "we");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_EQUAL(fwrite(text, 1, length, file), length);
	fclose(file);
}

static void test_file(void)
{
	struct undo undo, loaded;

	CU_ASSERT_TRUE(undo_load(&loaded, directory));
	CU_ASSERT_STRING_EQUAL(loaded.interface, "");
	undo_fill(&undo);
	CU_ASSERT_TRUE(undo_save(&undo, directory));
	CU_ASSERT_TRUE(undo_load(&loaded, directory));
	CU_ASSERT_TRUE(undo_same(&undo, &loaded));
	undo_clear(&loaded);
	undo_forget(directory);
	CU_ASSERT_TRUE(undo_load(&loaded, directory));
	CU_ASSERT_STRING_EQUAL(loaded.interface, "");
	CU_ASSERT_FALSE(undo_save(&undo, "/nonexistent"));
	undo_clear(&undo);
}

/* Cut at every byte, and with every bit flipped: nothing of it is believed. */
static void test_damage(void)
{
	struct undo undo, loaded;
	char text[4096];

	undo_fill(&undo);
	CU_ASSERT_TRUE(undo_save(&undo, directory));
	size_t length = file_read(text, sizeof(text));
	CU_ASSERT(length > 0 && length < sizeof(text));
	for (size_t cut = 0; cut < length; cut++) {
		file_write(text, cut);
		CU_ASSERT_FALSE(undo_load(&loaded, directory));
		CU_ASSERT_STRING_EQUAL(loaded.interface, "");
	}
	for (size_t bit = 0; bit < length * 8; bit++) {
		text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
		file_write(text, length);
		CU_ASSERT_FALSE(undo_load(&loaded, directory));
		CU_ASSERT_STRING_EQUAL(loaded.interface, "");
		text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
	}
	undo_forget(directory);
	undo_clear(&undo);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"relay-node and relay-only exclude each other", test_exclusive},
		{"this host's wishes", test_describe},
		{"what is found out is told", test_report},
		{"how devices stand", test_standing},
		{"one relay is preferred", test_prefer},
		{"names that cannot stand in a rule", test_names},
		{"the ruleset", test_ruleset},
		{"source NAT", test_translation},
		{"openings in the host\'s own firewall", test_openings},
		{"places of openings", test_places},
		{"the file of what to undo", test_file},
		{"a damaged file", test_damage},
		CU_TEST_INFO_NULL,
	};

	if (!mkdtemp(directory))
		return 2;
	int result = suite_run("relay agent", tests);
	rmdir(directory);
	return result;
}
