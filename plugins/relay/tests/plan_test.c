/* SPDX-License-Identifier: Apache-2.0 */
/* The hub policy as a table: who has whom as a peer, with which prefixes, where, and who keeps the way open.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/ipam/tests/fake_host.h"
#include "plugins/ipam/tests/suite.h"
#include "plugins/relay/plan.h"

enum { FAMILIES = 2, CHILDREN = 2, PLAN_ROOM = 32, TEXT_ROOM = 1024 };

/* A member as text; "" where it has none. */
struct member_text {
	const char *id;
	bool relay, spoke;
	const char *address[FAMILIES];
	const char *endpoint[FAMILIES];
	const char *children[CHILDREN];
};

static const struct member_text texts[] = {
	{"one", false, false, {"100.100.0.1", "fd00::1"}, {"192.0.2.1:1001", "[2001:db8::1]:1001"}, {"", ""}},
	{"two", false, false, {"100.100.0.2", "fd00::2"}, {"192.0.2.2:1002", "[2001:db8::2]:1002"}, {"", ""}},
	{"four", false, false, {"100.100.0.4", ""}, {"192.0.2.4:1004", ""}, {"", ""}},
	{"six", false, false, {"", "fd00::6"}, {"", "[2001:db8::6]:1006"}, {"", ""}},
	/* Both families inside, only IPv6 outside; and one that says no endpoint at all. */
	{"out6", false, false, {"100.100.0.7", "fd00::7"}, {"", "[2001:db8::7]:1007"}, {"", ""}},
	{"mute", false, false, {"100.100.0.8", "fd00::8"}, {"", ""}, {"", ""}},
	{"router",
	 false,
	 false,
	 {"100.100.0.9", "fd00::9"},
	 {"192.0.2.9:1009", ""},
	 {"172.17.9.0/24", "fd09::/48"}},
	{"spoke", false, true, {"100.100.0.20", "fd00::20"}, {"198.51.100.20:9", ""}, {"", ""}},
	{"spoke4", false, true, {"100.100.0.21", ""}, {"198.51.100.21:9", ""}, {"", ""}},
	{"spokenet", false, true, {"100.100.0.22", "fd00::22"}, {"", ""}, {"172.17.22.0/24", "fd22::/48"}},
	{"relay",
	 true,
	 false,
	 {"100.100.0.30", "fd00::30"},
	 {"192.0.2.30:1030", ""},
	 {"172.17.30.0/24", "fd30::/48"}},
	{"relay2", true, false, {"100.100.0.31", "fd00::31"}, {"192.0.2.31:1031", ""}, {"", ""}},
	{"relay4", true, false, {"100.100.0.32", ""}, {"192.0.2.32:1032", ""}, {"", ""}},
};

enum { MEMBERS = sizeof(texts) / sizeof(texts[0]) };

static struct nx_member members[MEMBERS];
static struct nx_member_family families[MEMBERS][FAMILIES];
static struct nx_prefix children[MEMBERS][CHILDREN];

static void member_build(size_t i)
{
	static const char *const organizations[FAMILIES] = {"100.100.0.0/16", "fd00::/64"};
	const struct member_text *text = &texts[i];
	size_t count = 0;

	for (size_t family = 0; family < FAMILIES; family++) {
		if (!*text->address[family])
			continue;
		families[i][family].present = true;
		families[i][family].address = fake_address(text->address[family]);
		families[i][family].organization = fake_prefix(organizations[family]);
		if (*text->endpoint[family])
			families[i][family].endpoint = fake_endpoint(text->endpoint[family]);
	}
	for (size_t child = 0; child < CHILDREN; child++) {
		if (*text->children[child])
			children[i][count++] = fake_prefix(text->children[child]);
	}
	members[i] = (struct nx_member){
		.id = text->id,
		.standing = {text->relay, text->spoke},
		.families = families[i],
		.family_count = FAMILIES,
		.child_prefixes = children[i],
		.child_prefix_count = count,
	};
}

static const struct nx_member *member_named(const char *name)
{
	for (size_t i = 0; i < MEMBERS; i++) {
		if (strcmp(texts[i].id, name) == 0)
			return &members[i];
	}
	return NULL;
}

/* What the agent's core does: the child prefixes that `self` reaches through the relay. */
static size_t relayed_children(const struct nx_mesh *mesh, struct nx_prefix out[static MEMBERS * CHILDREN])
{
	size_t count = 0;

	for (size_t i = 0; i < MEMBERS && mesh->relay && mesh->relay != mesh->self; i++) {
		const struct nx_member *member = &members[i];
		if (member == mesh->self || member == mesh->relay)
			continue;
		if (!mesh->self->standing.spoke && !member->standing.spoke)
			continue;
		for (size_t child = 0; child < member->child_prefix_count; child++)
			out[count++] = member->child_prefixes[child];
	}
	return count;
}

