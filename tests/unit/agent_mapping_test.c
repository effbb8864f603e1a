/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the outside sees this host: what answers mean, the raw socket beside the port's holder, and
 * whole rounds against servers in this program. The last two need raw sockets, and are left out
 * where those may not be had.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/mapping/mapping_nat.h"
#include "agent/mapping/mapping_parts.h"
#include "agent/mapping/stun_servers.h"
#include "base/address.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/udp_raw.h"
#include "tests/unit/unit.h"

static struct nx_endpoint endpoint(const char *text)
{
	struct nx_endpoint parsed = {0};

	CU_ASSERT_TRUE(!*text || nx_endpoint_parse(text, &parsed));
	return parsed;
}

static struct nx_address address(const char *text)
{
	struct nx_address parsed = {0};

	CU_ASSERT_TRUE(!*text || nx_address_parse(text, &parsed));
	return parsed;
}

/* --- judging --------------------------------------------------------------------------------- */

static const struct {
	const char *what;
	const char *answers[3]; /* "": none */
	enum nx_mapping_kind kind;
	uint16_t port;
} judgements[] = {
	{"nobody answers", {"", "", ""}, NX_MAPPING_UNKNOWN, 0},
	{"one answers", {"", "192.0.2.1:7", ""}, NX_MAPPING_UNKNOWN, 7},
	{"two agree", {"192.0.2.1:7", "", "192.0.2.1:7"}, NX_MAPPING_INDEPENDENT, 7},
	{"all agree", {"192.0.2.1:7", "192.0.2.1:7", "192.0.2.1:7"}, NX_MAPPING_INDEPENDENT, 7},
	{"another port", {"192.0.2.1:7", "192.0.2.1:8", ""}, NX_MAPPING_SYMMETRIC, 0},
	{"another address", {"192.0.2.1:7", "192.0.2.2:7", ""}, NX_MAPPING_SYMMETRIC, 0},
	{"the third disagrees", {"192.0.2.1:7", "192.0.2.1:7", "192.0.2.1:9"}, NX_MAPPING_SYMMETRIC, 0},
};

static void test_judge(void)
{
	for (size_t i = 0; i < NX_COUNT(judgements); i++) {
		struct nx_query queries[3] = {0};
		struct nx_mapping_result result;

		for (size_t j = 0; j < 3; j++) {
			queries[j].source = address("10.0.0.2");
			queries[j].mapped = endpoint(judgements[i].answers[j]);
		}
		result = nx_queries_judge(queries, 3);
		UNIT_ASSERT_ROW(result.kind == judgements[i].kind, judgements[i].what);
		UNIT_ASSERT_ROW(result.mapped.port == judgements[i].port, judgements[i].what);
		UNIT_ASSERT_ROW(result.source.length == 4, judgements[i].what);
	}
}

static void test_fold(void)
{
	const struct nx_mapping_result seen = {.kind = NX_MAPPING_INDEPENDENT,
					       .mapped = endpoint("192.0.2.1:7"),
					       .source = address("10.0.0.2")};
	const struct nx_mapping_result nothing = {0};
	struct nx_mapping_result silent = {.source = address("10.0.0.2")};
	struct nx_mapping_result result = nx_mapping_fold(&seen, &silent);

	CU_ASSERT_EQUAL(result.kind, NX_MAPPING_UNKNOWN);
	CU_ASSERT_EQUAL(nx_endpoint_compare(&result.mapped, &seen.mapped), 0);
	silent.source = address("10.9.9.9");
	result = nx_mapping_fold(&seen, &silent);
	CU_ASSERT_EQUAL(result.mapped.port, 0);
	CU_ASSERT_EQUAL(result.mapped.address.length, 4);
	result = nx_mapping_fold(&nothing, &silent);
	CU_ASSERT_EQUAL(result.mapped.address.length, 0);
	result = nx_mapping_fold(&nothing, &seen);
	CU_ASSERT_TRUE(nx_mapping_same(&result, &seen));
	CU_ASSERT_FALSE(nx_mapping_same(&result, &silent));
}

