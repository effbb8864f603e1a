/* SPDX-License-Identifier: Apache-2.0 */
/* The hub policy as a table: who has whom as a peer, with which prefixes, where, and who keeps the way open.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/ipam/tests/fake_host.h"
#include "plugins/ipam/tests/suite.h"
#include "plugins/relay/choice.h"
#include "plugins/relay/endpoint.h"
#include "plugins/relay/plan.h"

enum { FAMILIES = 2, CHILDREN = 2, PLAN_ROOM = 48, TEXT_ROOM = 1024 };

/* A member as text; "" where it has none. "spoke2" says that "relay2" is its relay, and "far" is reached
 * directly by nobody. */
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
	{"spoke2", false, true, {"100.100.0.23", "fd00::23"}, {"", ""}, {"172.17.23.0/24", ""}},
	{"far", false, false, {"100.100.0.40", "fd00::40"}, {"192.0.2.40:1040", ""}, {"172.17.40.0/24", ""}},
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
		.standing = {.relay = text->relay, .spoke = text->spoke},
		.families = families[i],
		.family_count = FAMILIES,
		.child_prefixes = children[i],
		.child_prefix_count = count,
	};
	if (strcmp(text->id, "spoke2") == 0)
		snprintf(members[i].standing.via, sizeof(members[i].standing.via), "relay2");
	if (strcmp(text->id, "far") == 0)
		members[i].direct = NX_DIRECT_FAILS;
}

static const struct nx_member *member_named(const char *name)
{
	for (size_t i = 0; i < MEMBERS; i++) {
		if (strcmp(texts[i].id, name) == 0)
			return &members[i];
	}
	return NULL;
}

/* An organization of all the members, but of these relays alone. */
struct mesh_model {
	struct nx_mesh mesh;
	const struct nx_member *relays[MEMBERS];
	const struct nx_member *carried[MEMBERS];
};

static bool relay_absent(const struct mesh_model *model, const struct nx_member *member)
{
	for (size_t i = 0; i < model->mesh.relay_count; i++) {
		if (model->relays[i] == member)
			return false;
	}
	return member->standing.relay;
}

static int member_order(const void *a, const void *b)
{
	const struct nx_member *const *left = a, *const *right = b;

	return strcmp((*left)->id, (*right)->id);
}

/* `relays`: their names, the one that `self` has chosen first. */
static void mesh_make(struct mesh_model *model, const struct nx_member *self, const char *relays)
{
	char names[64], *rest = names, *name;

	*model = (struct mesh_model){.mesh = {.size = sizeof(model->mesh), .self = self}};
	snprintf(names, sizeof(names), "%s", relays);
	while ((name = strsep(&rest, " ")) && *name)
		model->relays[model->mesh.relay_count++] = member_named(name);
	if (model->mesh.relay_count)
		model->mesh.relay = self->standing.relay ? self : model->relays[0];
	qsort(model->relays, model->mesh.relay_count, sizeof(model->relays[0]), member_order);
	model->mesh.relays = model->relays;
	model->mesh.carried = model->carried;
}

/* What the agent's core does before it asks for a relay's plan. */
static void mesh_carry(struct mesh_model *model, const struct nx_member *relay)
{
	model->mesh.carried_count = 0;
	for (size_t i = 0; i < MEMBERS; i++) {
		const struct nx_member *member = &members[i];

		if (member == model->mesh.self || relay_absent(model, member) ||
		    relay_carrier(&model->mesh, member) != relay)
			continue;
		if (relay != model->mesh.relay || member->child_prefix_count)
			model->carried[model->mesh.carried_count++] = member;
	}
}