static void plan_write(const struct nx_peer_plan *plan, char text[static TEXT_ROOM])
{
	static const char *const paths[] = {"none", "direct", "relay"};
	char part[NX_ADDRESS_TEXT];
	FILE *out = fmemopen(text, TEXT_ROOM, "w");

	if (!out)
		abort();
	fputs(paths[plan->path], out);
	for (size_t i = 0; i < plan->prefix_count; i++)
		fprintf(out, " %s", fake_services.address->prefix_format(&plan->prefixes[i], part));
	if (plan->endpoint.port)
		fprintf(out, " @%s", fake_services.address->endpoint_format(&plan->endpoint, part));
	if (plan->keepalive_seconds)
		fprintf(out, " keepalive %u", plan->keepalive_seconds);
	fclose(out);
}

/* --- the table
 * ---------------------------------------------------------------------------------------------------- */

#define SUPERNETS "100.100.0.0/16 fd00::/64"

static const struct plan_case {
	const char *self, *relay, *member;
	const char *expected;
} cases[] = {
	/* Ordinary hosts, without any relay. */
	{"one", "", "two", "direct 100.100.0.2/32 fd00::2/128 @192.0.2.2:1002 keepalive 20"},
	{"one", "", "router",
	 "direct 100.100.0.9/32 fd00::9/128 172.17.9.0/24 fd09::/48 @192.0.2.9:1009 keepalive 20"},
	{"one", "", "spoke", "none"},
	{"spoke", "", "one", "none"},
	{"spoke", "", "spokenet", "none"},

	/* Families that one side does not have. */
	{"one", "", "four", "direct 100.100.0.4/32 @192.0.2.4:1004 keepalive 20"},
	{"four", "", "one", "direct 100.100.0.1/32 @192.0.2.1:1001 keepalive 20"},
	{"four", "", "router", "direct 100.100.0.9/32 172.17.9.0/24 @192.0.2.9:1009 keepalive 20"},
	{"six", "", "one", "direct fd00::1/128 @[2001:db8::1]:1001 keepalive 20"},
	{"six", "", "router", "direct fd00::9/128 fd09::/48 keepalive 20"},
	{"four", "", "six", "none"},
	{"six", "", "four", "none"},

	/* The underlay: IPv4 where both have it, then IPv6, then what the other has. */
	{"one", "", "out6", "direct 100.100.0.7/32 fd00::7/128 @[2001:db8::7]:1007 keepalive 20"},
	{"out6", "", "two", "direct 100.100.0.2/32 fd00::2/128 @[2001:db8::2]:1002 keepalive 20"},
	{"out6", "", "router",
	 "direct 100.100.0.9/32 fd00::9/128 172.17.9.0/24 fd09::/48 @192.0.2.9:1009 keepalive 20"},
	{"mute", "", "two", "direct 100.100.0.2/32 fd00::2/128 @192.0.2.2:1002 keepalive 20"},
	{"two", "", "mute", "direct 100.100.0.8/32 fd00::8/128 keepalive 20"},

	/* Ordinary hosts and a relay: it also carries the organization, and the networks behind spokes. */
	{"one", "relay", "two", "direct 100.100.0.2/32 fd00::2/128 @192.0.2.2:1002 keepalive 20"},
	{"one", "relay", "spoke", "none"},
	{"one", "relay", "spokenet", "none"},
	{"one", "relay", "relay",
	 "relay 100.100.0.30/32 fd00::30/128 " SUPERNETS " 172.17.22.0/24 fd22::/48 172.17.30.0/24 fd30::/48 "
	 "@192.0.2.30:1030 keepalive 20"},
	{"four", "relay", "relay",
	 "relay 100.100.0.30/32 100.100.0.0/16 172.17.22.0/24 172.17.30.0/24 @192.0.2.30:1030 keepalive 20"},
	{"six", "relay", "relay", "relay fd00::30/128 fd00::/64 fd22::/48 fd30::/48 keepalive 20"},

	/* Spokes: the relay alone. */
	{"spoke", "relay", "one", "none"},
	{"spoke", "relay", "spokenet", "none"},
	{"spoke", "relay", "relay2", "none"},
	{"spoke", "relay", "relay",
	 "relay " SUPERNETS " 172.17.9.0/24 fd09::/48 172.17.22.0/24 fd22::/48 172.17.30.0/24 fd30::/48 "
	 "@192.0.2.30:1030 keepalive 20"},
	{"spokenet", "relay", "relay",
	 "relay " SUPERNETS
	 " 172.17.9.0/24 fd09::/48 172.17.30.0/24 fd30::/48 @192.0.2.30:1030 keepalive 20"},
	{"spoke4", "relay", "relay",
	 "relay 100.100.0.0/16 172.17.9.0/24 172.17.22.0/24 172.17.30.0/24 @192.0.2.30:1030 keepalive 20"},

	/* The relay itself: everybody, spokes from wherever they come. */
	{"relay", "relay", "one", "direct 100.100.0.1/32 fd00::1/128 @192.0.2.1:1001 keepalive 20"},
	{"relay", "relay", "router",
	 "direct 100.100.0.9/32 fd00::9/128 172.17.9.0/24 fd09::/48 @192.0.2.9:1009 keepalive 20"},
	{"relay", "relay", "spoke", "direct 100.100.0.20/32 fd00::20/128"},
	{"relay", "relay", "spoke4", "direct 100.100.0.21/32"},
	{"relay", "relay", "spokenet", "direct 100.100.0.22/32 fd00::22/128 172.17.22.0/24 fd22::/48"},
	{"relay", "relay", "relay2", "direct 100.100.0.31/32 fd00::31/128 @192.0.2.31:1031 keepalive 20"},

	/* A second relay is an ordinary host while the first is chosen. */
	{"one", "relay", "relay2", "direct 100.100.0.31/32 fd00::31/128 @192.0.2.31:1031 keepalive 20"},
	{"relay2", "relay", "spoke", "none"},
	{"relay2", "relay", "relay",
	 "relay 100.100.0.30/32 fd00::30/128 " SUPERNETS " 172.17.22.0/24 fd22::/48 172.17.30.0/24 fd30::/48 "
	 "@192.0.2.30:1030 keepalive 20"},
	{"relay2", "relay2", "spoke", "direct 100.100.0.20/32 fd00::20/128"},
	{"one", "relay2", "relay",
	 "direct 100.100.0.30/32 fd00::30/128 172.17.30.0/24 fd30::/48 @192.0.2.30:1030 keepalive 20"},

	/* A relay without IPv6 carries IPv4 alone; one who has only IPv6 has nothing of it. */
	{"spoke", "relay4", "relay4",
	 "relay 100.100.0.0/16 172.17.9.0/24 172.17.22.0/24 172.17.30.0/24 @192.0.2.32:1032 keepalive 20"},
	{"one", "relay4", "relay4",
	 "relay 100.100.0.32/32 100.100.0.0/16 172.17.22.0/24 @192.0.2.32:1032 keepalive 20"},
	{"six", "relay4", "relay4", "none"},
	{"relay4", "relay4", "spoke", "direct 100.100.0.20/32"},
};