/* Too few answers after a symmetric mapping: unknown, but nobody has said that it is no longer so. */
static void test_fold_symmetric(void)
{
	const struct nx_mapping_result symmetric = {.kind = NX_MAPPING_SYMMETRIC,
						    .mapped.address = address("192.0.2.1"),
						    .source = address("10.0.0.2")};
	const struct nx_mapping_result one = {.mapped = endpoint("192.0.2.1:7"),
					      .source = address("10.0.0.2")};
	const struct nx_mapping_result silent = {.source = address("10.0.0.2")};
	const struct nx_mapping_result two = {.kind = NX_MAPPING_INDEPENDENT,
					      .mapped = endpoint("192.0.2.1:7"),
					      .source = address("10.0.0.2")};
	struct nx_mapping_result result = nx_mapping_fold(&symmetric, &silent);

	CU_ASSERT_EQUAL(result.kind, NX_MAPPING_UNKNOWN);
	CU_ASSERT_TRUE(result.suspect);
	result = nx_mapping_fold(&result, &one);
	CU_ASSERT_TRUE(result.suspect);
	CU_ASSERT_EQUAL(result.mapped.port, 7);
	result = nx_mapping_fold(&result, &two);
	CU_ASSERT_FALSE(result.suspect);
	result = nx_mapping_fold(&result, &silent);
	CU_ASSERT_FALSE(result.suspect);
	result = nx_mapping_fold(&symmetric, &symmetric);
	CU_ASSERT_FALSE(result.suspect);
}

/* --- all families -------------------------------------------------------------------------------- */

enum seen {
	NOTHING,    /* nobody answered */
	ONE,	    /* one answer: another address */
	ONE_OWN,    /* one answer: the host's own address */
	OWN,	    /* the host's own, of a private network */
	OWN_PUBLIC, /* the host's own, of the public Internet */
	TRANSLATED,
	SYMMETRIC_SEEN,
	SUSPECT,     /* symmetric before, and nobody answers now */
	SUSPECT_ONE, /* … one server does */
	SUSPECT_OWN, /* … and tells the host's own address */
	FIXED,	     /* by the operator */
};

static struct nx_mapping_view view_make(enum seen seen)
{
	static const enum nx_mapping_kind kinds[] = {
		[OWN] = NX_MAPPING_INDEPENDENT,	       [OWN_PUBLIC] = NX_MAPPING_INDEPENDENT,
		[TRANSLATED] = NX_MAPPING_INDEPENDENT, [SYMMETRIC_SEEN] = NX_MAPPING_SYMMETRIC,
		[SUSPECT] = NX_MAPPING_UNKNOWN,	       [SUSPECT_ONE] = NX_MAPPING_UNKNOWN,
		[SUSPECT_OWN] = NX_MAPPING_UNKNOWN,    [FIXED] = NX_MAPPING_UNKNOWN,
	};
	struct nx_mapping_view view = {.result.kind = kinds[seen],
				       .result.source = address("10.0.0.2"),
				       .fixed = seen == FIXED,
				       .public = seen == OWN_PUBLIC};

	view.result.suspect = seen == SUSPECT || seen == SUSPECT_ONE || seen == SUSPECT_OWN;
	if (seen == ONE || seen == TRANSLATED || seen == SUSPECT_ONE)
		view.result.mapped = endpoint("192.0.2.1:7");
	if (seen == ONE_OWN || seen == SUSPECT_OWN || seen == OWN || seen == OWN_PUBLIC)
		view.result.mapped = endpoint("10.0.0.2:7");
	if (seen == SYMMETRIC_SEEN || seen == SUSPECT)
		view.result.mapped.address = address("192.0.2.1");
	return view;
}

