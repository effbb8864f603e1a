/* SPDX-License-Identifier: Apache-2.0 */
/* The direct way to a peer, over a tunnel that is played second by second. */
#include "agent/plan/way.h"
#include "base/memory.h"
#include "tests/unit/unit.h"

/* A peer and the path to it. */
struct play {
	struct nx_way way;
	enum nx_direct direct;
	struct nx_peer_status status;
	uint64_t now;
	int64_t clock; /* the wall's, which may jump */
	uint16_t keepalive;
	unsigned endpoints_told;
	unsigned renewed;
	unsigned begun;		   /* the tunnel was told to begin itself */
	bool reachable;		   /* packets go both ways … */
	bool started_anew;	   /* the peer has no session until there is a handshake */
	unsigned answers_endpoint; /* … at this endpoint; those before it do not answer */
	bool traffic;		   /* the host sends more than keepalives */
	unsigned age;		   /* of the session, s */
};

static void play_begin(struct play *play, uint8_t endpoints)
{
	*play = (struct play){
		.way.endpoint_count = endpoints,
		.status.size = sizeof(play->status),
		.now = 1000000,
		.clock = 1700000000,
		.keepalive = 20,
	};
}

/* What a second does to the tunnel. */
static void tunnel_second(struct play *play)
{
	bool answers = play->reachable && play->way.candidate >= play->answers_endpoint;

	if (play->traffic)
		play->status.sent_bytes += 200;
	if (play->keepalive && play->now / 1000 % play->keepalive == 0) {
		play->status.sent_bytes += 32;
		play->status.received_bytes += answers && !play->started_anew ? 32 : 0;
	}
	play->age++;
	if (answers && (!play->status.last_handshake || play->age >= 120)) {
		play->status.last_handshake = play->clock;
		play->status.received_bytes += 92;
		play->age = 0;
		play->started_anew = false;
	}
	if (answers && play->traffic && !play->started_anew)
		play->status.received_bytes += 200;
}

static void look(struct play *play)
{
	const struct nx_way_view view = {
		.now = play->now,
		.now_seconds = play->clock,
		.keepalive_seconds = play->keepalive,
		.status = &play->status,
	};
	struct nx_way_step step = nx_way_look(&play->way, play->direct, &view);

	play->direct = step.direct;
	play->endpoints_told += step.next_endpoint;
	play->begun += step.begin;
	play->renewed += step.renew;
	/* A new session counts from 0, and begins with a handshake if it can. */
	if (step.renew) {
		play->status = (struct nx_peer_status){.size = sizeof(play->status)};
		play->age = 1000;
	}
}

static void play_seconds(struct play *play, unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		play->now += 1000;
		play->clock++;
		tunnel_second(play);
		look(play);
	}
}

/* The session is gone with the path: the next handshake is a new one. */
static void path_set(struct play *play, bool reachable)
{
	play->reachable = reachable;
	if (reachable)
		play->age = 1000;
}

/* Seconds until the way is what is asked for; `limit` when it never is. */
static unsigned seconds_until(struct play *play, enum nx_direct direct, unsigned limit)
{
	unsigned seconds = 0;

	while (play->direct != direct && seconds < limit) {
		play_seconds(play, 1);
		seconds++;
	}
	return seconds;
}

static void test_works_at_once(void)
{
	struct play play;

	play_begin(&play, 2);
	play.reachable = true;
	CU_ASSERT_TRUE(seconds_until(&play, NX_DIRECT_WORKS, 10) <= 2);
	play_seconds(&play, 3600);
	CU_ASSERT_EQUAL(play.direct, NX_DIRECT_WORKS);
	CU_ASSERT_EQUAL(play.endpoints_told, 0);
}

/* Bounded: each endpoint has its turn, then the way has failed; it is tried on all the same. */
static void test_never_answers(void)
{
	for (uint8_t endpoints = 1; endpoints <= NX_ENDPOINTS_LIMIT; endpoints++) {
		struct play play;

		play_begin(&play, endpoints);
		CU_ASSERT_TRUE(seconds_until(&play, NX_DIRECT_FAILS, 100) <= 25);
		CU_ASSERT_EQUAL(play.endpoints_told, endpoints > 1 ? endpoints : 0);
		play.endpoints_told = 0;
		play_seconds(&play, 120);
		CU_ASSERT_EQUAL(play.direct, NX_DIRECT_FAILS);
		CU_ASSERT_EQUAL(play.endpoints_told, endpoints > 1 ? 10 : 0);
	}
}

static void test_second_endpoint_answers(void)
{
	struct play play;

	play_begin(&play, 3);
	play.reachable = true;
	play.answers_endpoint = 1;
	CU_ASSERT_TRUE(seconds_until(&play, NX_DIRECT_WORKS, 100) <= 9);
	CU_ASSERT_EQUAL(play.way.candidate, 1);
}