static void plan_write(const struct nx_peer_plan *plan, char text[static TEXT_ROOM])
{
	static const char *const paths[] = {"none", "direct", "relay", "probe"};
	char part[NX_ADDRESS_TEXT];
	FILE *out = fmemopen(text, TEXT_ROOM, "w");

	if (!out)
		abort();
	fputs(paths[plan->path], out);
	for (size_t i = 0; i < plan->prefix_count; i++)
		fprintf(out, " %s", fake_services.address->prefix_format(&plan->prefixes[i], part));
	for (size_t i = 0; i < plan->endpoint_count; i++)
		fprintf(out, " @%s", fake_services.address->endpoint_format(&plan->endpoints[i], part));
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
	{"one", "", "two",
	 "direct 100.100.0.2/32 fd00::2/128 @192.0.2.2:1002 @[2001:db8::2]:1002 keepalive 20"},
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
	{"six", "", "router", "direct fd00::9/128 fd09::/48 @192.0.2.9:1009 keepalive 20"},
	{"four", "", "six", "none"},
	{"six", "", "four", "none"},

	/* The underlay: IPv4 where both have it, then IPv6, then what the other has. */
	{"one", "", "out6", "direct 100.100.0.7/32 fd00::7/128 @[2001:db8::7]:1007 keepalive 20"},
	{"out6", "", "two", "direct 100.100.0.2/32 fd00::2/128 @[2001:db8::2]:1002 keepalive 20"},
	{"out6", "", "router",
	 "direct 100.100.0.9/32 fd00::9/128 172.17.9.0/24 fd09::/48 @192.0.2.9:1009 keepalive 20"},
	{"mute", "", "two",
	 "direct 100.100.0.2/32 fd00::2/128 @192.0.2.2:1002 @[2001:db8::2]:1002 keepalive 20"},
	{"two", "", "mute", "direct 100.100.0.8/32 fd00::8/128 keepalive 20"},

	/* Ordinary hosts and a relay: it also carries the organization, and the networks behind spokes. */
	{"one", "relay", "two",
	 "direct 100.100.0.2/32 fd00::2/128 @192.0.2.2:1002 @[2001:db8::2]:1002 keepalive 20"},
	{"one", "relay", "spoke", "none"},
	{"one", "relay", "spokenet", "none"},
	{"one", "relay", "relay",
	 "relay 100.100.0.30/32 fd00::30/128 " SUPERNETS
	 " 172.17.22.0/24 fd22::/48 172.17.23.0/24 172.17.40.0/24 172.17.30.0/24 fd30::/48 @192.0.2.30:1030 "
	 "keepalive 20"},
	{"four", "relay", "relay",
	 "relay 100.100.0.30/32 100.100.0.0/16 172.17.22.0/24 172.17.23.0/24 172.17.40.0/24 172.17.30.0/24 "
	 "@192.0.2.30:1030 keepalive 20"},
	{"six", "relay", "relay",
	 "relay fd00::30/128 fd00::/64 fd22::/48 fd30::/48 @192.0.2.30:1030 keepalive 20"},

	/* Spokes: the relay alone. */
	{"spoke", "relay", "one", "none"},
	{"spoke", "relay", "spokenet", "none"},
	{"spoke", "relay relay2", "relay2", "probe @192.0.2.31:1031 keepalive 5"},
	{"spoke", "relay", "relay",
	 "relay " SUPERNETS " 172.17.9.0/24 fd09::/48 172.17.22.0/24 fd22::/48 172.17.23.0/24 172.17.40.0/24 "
	 "172.17.30.0/24 fd30::/48 @192.0.2.30:1030 keepalive 20"},
	{"spokenet", "relay", "relay",
	 "relay " SUPERNETS " 172.17.9.0/24 fd09::/48 172.17.23.0/24 172.17.40.0/24 172.17.30.0/24 fd30::/48 "
	 "@192.0.2.30:1030 keepalive 20"},
	{"spoke4", "relay", "relay",
	 "relay 100.100.0.0/16 172.17.9.0/24 172.17.22.0/24 172.17.23.0/24 172.17.40.0/24 172.17.30.0/24 "
	 "@192.0.2.30:1030 keepalive 20"},

	/* The relay itself: everybody, spokes from wherever they come. */
	{"relay", "relay", "one", "direct 100.100.0.1/32 fd00::1/128 @192.0.2.1:1001 keepalive 20"},
	{"relay", "relay", "router",
	 "direct 100.100.0.9/32 fd00::9/128 172.17.9.0/24 fd09::/48 @192.0.2.9:1009 keepalive 20"},
	{"relay", "relay", "spoke", "direct 100.100.0.20/32 fd00::20/128 keepalive 20"},
	{"relay", "relay", "spoke4", "direct 100.100.0.21/32 keepalive 20"},
	{"relay", "relay", "spokenet",
	 "direct 100.100.0.22/32 fd00::22/128 172.17.22.0/24 fd22::/48 keepalive 20"},
	{"relay", "relay relay2", "relay2",
	 "relay 100.100.0.31/32 fd00::31/128 100.100.0.21/32 100.100.0.22/32 fd00::22/128 172.17.22.0/24 "
	 "fd22::/48 100.100.0.23/32 fd00::23/128 172.17.23.0/24 @192.0.2.31:1031 keepalive 20"},

	/* Two that cannot reach each other go through the relay, and go on trying; a spoke has its relay
	   anyway. */
	{"one", "", "far",
	 "direct 100.100.0.40/32 fd00::40/128 172.17.40.0/24 @192.0.2.40:1040 keepalive 20"},
	{"one", "relay", "far", "probe @192.0.2.40:1040 keepalive 20"},
	{"spoke", "relay", "far", "none"},
	{"relay", "relay", "far",
	 "direct 100.100.0.40/32 fd00::40/128 172.17.40.0/24 @192.0.2.40:1040 keepalive 20"},

	/* Several relays: "spoke2" has said that it is behind the second. */
	{"spoke2", "relay2 relay", "relay2",
	 "relay " SUPERNETS " 172.17.9.0/24 fd09::/48 172.17.22.0/24 fd22::/48 172.17.40.0/24 172.17.30.0/24 "
	 "fd30::/48 @192.0.2.31:1031 keepalive 5"},
	{"spoke2", "relay2 relay", "relay", "probe @192.0.2.30:1030 keepalive 5"},
	{"spoke2", "relay2 relay", "one", "none"},
	{"one", "relay relay2", "spoke2", "none"},
	{"one", "relay relay2", "relay",
	 "relay 100.100.0.30/32 fd00::30/128 " SUPERNETS
	 " 172.17.30.0/24 fd30::/48 @192.0.2.30:1030 keepalive 20"},
	{"one", "relay relay2", "relay2",
	 "relay 100.100.0.31/32 fd00::31/128 100.100.0.21/32 100.100.0.22/32 fd00::22/128 172.17.22.0/24 "
	 "fd22::/48 100.100.0.23/32 fd00::23/128 172.17.23.0/24 100.100.0.40/32 fd00::40/128 172.17.40.0/24 "
	 "@192.0.2.31:1031 keepalive 20"},
	{"relay2", "relay relay2", "spoke2",
	 "direct 100.100.0.23/32 fd00::23/128 172.17.23.0/24 keepalive 5"},
	{"relay", "relay relay2", "spoke2", "probe keepalive 5"},
	{"relay2", "relay relay2", "relay",
	 "relay 100.100.0.30/32 fd00::30/128 100.100.0.20/32 fd00::20/128 172.17.30.0/24 fd30::/48 "
	 "@192.0.2.30:1030 keepalive 20"},
	{"relay2", "relay2", "spoke", "direct 100.100.0.20/32 fd00::20/128 keepalive 20"},
	{"one", "relay2 relay", "relay",
	 "relay 100.100.0.30/32 fd00::30/128 100.100.0.20/32 fd00::20/128 172.17.30.0/24 fd30::/48 "
	 "@192.0.2.30:1030 keepalive 20"},

	/* A relay without IPv6 carries IPv4 alone; one who has only IPv6 has nothing of it. */
	{"spoke", "relay4", "relay4",
	 "relay 100.100.0.0/16 172.17.9.0/24 172.17.22.0/24 172.17.23.0/24 172.17.40.0/24 @192.0.2.32:1032 "
	 "keepalive 20"},
	{"one", "relay4", "relay4",
	 "relay 100.100.0.32/32 100.100.0.0/16 172.17.22.0/24 172.17.23.0/24 172.17.40.0/24 @192.0.2.32:1032 "
	 "keepalive 20"},
	{"six", "relay4", "relay4", "none"},
	{"relay4", "relay4", "spoke", "direct 100.100.0.20/32 keepalive 20"},
};