static const struct {
	const char *what;
	enum seen first, second;
	enum nx_nat nat;
} standings[] = {
	{"nobody answered", NOTHING, NOTHING, NX_NAT_UNKNOWN},
	{"one answer is not two that agree", ONE, NOTHING, NX_NAT_UNKNOWN},
	{"one answer tells that nobody translates", ONE_OWN, NOTHING, NX_NAT_NONE},
	{"its own", OWN, NOTHING, NX_NAT_NONE},
	{"its own in the other family", NOTHING, OWN_PUBLIC, NX_NAT_NONE},
	{"translated, and its own", TRANSLATED, OWN, NX_NAT_NONE},
	{"translated", TRANSLATED, NOTHING, NX_NAT_INDEPENDENT},
	{"both translated", TRANSLATED, TRANSLATED, NX_NAT_INDEPENDENT},
	{"translated, and one answer", TRANSLATED, ONE, NX_NAT_INDEPENDENT},
	{"symmetric", SYMMETRIC_SEEN, NOTHING, NX_NAT_SYMMETRIC},
	{"symmetric, the other in a private network", SYMMETRIC_SEEN, OWN, NX_NAT_SYMMETRIC},
	{"symmetric, the other public", SYMMETRIC_SEEN, OWN_PUBLIC, NX_NAT_NONE},
	{"symmetric, the other translated", SYMMETRIC_SEEN, TRANSLATED, NX_NAT_SYMMETRIC},
	{"symmetric, the other by the operator", SYMMETRIC_SEEN, FIXED, NX_NAT_NONE},
	{"by the operator", FIXED, NOTHING, NX_NAT_NONE},
	{"symmetric before", SUSPECT, NOTHING, NX_NAT_UNKNOWN},
	{"symmetric before, the other in a private network", SUSPECT, OWN, NX_NAT_UNKNOWN},
	{"symmetric before, the other translated", SUSPECT, TRANSLATED, NX_NAT_UNKNOWN},
	{"symmetric before, the other public", SUSPECT, OWN_PUBLIC, NX_NAT_NONE},
	{"symmetric before, the other by the operator", SUSPECT, FIXED, NX_NAT_NONE},
	{"symmetric before, and one answer", SUSPECT_ONE, OWN, NX_NAT_UNKNOWN},
	{"symmetric before, and one answer that nobody translates", SUSPECT_OWN, NOTHING, NX_NAT_NONE},
};

static void test_nat(void)
{
	for (size_t i = 0; i < NX_COUNT(standings); i++) {
		struct nx_mapping_view views[] = {view_make(standings[i].first),
						  view_make(standings[i].second)};
		struct nx_mapping_view turned[] = {views[1], views[0]};

		UNIT_ASSERT_ROW(nx_mapping_nat(views, 2) == standings[i].nat, standings[i].what);
		UNIT_ASSERT_ROW(nx_mapping_nat(turned, 2) == standings[i].nat, standings[i].what);
	}
	CU_ASSERT_EQUAL(nx_mapping_nat(NULL, 0), NX_NAT_UNKNOWN);
}

/* --- sockets --------------------------------------------------------------------------------- */

static const char *const loopbacks[] = {"127.0.0.1", "::1"};

static bool raw_allowed(void)
{
	struct nx_error error;
	int descriptor;

	if (nx_udp_raw_open(4, 1, &descriptor, &error) == NX_OK) {
		close(descriptor);
		return true;
	}
	printf("(left out: %s) ", error.message);
	return false;
}