/* Without an endpoint, or without anything that would make the tunnel send, silence means nothing. */
static void test_nothing_to_try(void)
{
	struct play play;

	play_begin(&play, 0);
	play_seconds(&play, 600);
	CU_ASSERT_EQUAL(play.direct, NX_DIRECT_UNKNOWN);
	path_set(&play, true);
	CU_ASSERT_TRUE(seconds_until(&play, NX_DIRECT_WORKS, 10) <= 2);
	play_begin(&play, 2);
	play.keepalive = 0;
	play_seconds(&play, 600);
	CU_ASSERT_EQUAL(play.direct, NX_DIRECT_UNKNOWN);
}

static void test_lost(void)
{
	struct play play;

	play_begin(&play, 1);
	play.reachable = true;
	play_seconds(&play, 30);
	/* Idle: three keepalives. */
	path_set(&play, false);
	CU_ASSERT_TRUE(seconds_until(&play, NX_DIRECT_FAILS, 200) <= 61);
	/* In use: sooner. */
	path_set(&play, true);
	CU_ASSERT_TRUE(seconds_until(&play, NX_DIRECT_WORKS, 200) <= 2);
	play.traffic = true;
	play_seconds(&play, 30);
	path_set(&play, false);
	CU_ASSERT_TRUE(seconds_until(&play, NX_DIRECT_FAILS, 200) <= 19);
}

/* Each time it is lost again, it is trusted later; after a long good time it starts anew. */
static void test_does_not_flap(void)
{
	static const unsigned holds[] = {2, 6, 11, 21, 21, 21};
	struct play play;

	play_begin(&play, 1);
	play.reachable = play.traffic = true;
	play_seconds(&play, 30);
	for (size_t i = 0; i < NX_COUNT(holds); i++) {
		path_set(&play, false);
		seconds_until(&play, NX_DIRECT_FAILS, 200);
		path_set(&play, true);
		CU_ASSERT_TRUE(seconds_until(&play, NX_DIRECT_WORKS, 400) <= holds[i]);
		play_seconds(&play, 30);
		CU_ASSERT_EQUAL(play.direct, NX_DIRECT_WORKS);
	}
	CU_ASSERT_TRUE(play.way.losses == NX_COUNT(holds));
	play_seconds(&play, 700);
	CU_ASSERT_EQUAL(play.way.losses, 0);
}

/* Only packets that come for nothing: a way that goes in one direction does not work. */
static void test_one_way(void)
{
	struct play play;

	play_begin(&play, 1);
	for (unsigned i = 0; i < 60; i++) {
		play.status.received_bytes += 148; /* the peer's handshakes, which our answers do not reach */
		play_seconds(&play, 1);
	}
	CU_ASSERT_EQUAL(play.direct, NX_DIRECT_FAILS);
}

/* The same, after it has worked: the peer's handshakes come, and never end. */
static void test_becomes_one_way(void)
{
	struct play play;
	unsigned seconds = 0;

	play_begin(&play, 1);
	play.reachable = true;
	play_seconds(&play, 30);
	path_set(&play, false);
	for (; play.direct == NX_DIRECT_WORKS && seconds < 600; seconds++) {
		play.status.received_bytes += 148;
		play_seconds(&play, 1);
	}
	CU_ASSERT_TRUE(seconds > 180 && seconds <= 241);
	CU_ASSERT_EQUAL(play.direct, NX_DIRECT_FAILS);
	path_set(&play, true);
	CU_ASSERT_TRUE(seconds_until(&play, NX_DIRECT_WORKS, 100) <= 2);
}

static void test_clock_jumps(void)
{
	struct play play;

	play_begin(&play, 1);
	play.reachable = true;
	play_seconds(&play, 30);
	play.clock += 86400;
	play_seconds(&play, 300);
	CU_ASSERT_EQUAL(play.direct, NX_DIRECT_WORKS);
	play.clock -= 2 * 86400;
	play_seconds(&play, 300);
	CU_ASSERT_EQUAL(play.direct, NX_DIRECT_WORKS);
}

/* A tunnel that outlived the program that looked after it. */
static void test_adopted(void)
{
	struct play play;

	play_begin(&play, 2);
	play.status.last_handshake = play.clock - 100;
	play.status.received_bytes = 5000;
	look(&play);
	CU_ASSERT_EQUAL(play.direct, NX_DIRECT_WORKS);
	play_begin(&play, 2);
	play.status.last_handshake = play.clock - 1000;
	look(&play);
	CU_ASSERT_EQUAL(play.direct, NX_DIRECT_UNKNOWN);
	/* From the future: the clock was set back. It says nothing. */
	play_begin(&play, 2);
	play.status.last_handshake = play.clock + 1000;
	look(&play);
	CU_ASSERT_EQUAL(play.direct, NX_DIRECT_UNKNOWN);
}