static void test_table(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct plan_case *row = &cases[i];
		const struct nx_member *member = member_named(row->member);
		struct nx_prefix prefixes[PLAN_ROOM];
		struct nx_peer_plan plan = {
			.size = sizeof(plan), .prefixes = prefixes, .prefix_room = PLAN_ROOM};
		struct mesh_model model;
		char text[TEXT_ROOM];

		mesh_make(&model, member_named(row->self), row->relay);
		mesh_carry(&model, member);
		relay_plan(&model.mesh, member, 20, &plan);
		plan_write(&plan, text);
		if (strcmp(text, row->expected) != 0)
			fprintf(stderr, "%s sees %s, relay %s:\n  %s\nexpected:\n  %s\n", row->self,
				row->member, row->relay, text, row->expected);
		CU_ASSERT_STRING_EQUAL(text, row->expected);
	}
}

/* A tunnel that learns no endpoint is told where spokes are; a host from before that says nothing of it. */
static void test_endpoints_fixed(void)
{
	struct nx_prefix prefixes[PLAN_ROOM];
	struct nx_peer_plan plan = {.size = sizeof(plan), .prefixes = prefixes, .prefix_room = PLAN_ROOM};
	struct mesh_model model;
	char text[TEXT_ROOM];

	mesh_make(&model, member_named("relay"), "relay");
	model.mesh.endpoints_fixed = true;
	relay_plan(&model.mesh, member_named("spoke"), 20, &plan);
	plan_write(&plan, text);
	CU_ASSERT_STRING_EQUAL(text, "direct 100.100.0.20/32 fd00::20/128 @198.51.100.20:9 keepalive 20");
	model.mesh.size = offsetof(struct nx_mesh, endpoints_fixed);
	relay_plan(&model.mesh, member_named("spoke"), 20, &plan);
	CU_ASSERT_EQUAL(plan.endpoint_count, 0);
}