static void test_table(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct plan_case *row = &cases[i];
		struct nx_prefix relayed[MEMBERS * CHILDREN], prefixes[PLAN_ROOM];
		struct nx_mesh mesh = {.size = sizeof(mesh),
				       .self = member_named(row->self),
				       .relay = member_named(row->relay)};
		struct nx_peer_plan plan = {
			.size = sizeof(plan), .prefixes = prefixes, .prefix_room = PLAN_ROOM};
		char text[TEXT_ROOM];

		mesh.relayed_child_prefixes = relayed;
		mesh.relayed_child_prefix_count = relayed_children(&mesh, relayed);
		relay_plan(&mesh, member_named(row->member), 20, &plan);
		plan_write(&plan, text);
		if (strcmp(text, row->expected) != 0)
			fprintf(stderr, "%s sees %s, relay %s:\n  %s\nexpected:\n  %s\n", row->self,
				row->member, row->relay, text, row->expected);
		CU_ASSERT_STRING_EQUAL(text, row->expected);
	}
}

/* Whatever the room: never past its end, and the number that is needed is told. */
static void test_room(void)
{
	const struct nx_mesh mesh = {
		.size = sizeof(mesh), .self = member_named("one"), .relay = member_named("relay")};

	for (size_t room = 0; room <= 8; room++) {
		struct nx_prefix *prefixes = calloc(room ? room : 1, sizeof(*prefixes));
		struct nx_peer_plan plan = {.size = sizeof(plan), .prefixes = prefixes, .prefix_room = room};

		relay_plan(&mesh, mesh.relay, 20, &plan);
		CU_ASSERT_EQUAL(plan.prefix_count, 6);
		free(prefixes);
	}
}

/* Two hosts that plan for each other agree whether they are peers, but for what a spoke leaves to its relay.
 */
static void test_agreement(void)
{
	static const char *const relays[] = {"", "relay", "relay2", "relay4"};

	for (size_t r = 0; r < sizeof(relays) / sizeof(relays[0]); r++) {
		for (size_t i = 0; i < (size_t)MEMBERS * MEMBERS; i++) {
			const struct nx_member *a = &members[i % MEMBERS], *b = &members[i / MEMBERS];
			const struct nx_member *relay = member_named(relays[r]);
			struct nx_prefix prefixes[PLAN_ROOM];
			struct nx_peer_plan there = {.prefixes = prefixes, .prefix_room = PLAN_ROOM},
					    back = there;

			if (a == b)
				continue;
			relay_plan(&(struct nx_mesh){.self = a, .relay = relay}, b, 20, &there);
			relay_plan(&(struct nx_mesh){.self = b, .relay = relay}, a, 20, &back);
			CU_ASSERT_EQUAL(there.path == NX_PATH_NONE, back.path == NX_PATH_NONE);
		}
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"who has whom as a peer", test_table},
		{"plans keep to their room", test_room},
		{"both sides agree", test_agreement},
		CU_TEST_INFO_NULL,
	};

	for (size_t i = 0; i < MEMBERS; i++)
		member_build(i);
	return suite_run("relay plan", tests);
}