/* Of two that learn of each other at once, one lets the other begin. */
static void test_yields(void)
{
	struct play play;

	play_begin(&play, 1);
	look(&play);
	CU_ASSERT_EQUAL(play.begun, 0);
	play_begin(&play, 1);
	play.way.yields = true;
	look(&play);
	CU_ASSERT_EQUAL(play.begun, 0);
	play_seconds(&play, 10);
	CU_ASSERT_EQUAL(play.begun, 1);
	CU_ASSERT_FALSE(play.way.yields);
	/* The other one came: there is nothing more to wait for. */
	play_begin(&play, 1);
	play.way.yields = true;
	play.status.last_handshake = play.clock;
	look(&play);
	CU_ASSERT_EQUAL(play.direct, NX_DIRECT_WORKS);
	CU_ASSERT_EQUAL(play.begun, 1);
}

/* The way comes back before the session is old: only what comes tells of it. */
static void test_session_outlives_loss(void)
{
	struct play play;

	play_begin(&play, 1);
	play.reachable = true;
	play_seconds(&play, 30);
	path_set(&play, false);
	CU_ASSERT_TRUE(seconds_until(&play, NX_DIRECT_FAILS, 100) < 100);
	play_seconds(&play, 2);
	CU_ASSERT_EQUAL(play.renewed, 0);
	play.age = 60;
	play.keepalive = 5;
	play.reachable = true;
	CU_ASSERT_TRUE(seconds_until(&play, NX_DIRECT_WORKS, 100) <= 8);
	CU_ASSERT_EQUAL(play.renewed, 1);
}

/* A peer that was started anew answers a handshake and nothing else, and the session is young. */
static void test_peer_started_anew(void)
{
	struct play play;

	play_begin(&play, 1);
	play.keepalive = 5;
	play.reachable = true;
	play_seconds(&play, 30);
	play.reachable = false;
	play.started_anew = true;
	CU_ASSERT_TRUE(seconds_until(&play, NX_DIRECT_FAILS, 100) <= 19);
	play.reachable = true;
	play_seconds(&play, 5);
	CU_ASSERT_EQUAL(play.direct, NX_DIRECT_FAILS);
	CU_ASSERT_TRUE(seconds_until(&play, NX_DIRECT_WORKS, 100) <= 10);
	CU_ASSERT_EQUAL(play.renewed, 1);
	/* One that does not answer is not asked to by this again and again: the tunnel does so itself. */
	path_set(&play, false);
	seconds_until(&play, NX_DIRECT_FAILS, 100);
	play_seconds(&play, 600);
	CU_ASSERT_EQUAL(play.renewed, 2);
}

/* Found at the start with a session that lives, and a clock that is wrong by so much. */
static void clock_wrong(int64_t seconds, uint16_t keepalive)
{
	struct play play;

	play_begin(&play, 1);
	play.keepalive = keepalive;
	play.status.last_handshake = play.clock - 30;
	play.status.received_bytes = play.status.sent_bytes = 5000;
	play.clock += seconds;
	play.age = 30;
	play.reachable = true;
	CU_ASSERT_TRUE(seconds_until(&play, NX_DIRECT_WORKS, 100) <= 5u + keepalive);
	CU_ASSERT_EQUAL(play.renewed, 1);
	play_seconds(&play, 300);
	CU_ASSERT_EQUAL(play.direct, NX_DIRECT_WORKS);
	CU_ASSERT_EQUAL(play.renewed, 1);
}

static void test_adopted_with_a_wrong_clock(void)
{
	struct play play;

	clock_wrong(86400, 5);
	clock_wrong(-86400, 5);
	clock_wrong(86400, 20);
	clock_wrong(-86400, 20);
	/* Of a session that is dead nothing comes, and nothing is renewed. */
	play_begin(&play, 1);
	play.status.last_handshake = play.clock - 100000;
	play_seconds(&play, 300);
	CU_ASSERT_EQUAL(play.direct, NX_DIRECT_FAILS);
	CU_ASSERT_EQUAL(play.renewed, 0);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"a peer that answers", test_works_at_once},
		{"a peer that never does", test_never_answers},
		{"a peer that answers elsewhere", test_second_endpoint_answers},
		{"nothing to try", test_nothing_to_try},
		{"a way that is lost", test_lost},
		{"a way that comes and goes", test_does_not_flap},
		{"a way that goes in one direction", test_one_way},
		{"a way that comes to go in one direction", test_becomes_one_way},
		{"the clock jumps", test_clock_jumps},
		{"an adopted tunnel", test_adopted},
		{"one of two yields", test_yields},
		{"a session that outlives a loss", test_session_outlives_loss},
		{"a peer that was started anew", test_peer_started_anew},
		{"a session whose age nobody can tell", test_adopted_with_a_wrong_clock},
		CU_TEST_INFO_NULL,
	};

	return unit_run("agent way", tests);
}