/* Whatever the room: never past its end, and the number that is needed is told. */
static void test_room(void)
{
	struct mesh_model model;

	mesh_make(&model, member_named("one"), "relay");
	for (size_t room = 0; room <= 8; room++) {
		struct nx_prefix *prefixes = calloc(room ? room : 1, sizeof(*prefixes));
		struct nx_peer_plan plan = {.size = sizeof(plan), .prefixes = prefixes, .prefix_room = room};

		relay_plan(&model.mesh, model.mesh.relay, 20, &plan);
		CU_ASSERT_EQUAL(plan.prefix_count, 6);
		free(prefixes);
	}
}

static enum nx_path path_between(const struct nx_member *self, const struct nx_member *member,
				 const char *relays)
{
	struct nx_prefix prefixes[PLAN_ROOM];
	struct nx_peer_plan plan = {.prefixes = prefixes, .prefix_room = PLAN_ROOM};
	struct mesh_model model;

	mesh_make(&model, self, relays);
	relay_plan(&model.mesh, member, 20, &plan);
	return plan.path;
}

static bool carries(enum nx_path path)
{
	return path == NX_PATH_DIRECT || path == NX_PATH_RELAY;
}

/* Two hosts that plan for each other agree whether they are peers, and whether anything but trying goes
 * between them. "far" is left out: a pair finds out together that it cannot reach each other. */
static void test_agreement(void)
{
	static const char *const relays[] = {"", "relay", "relay4"};

	for (size_t r = 0; r < sizeof(relays) / sizeof(relays[0]); r++) {
		for (size_t i = 0; i < (size_t)MEMBERS * MEMBERS; i++) {
			const struct nx_member *a = &members[i % MEMBERS], *b = &members[i / MEMBERS];
			struct mesh_model model;

			mesh_make(&model, a, relays[r]);
			if (a == b || a->direct == NX_DIRECT_FAILS || b->direct == NX_DIRECT_FAILS ||
			    relay_absent(&model, a) || relay_absent(&model, b))
				continue;
			enum nx_path there = path_between(a, b, relays[r]),
				     back = path_between(b, a, relays[r]);
			CU_ASSERT_EQUAL(there == NX_PATH_NONE, back == NX_PATH_NONE);
			CU_ASSERT_EQUAL(carries(there), carries(back));
		}
	}
}

/* --- where a member may be found -------------------------------------------------------------------- */

/* One family's side: its own endpoint, the mapped one, and whether the own one is public. */
struct side_text {
	const char *endpoint, *mapped;
	bool public;
};