/* A plain socket on a port of the system's choice, or -1 where the host does not do the family. */
static int socket_bind(const char *host, struct nx_endpoint *bound)
{
	const struct nx_endpoint wanted = {.address = address(host)};
	struct sockaddr_storage name = {0};
	socklen_t length = (socklen_t)nx_endpoint_to_sockaddr(&wanted, &name);
	int made = socket(name.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (made < 0 || bind(made, (const struct sockaddr *)&name, length) != 0) {
		if (made >= 0)
			close(made);
		return -1;
	}
	length = sizeof(name);
	CU_ASSERT_EQUAL(getsockname(made, (struct sockaddr *)&name, &length), 0);
	CU_ASSERT_TRUE(nx_endpoint_from_sockaddr((const struct sockaddr *)&name, bound));
	return made;
}

static void socket_send(int from, const struct nx_endpoint *to, const void *data, size_t length)
{
	struct sockaddr_storage name = {0};
	socklen_t name_length = (socklen_t)nx_endpoint_to_sockaddr(to, &name);

	CU_ASSERT_EQUAL(sendto(from, data, length, 0, (const struct sockaddr *)&name, name_length),
			(ssize_t)length);
}

static size_t socket_receive(int at, void *data, size_t room, struct nx_endpoint *from)
{
	struct sockaddr_storage name = {0};
	socklen_t name_length = sizeof(name);
	ssize_t got = recvfrom(at, data, room, 0, (struct sockaddr *)&name, &name_length);

	if (got < 0)
		return 0;
	CU_ASSERT_TRUE(nx_endpoint_from_sockaddr((const struct sockaddr *)&name, from));
	return (size_t)got;
}

static size_t answer_make(uint8_t *out)
{
	const struct nx_stun_transaction transaction = {.bytes = {1, 2, 3}};
	const struct nx_endpoint mapped = endpoint("192.0.2.1:7");

	return nx_stun_write_success(&transaction, &mapped, out);
}

/* The raw socket takes answers to the port alone; whoever holds the port gets everything. */
static void filter_try(int holder, const struct nx_endpoint *held, int sender,
		       const struct nx_endpoint *other)
{
	const struct nx_stun_transaction transaction = {0};
	uint8_t data[NX_STUN_MESSAGE_BYTES + 1] = {0}, got[NX_STUN_MESSAGE_BYTES];
	struct nx_endpoint from;
	size_t length;
	int raw;

	CU_ASSERT_EQUAL_FATAL(nx_udp_raw_open(held->address.length, held->port, &raw, NULL), NX_OK);
	socket_send(sender, held, "tunnel", 6);
	length = nx_stun_write_request(&transaction, data);
	socket_send(sender, held, data, length);
	length = answer_make(data);
	socket_send(sender, other, data, length);
	socket_send(sender, held, data, sizeof(data)); /* too long */
	data[4] ^= 1;				       /* not the cookie */
	socket_send(sender, held, data, length);
	CU_ASSERT_EQUAL(nx_udp_raw_receive(raw, got, sizeof(got), &from), 0);
	data[4] ^= 1;
	socket_send(sender, held, data, length);
	CU_ASSERT_EQUAL(nx_udp_raw_receive(raw, got, sizeof(got), &from), length);
	CU_ASSERT_EQUAL(memcmp(got, data, length), 0);
	CU_ASSERT_EQUAL(nx_endpoint_compare(&from, other), 0);
	CU_ASSERT_EQUAL(nx_udp_raw_receive(raw, got, sizeof(got), &from), 0);
	for (int i = 0; i < 5; i++)
		CU_ASSERT_TRUE(socket_receive(holder, data, sizeof(data), &from) > 0);
	close(raw);
}

static void test_filter(void)
{
	if (!raw_allowed())
		return;
	for (size_t i = 0; i < NX_COUNT(loopbacks); i++) {
		struct nx_endpoint held, other;
		int holder = socket_bind(loopbacks[i], &held), sender = socket_bind(loopbacks[i], &other);

		if (holder < 0 || sender < 0)
			continue;
		filter_try(holder, &held, sender, &other);
		close(holder);
		close(sender);
	}
}

/* What is sent arrives, from the port, with a checksum that the kernel finds right. */
static void test_send(void)
{
	if (!raw_allowed())
		return;
	for (size_t i = 0; i < NX_COUNT(loopbacks); i++) {
		struct nx_endpoint server, from;
		struct nx_address source;
		char got[16];
		int raw, listener = socket_bind(loopbacks[i], &server);

		if (listener < 0)
			continue;
		CU_ASSERT_EQUAL_FATAL(nx_udp_raw_open(server.address.length, 4711, &raw, NULL), NX_OK);
		CU_ASSERT_TRUE(nx_udp_raw_source(&server, &source));
		for (size_t length = 1; length < sizeof(got); length++) {
			CU_ASSERT_EQUAL(nx_udp_raw_send(raw, &source, 4711, &server, "odd and even ones",
							length, NULL),
					NX_OK);
			CU_ASSERT_EQUAL(socket_receive(listener, got, sizeof(got), &from), length);
			CU_ASSERT_EQUAL(from.port, 4711);
		}
		close(raw);
		close(listener);
	}
}

/* --- whole rounds ---------------------------------------------------------------------------- */

enum behaviour {
	HONEST,	       /* the address and port that it sees */
	SYMMETRIC,     /* another port than the other servers say */
	LOSING,	       /* the first question is lost */
	LYING,	       /* a transaction that was not asked */
	FROM_ELSEWHERE /* another socket answers */
};

struct server {
	enum behaviour behaviour;
	int descriptor, elsewhere;
	struct nx_endpoint bound;
	struct nx_watch *watch;
	unsigned questions;
};

struct world {
	uv_loop_t loop;
	struct nx_family families[2];
	struct nx_capabilities capabilities;
	struct server servers[4]; /* two of each family */
	struct nx_mapping *mapping;
	unsigned changes;
	bool late;
};

static void server_readable(void *context)
{
	struct server *server = context;
	uint8_t data[NX_STUN_MESSAGE_BYTES];
	struct nx_stun_message question;
	struct nx_endpoint from;
	size_t length = socket_receive(server->descriptor, data, sizeof(data), &from);

	if (!length || nx_stun_read(data, length, &question, NULL) != NX_OK)
		return;
	CU_ASSERT_EQUAL(question.kind, NX_STUN_REQUEST);
	if (server->questions++ == 0 && server->behaviour == LOSING)
		return;
	struct nx_endpoint seen = from;

	if (server->behaviour == SYMMETRIC)
		seen.port++;
	if (server->behaviour == LYING)
		question.transaction.bytes[0] ^= 1;
	length = nx_stun_write_success(&question.transaction, &seen, data);
	socket_send(server->behaviour == FROM_ELSEWHERE ? server->elsewhere : server->descriptor, &from, data,
		    length);
}

static void changed(void *context)
{
	((struct world *)context)->changes++;
}

static void world_make(struct world *world, const struct nx_endpoint *fixed)
{
	static const struct nx_family_ops ops[] = {{.label = "four", .address_length = 4},
						   {.label = "sixteen", .address_length = 16}};

	*world = (struct world){0};
	uv_loop_init(&world->loop);
	for (size_t i = 0; i < 2; i++)
		world->families[i].ops = &ops[i];
	world->capabilities = (struct nx_capabilities){.families = world->families, .family_count = 2};
	for (size_t i = 0; i < NX_COUNT(world->servers); i++) {
		struct server *server = &world->servers[i];
		struct nx_endpoint other;

		server->descriptor = socket_bind(loopbacks[i / 2], &server->bound);
		server->elsewhere = socket_bind(loopbacks[i / 2], &other);
		if (server->descriptor >= 0)
			server->watch =
				nx_watch_readable(&world->loop, server->descriptor, server_readable, server);
	}
	world->mapping = nx_mapping_new(&world->loop, &(const struct nx_mapping_options){
							      .capabilities = &world->capabilities,
							      .interval_seconds = 1,
							      .fixed = fixed,
							      .fixed_count = fixed ? 1 : 0,
							      .changed = changed,
							      .context = world,
						      });
}

static void world_end(struct world *world)
{
	nx_mapping_free(world->mapping);
	for (size_t i = 0; i < NX_COUNT(world->servers); i++) {
		nx_watch_end(world->servers[i].watch);
		if (world->servers[i].descriptor >= 0)
			close(world->servers[i].descriptor);
		if (world->servers[i].elsewhere >= 0)
			close(world->servers[i].elsewhere);
	}
	nx_loop_finish(&world->loop);
}

/* Ask the first `count` servers of the family, from this port. */
static void world_ask(struct world *world, size_t family, size_t count, uint16_t port)
{
	char texts[2][NX_ADDRESS_TEXT];
	const char *servers[2];

	for (size_t i = 0; i < count; i++)
		servers[i] = nx_endpoint_format(&world->servers[2 * family + i].bound, texts[i]);
	nx_mapping_set_port(world->mapping, port);
	nx_mapping_set_servers(world->mapping, servers, count);
}

static void late(void *context)
{
	struct world *world = context;

	world->late = true;
	uv_stop(&world->loop);
}

/* Run until as many results have come, or for the time. */
static void world_run(struct world *world, unsigned changes, uint64_t milliseconds)
{
	struct nx_timer *timer = nx_timer_new(&world->loop, late, world);

	world->late = false;
	nx_timer_arm(timer, milliseconds);
	while (world->changes < changes && !world->late)
		uv_run(&world->loop, UV_RUN_ONCE);
	nx_timer_free(timer);
}

static struct nx_mapping_result world_result(const struct world *world, size_t family)
{
	return nx_mapping_result(world->mapping, &world->families[family]);
}

/* Both families, the port held by another socket and by none. */
static void test_independent(void)
{
	if (!raw_allowed())
		return;
	for (size_t family = 0; family < 2; family++) {
		for (int held = 0; held < 2; held++) {
			struct nx_endpoint tunnel;
			int holder = socket_bind(loopbacks[family], &tunnel);
			struct nx_mapping_result result;
			struct world world;

			if (holder < 0)
				continue;
			if (!held)
				close(holder);
			world_make(&world, NULL);
			world_ask(&world, family, 2, tunnel.port);
			world_run(&world, 1, 20000);
			result = world_result(&world, family);
			CU_ASSERT_EQUAL(result.kind, NX_MAPPING_INDEPENDENT);
			CU_ASSERT_EQUAL(nx_endpoint_compare(&result.mapped, &tunnel), 0);
			CU_ASSERT_EQUAL(nx_address_compare(&result.source, &tunnel.address), 0);
			CU_ASSERT_EQUAL(world_result(&world, 1 - family).kind, NX_MAPPING_UNKNOWN);
			world_end(&world);
			if (held)
				close(holder);
		}
	}
}

/* Found symmetric twice, then told; and no longer so, told too. */
static void test_symmetric(void)
{
	struct world world;

	if (!raw_allowed())
		return;
	world_make(&world, NULL);
	world.servers[1].behaviour = SYMMETRIC;
	world_ask(&world, 0, 2, 4711);
	world_run(&world, 1, 20000);
	CU_ASSERT_EQUAL(world_result(&world, 0).kind, NX_MAPPING_SYMMETRIC);
	CU_ASSERT_EQUAL(world_result(&world, 0).mapped.port, 0);
	CU_ASSERT_EQUAL(world.servers[0].questions, 2);
	world.servers[1].behaviour = HONEST;
	nx_mapping_ask(world.mapping);
	world_run(&world, 2, 20000);
	CU_ASSERT_EQUAL(world_result(&world, 0).kind, NX_MAPPING_INDEPENDENT);
	CU_ASSERT_EQUAL(world_result(&world, 0).mapped.port, 4711);
	world_end(&world);
}

/* While it is looked at for the second time, what the other family tells is not all. */
static void test_symmetric_beside(void)
{
	char texts[4][NX_ADDRESS_TEXT];
	const char *servers[4];
	struct world world;

	if (!raw_allowed())
		return;
	world_make(&world, NULL);
	if (world.servers[0].descriptor >= 0 && world.servers[2].descriptor >= 0) {
		world.servers[1].behaviour = SYMMETRIC;
		for (size_t i = 0; i < 4; i++)
			servers[i] = nx_endpoint_format(&world.servers[i].bound, texts[i]);
		nx_mapping_set_port(world.mapping, 4711);
		nx_mapping_set_servers(world.mapping, servers, 4);
		world_run(&world, 1, 20000);
		CU_ASSERT_EQUAL(world_result(&world, 1).kind, NX_MAPPING_INDEPENDENT);
		CU_ASSERT_EQUAL(world_result(&world, 0).kind, NX_MAPPING_UNKNOWN);
		CU_ASSERT_TRUE(world_result(&world, 0).suspect);
		world_run(&world, 2, 20000);
		CU_ASSERT_EQUAL(world_result(&world, 0).kind, NX_MAPPING_SYMMETRIC);
		CU_ASSERT_FALSE(world_result(&world, 0).suspect);
	}
	world_end(&world);
}

static void test_lost_question(void)
{
	struct world world;

	if (!raw_allowed())
		return;
	world_make(&world, NULL);
	world.servers[0].behaviour = LOSING;
	world_ask(&world, 0, 2, 4711);
	world_run(&world, 1, 20000);
	CU_ASSERT_EQUAL(world_result(&world, 0).kind, NX_MAPPING_INDEPENDENT);
	CU_ASSERT_TRUE(world.servers[0].questions >= 2);
	world_end(&world);
}

/* One server alone tells an address, and no kind. */
static void test_one_server(void)
{
	struct world world;

	if (!raw_allowed())
		return;
	world_make(&world, NULL);
	world_ask(&world, 0, 1, 4711);
	world_run(&world, 1, 20000);
	CU_ASSERT_EQUAL(world_result(&world, 0).kind, NX_MAPPING_UNKNOWN);
	CU_ASSERT_EQUAL(world_result(&world, 0).mapped.port, 4711);
	world_end(&world);
}

/* Answers that nobody asked for count for nothing, however many they are. */
static void test_liars(void)
{
	struct nx_mapping_result result;
	struct world world;

	if (!raw_allowed())
		return;
	world_make(&world, NULL);
	world.servers[0].behaviour = LYING;
	world.servers[1].behaviour = FROM_ELSEWHERE;
	world_ask(&world, 0, 2, 4711);
	world_run(&world, 1, 30000);
	result = world_result(&world, 0);
	CU_ASSERT_EQUAL(result.kind, NX_MAPPING_UNKNOWN);
	CU_ASSERT_EQUAL(result.mapped.address.length, 0);
	CU_ASSERT_EQUAL(world.servers[0].questions, 5);
	world_end(&world);
}

/* Where the operator says how this host is reached, nobody is asked; without servers neither. */
static void test_nobody_asked(void)
{
	const struct nx_endpoint fixed = endpoint("192.0.2.1:7");
	struct world world;

	world_make(&world, &fixed);
	world_ask(&world, 0, 2, 4711);
	world_run(&world, 1, 700);
	CU_ASSERT_EQUAL(world.servers[0].questions, 0);
	CU_ASSERT_EQUAL(world.changes, 0);
	CU_ASSERT_EQUAL(world_result(&world, 0).mapped.address.length, 4);
	CU_ASSERT_EQUAL(world_result(&world, 1).mapped.address.length, 0);
	nx_mapping_set_servers(world.mapping, NULL, 0);
	CU_ASSERT_EQUAL(world_result(&world, 1).mapped.address.length, 16);
	CU_ASSERT_EQUAL(world_result(&world, 1).mapped.port, 0);
	world_end(&world);
}

/* Names are looked up; the end of the program does not wait for a round. */
static void test_name(void)
{
	struct world world;
	char server[32];
	const char *servers[] = {server, "no-such-host.invalid:3478"};

	if (!raw_allowed())
		return;
	world_make(&world, NULL);
	snprintf(server, sizeof(server), "localhost:%u", world.servers[0].bound.port);
	nx_mapping_set_port(world.mapping, 4711);
	nx_mapping_set_servers(world.mapping, servers, 2);
	world_run(&world, 1, 30000);
	CU_ASSERT_EQUAL(world_result(&world, 0).mapped.port, 4711);
	nx_mapping_ask(world.mapping);
	world_end(&world);
}

/* --- which servers ----------------------------------------------------------------------------- */

static void servers_print(const struct nx_stun_servers *servers, struct nx_buffer *out)
{
	nx_buffer_text(out, "");
	for (size_t i = 0; i < servers->count; i++)
		nx_buffer_printf(out, "%s ", servers->items[i]);
}

static const struct {
	const char *text, *result; /* NULL: refused */
} wishes[] = {
	{"", ""},
	{"none", ""},
	{"stun.example.com", "stun.example.com:3478 "},
	{"stun.example.com:19302, 192.0.2.1", "stun.example.com:19302 192.0.2.1:3478 "},
	{"[2001:db8::1]:7,[2001:db8::2],2001:db8::3",
	 "[2001:db8::1]:7 [2001:db8::2]:3478 [2001:db8::3]:3478 "},
	{"a:1,b:2,c:3,d:4,e:5,f:6,g:7,h:8", "a:1 b:2 c:3 d:4 e:5 f:6 g:7 h:8 "},
	{"a:1,b:2,c:3,d:4,e:5,f:6,g:7,h:8,i:9", NULL},
	{":3478", NULL},
	{"a:0", NULL},
	{"a:65536", NULL},
	{"a:", NULL},
	{"a:b", NULL},
	{"[192.0.2.1]:7", NULL},
	{"[]:7", NULL},
	{"a b;c", NULL},
	{"stun:stun.example.com:3478", NULL},
};

static void test_servers_wished(void)
{
	for (size_t i = 0; i < NX_COUNT(wishes); i++) {
		struct nx_stun_servers servers = {0};
		struct nx_error error = {0};
		struct nx_buffer text = {0};
		enum nx_status status =
			nx_stun_servers_parse(wishes[i].text, "stun-server", &servers, &error);

		servers_print(&servers, &text);
		UNIT_ASSERT_ROW((status == NX_OK) == (wishes[i].result != NULL), wishes[i].text);
		UNIT_ASSERT_ROW(strcmp(text.data, wishes[i].result ? wishes[i].result : "") == 0, text.data);
		if (!wishes[i].result)
			UNIT_ASSERT_HOLDS(error.message, "stun-server");
		nx_buffer_free(&text);
		nx_stun_servers_release(&servers);
	}
}

static const struct {
	const char *url, *json, *result; /* NULL: refused */
} told[] = {
	{"https://nexodus.example.com/a", "{\"servers\":[\":3478\",\":3479\"]}",
	 "nexodus.example.com:3478 nexodus.example.com:3479 "},
	{"http://[2001:db8::1]:8080", "{\"servers\":[\":7\"]}", "[2001:db8::1]:7 "},
	{"http://192.0.2.1:8080", "{\"servers\":[\"b:1\",\":7\"],\"more\":1}", "b:1 192.0.2.1:7 "},
	{"http://a", "{\"servers\":[]}", ""},
	{"http://a", "{\"servers\":[7,null,\"\",\"b c:7\",\"b:0\",\"b:7\\n\",\"b:7\"]}", "a:3478 b:7 "},
	{"http://a", "{\"servers\":[\":1\",\":2\",\":3\",\":4\",\":5\",\":6\",\":7\",\":8\",\":9\"]}",
	 "a:1 a:2 a:3 a:4 a:5 a:6 a:7 a:8 "},
	{"http://a", "{\"servers\":\":7\"}", NULL},
	{"http://a", "{}", NULL},
	{"http://a", "[]", NULL},
	{"http://a", "", NULL},
};

static void test_servers_told(void)
{
	for (size_t i = 0; i < NX_COUNT(told); i++) {
		struct nx_stun_servers servers = {0};
		struct nx_buffer text = {0};
		enum nx_status status =
			nx_stun_servers_read(told[i].json, strlen(told[i].json), told[i].url, &servers, NULL);

		servers_print(&servers, &text);
		UNIT_ASSERT_ROW((status == NX_OK) == (told[i].result != NULL), told[i].json);
		UNIT_ASSERT_ROW(strcmp(text.data, told[i].result ? told[i].result : "") == 0, text.data);
		nx_buffer_free(&text);
		nx_stun_servers_release(&servers);
	}
}

/* What the service said outlives the program; what lies there damaged is of no use, and no harm. */
static void test_servers_kept(void)
{
	static const char first[] = "{\"servers\":[\":3478\"]}", second[] = "{\"servers\":[";
	struct nx_state state = {.directory = unit_directory_make(), .lock = -1};
	struct nx_stun_servers servers = {0};

	CU_ASSERT_FALSE(nx_stun_answer_restore(&state, "http://a", &servers));
	CU_ASSERT_EQUAL(nx_stun_answer_store(&state, first, sizeof(first) - 1, NULL), NX_OK);
	CU_ASSERT_TRUE(nx_stun_answer_restore(&state, "http://a", &servers));
	CU_ASSERT_EQUAL(servers.count, 1);
	nx_stun_servers_release(&servers);
	CU_ASSERT_EQUAL(nx_stun_answer_store(&state, second, sizeof(second) - 1, NULL), NX_OK);
	CU_ASSERT_FALSE(nx_stun_answer_restore(&state, "http://a", &servers));
	unit_directory_remove(state.directory);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"what answers mean", test_judge},
		{"what is still believed when nobody answers", test_fold},
		{"what is still believed of a symmetric mapping", test_fold_symmetric},
		{"what it means over all families", test_nat},
		{"the filter lets answers in alone", test_filter},
		{"what is sent arrives", test_send},
		{"an endpoint-independent mapping", test_independent},
		{"a symmetric mapping", test_symmetric},
		{"a symmetric mapping beside another one", test_symmetric_beside},
		{"a question that is lost", test_lost_question},
		{"one server alone", test_one_server},
		{"answers to other questions", test_liars},
		{"nobody to ask", test_nobody_asked},
		{"servers by name", test_name},
		{"servers that the operator names", test_servers_wished},
		{"servers that the service names", test_servers_told},
		{"servers that were named once", test_servers_kept},
		CU_TEST_INFO_NULL,
	};

	nx_secret_setup();
	nx_log_setup("unit", NX_LOG_ERROR, NX_LOG_AUTO);
	return unit_run("agent mapping", tests);
}