static const struct endpoint_case {
	const char *what;
	struct side_text self[FAMILIES], member[FAMILIES];
	const char *expected;
} endpoint_cases[] = {
	{"both on the Internet, IPv4 alone",
	 {{"192.0.2.1:1", "", true}},
	 {{"192.0.2.2:2", "", true}},
	 " @192.0.2.2:2"},
	{"both on the Internet in both families",
	 {{"192.0.2.1:1", "192.0.2.1:1", true}, {"[2001:db8::1]:1", "[2001:db8::1]:1", true}},
	 {{"192.0.2.2:2", "192.0.2.2:2", true}, {"[2001:db8::2]:2", "[2001:db8::2]:2", true}},
	 " @[2001:db8::2]:2 @192.0.2.2:2"},
	{"each behind a NAT of its own",
	 {{"192.168.1.1:1", "198.51.100.1:1001", false}},
	 {{"192.168.2.2:2", "198.51.100.2:1002", false}},
	 " @198.51.100.2:1002 @192.168.2.2:2"},
	{"behind one NAT",
	 {{"192.168.1.1:1", "198.51.100.1:1001", false}},
	 {{"192.168.1.2:2", "198.51.100.1:1002", false}},
	 " @192.168.1.2:2 @198.51.100.1:1002"},
	{"each behind a NAT, and with IPv6",
	 {{"192.168.1.1:1", "198.51.100.1:1001", false}, {"[2001:db8::1]:1", "", true}},
	 {{"192.168.2.2:2", "198.51.100.2:1002", false}, {"[2001:db8::2]:2", "", true}},
	 " @[2001:db8::2]:2 @198.51.100.2:1002 @192.168.2.2:2"},
	{"IPv6 on one side alone",
	 {{"192.0.2.1:1", "", true}},
	 {{"192.0.2.2:2", "", true}, {"[2001:db8::2]:2", "", true}},
	 " @192.0.2.2:2"},
	{"IPv6 that is not public",
	 {{"192.0.2.1:1", "", true}, {"[fd00::1]:1", "", false}},
	 {{"192.0.2.2:2", "", true}, {"[fd00::2]:2", "", false}},
	 " @192.0.2.2:2 @[fd00::2]:2"},
	{"IPv6 alone outside",
	 {{"", "", false}, {"[2001:db8::1]:1", "", true}},
	 {{"192.0.2.2:2", "", true}, {"[2001:db8::2]:2", "", true}},
	 " @[2001:db8::2]:2"},
	{"a port that a NAT keeps is no second endpoint",
	 {{"192.0.2.1:1", "", true}},
	 {{"192.0.2.2:2", "192.0.2.2:2", true}},
	 " @192.0.2.2:2"},
	{"a host that does not know itself",
	 {{"", "", false}},
	 {{"192.168.2.2:2", "198.51.100.2:1002", false}},
	 " @198.51.100.2:1002 @192.168.2.2:2"},
	{"nothing is known", {{"", "", false}}, {{"", "", false}}, ""},
};

static void sides_make(const struct side_text *texts_of, struct nx_member_family out[static FAMILIES])
{
	for (size_t i = 0; i < FAMILIES; i++) {
		out[i] = (struct nx_member_family){.public = texts_of[i].public};
		if (texts_of[i].endpoint && *texts_of[i].endpoint)
			out[i].endpoint = fake_endpoint(texts_of[i].endpoint);
		if (texts_of[i].mapped && *texts_of[i].mapped)
			out[i].mapped = fake_endpoint(texts_of[i].mapped);
	}
}

static void test_endpoints(void)
{
	for (size_t i = 0; i < sizeof(endpoint_cases) / sizeof(endpoint_cases[0]); i++) {
		const struct endpoint_case *row = &endpoint_cases[i];
		struct nx_member_family own[FAMILIES], others[FAMILIES];
		const struct nx_member self = {.families = own, .family_count = FAMILIES};
		const struct nx_member member = {.families = others, .family_count = FAMILIES};
		struct nx_peer_plan plan = {.size = sizeof(plan)};
		char text[TEXT_ROOM];

		sides_make(row->self, own);
		sides_make(row->member, others);
		relay_endpoints(&self, &member, &plan);
		plan_write(&plan, text);
		if (strcmp(text + strlen("none"), row->expected) != 0)
			fprintf(stderr, "%s:\n  %s\nexpected:\n  none%s\n", row->what, text, row->expected);
		CU_ASSERT_STRING_EQUAL(text + strlen("none"), row->expected);
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"who has whom as a peer", test_table},
		{"a tunnel that learns no endpoints", test_endpoints_fixed},
		{"plans keep to their room", test_room},
		{"both sides agree", test_agreement},
		{"where a member may be found", test_endpoints},
		CU_TEST_INFO_NULL,
	};

	for (size_t i = 0; i < MEMBERS; i++)
		member_build(i);
	return suite_run("relay plan", tests);
}
