/* SPDX-License-Identifier: Apache-2.0 */
/* Latency and loss of members, over a wire in memory that answers, loses, doubles and forges. */
#include "agent/network/echo.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <uv.h>

#include "agent/loop.h"
#include "base/memory.h"
#include "tests/unit/agent_fake.h"
#include "tests/unit/unit.h"

enum { REPLIES = 64 };

struct reply {
	struct nx_address from;
	struct nx_echo echo;
};

/* What a family sends to, and takes from. */
static struct wire {
	int descriptor;
	unsigned sent;
	struct reply replies[REPLIES];
	size_t count;
	void (*carry)(struct wire *wire, const struct reply *request);
	bool forbidden; /* no right to it */
} wires[2];

static struct wire *wire_of(void *instance)
{
	return &wires[((struct fake_family *)instance)->index];
}

static void wire_put(struct wire *wire, const struct reply *reply)
{
	const uint64_t one = 1;

	CU_ASSERT_FATAL(wire->count < REPLIES);
	wire->replies[wire->count++] = *reply;
	CU_ASSERT_EQUAL(write(wire->descriptor, &one, sizeof(one)), sizeof(one));
}

static enum nx_status echo_open(void *instance, int *descriptor, struct nx_error *error)
{
	struct wire *wire = wire_of(instance);

	if (wire->forbidden)
		return nx_fail(error, NX_DENIED, NULL, "no right to it");
	wire->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	*descriptor = wire->descriptor;
	return NX_OK;
}

static bool echo_send(void *instance, int descriptor, const struct nx_address *remote,
		      const struct nx_echo *echo)
{
	struct wire *wire = wire_of(instance);
	const struct reply request = {.from = *remote, .echo = *echo};

	CU_ASSERT_EQUAL(descriptor, wire->descriptor);
	wire->sent++;
	wire->carry(wire, &request);
	return true;
}

static bool echo_receive(void *instance, int descriptor, struct nx_address *from, struct nx_echo *out)
{
	struct wire *wire = wire_of(instance);
	uint64_t one;

	if (!wire->count || read(descriptor, &one, sizeof(one)) != sizeof(one))
		return false;
	*from = wire->replies[--wire->count].from;
	*out = wire->replies[wire->count].echo;
	return true;
}

/* --- wires ------------------------------------------------------------------------------------- */

static void carry_all(struct wire *wire, const struct reply *request)
{
	wire_put(wire, request);
}

static void carry_nothing(struct wire *wire, const struct reply *request)
{
	(void)wire;
	(void)request;
}

static void carry_every_other(struct wire *wire, const struct reply *request)
{
	if (request->echo.sequence % 2 == 0)
		wire_put(wire, request);
}

static void carry_twice(struct wire *wire, const struct reply *request)
{
	wire_put(wire, request);
	wire_put(wire, request);
}

/* Whoever does not see the request cannot answer it, nor for another, nor before it is sent. */
static void carry_forged(struct wire *wire, const struct reply *request)
{
	struct reply forged = *request;

	forged.echo.token[3] ^= 1;
	wire_put(wire, &forged);
	forged = *request;
	forged.echo.identifier ^= 1;
	wire_put(wire, &forged);
	forged = *request;
	forged.from.bytes[3] ^= 0x80;
	wire_put(wire, &forged);
	forged = *request;
	forged.echo.sequence = (uint16_t)(NX_ECHO_COUNT + request->echo.sequence);
	wire_put(wire, &forged);
	forged.echo.sequence = (uint16_t)(request->echo.sequence + 1);
	if (forged.echo.sequence < NX_ECHO_COUNT)
		wire_put(wire, &forged);
}

/* --- measurements --------------------------------------------------------------------------------- */

struct bench {
	uv_loop_t loop;
	struct fake_host host;
	struct nx_family_ops ops[2];
	struct nx_members members;
	struct nx_echoes *echoes;
	unsigned done;
	struct nx_echo_result results[2]; /* of the only member */
	bool found[2];
};

static const struct nx_address addresses[2] = {{4, {100, 100, 0, 2}}, {16, {2, [15] = 2}}};

static void measured(void *context)
{
	struct bench *bench = context;

	bench->done++;
	for (size_t i = 0; i < 2; i++) {
		const struct nx_echo_result *result = nx_echoes_result(bench->echoes, &addresses[i]);

		bench->found[i] = result;
		if (result)
			bench->results[i] = *result;
	}
	uv_stop(&bench->loop);
}

static void bench_make(struct bench *bench, void (*carry)(struct wire *wire, const struct reply *request))
{
	NX_AUTO_JSON struct nx_json *device = fake_device(1, "");
	struct nx_record *record;
	struct nx_entry *entry;
	unsigned effect;

	*bench = (struct bench){0};
	fake_host_make(&bench->host);
	for (size_t i = 0; i < 2; i++) {
		struct nx_family *family = &bench->host.capabilities.families[i];

		wires[i] = (struct wire){.descriptor = -1, .carry = carry};
		bench->ops[i] = *family->ops;
		bench->ops[i].echo_open = echo_open;
		bench->ops[i].echo_send = echo_send;
		bench->ops[i].echo_receive = echo_receive;
		family->ops = &bench->ops[i];
	}
	nx_members_init(&bench->members, &bench->host.capabilities);
	CU_ASSERT_EQUAL_FATAL(nx_record_read(&bench->host.capabilities, device, &record, NULL), NX_OK);
	CU_ASSERT_EQUAL_FATAL(nx_members_put(&bench->members, record, &entry, &effect, NULL), NX_OK);
	entry->applied.present = true;
	CU_ASSERT_EQUAL_FATAL(uv_loop_init(&bench->loop), 0);
	bench->echoes = nx_echoes_new(&bench->loop, &bench->host.capabilities, measured, bench);
}

static void bench_release(struct bench *bench)
{
	nx_echoes_free(bench->echoes);
	nx_members_clear(&bench->members);
	fake_host_release(&bench->host);
	nx_loop_finish(&bench->loop);
}

static void measure(struct bench *bench)
{
	unsigned before = bench->done;

	CU_ASSERT_FATAL(nx_echoes_begin(bench->echoes, &bench->members));
	uv_run(&bench->loop, UV_RUN_DEFAULT);
	CU_ASSERT_EQUAL(bench->done, before + 1);
	CU_ASSERT_PTR_NULL(nx_echoes_result(bench->echoes, &addresses[0]));
}

static void wire_judge(void (*carry)(struct wire *wire, const struct reply *request), unsigned received)
{
	struct bench bench;

	bench_make(&bench, carry);
	measure(&bench);
	for (size_t i = 0; i < 2; i++) {
		CU_ASSERT_FATAL(bench.found[i]);
		CU_ASSERT_EQUAL(bench.results[i].sent, NX_ECHO_COUNT);
		CU_ASSERT_EQUAL(bench.results[i].received, received);
		CU_ASSERT(received || bench.results[i].median_microseconds == 0);
		CU_ASSERT_EQUAL(wires[i].sent, NX_ECHO_COUNT);
	}
	bench_release(&bench);
}

static void test_wires(void)
{
	wire_judge(carry_all, NX_ECHO_COUNT);
	wire_judge(carry_nothing, 0);
	wire_judge(carry_every_other, (NX_ECHO_COUNT + 1) / 2);
	wire_judge(carry_twice, NX_ECHO_COUNT);
	wire_judge(carry_forged, 0);
}

static void test_again(void)
{
	struct bench bench;

	bench_make(&bench, carry_all);
	measure(&bench);
	wires[0].carry = carry_nothing;
	measure(&bench);
	CU_ASSERT_EQUAL(bench.results[0].received, 0);
	CU_ASSERT_EQUAL(bench.results[1].received, NX_ECHO_COUNT);
	bench_release(&bench);
}

/* Who asks while one runs gets that one's end. */
static void test_shared(void)
{
	struct bench bench;

	bench_make(&bench, carry_all);
	CU_ASSERT(nx_echoes_begin(bench.echoes, &bench.members));
	CU_ASSERT(nx_echoes_begin(bench.echoes, &bench.members));
	uv_run(&bench.loop, UV_RUN_DEFAULT);
	CU_ASSERT_EQUAL(bench.done, 1);
	CU_ASSERT_EQUAL(wires[0].sent, NX_ECHO_COUNT);
	bench_release(&bench);
}

static void test_without(void)
{
	struct bench bench;

	bench_make(&bench, carry_all);
	wires[0].forbidden = true;
	measure(&bench);
	CU_ASSERT(!bench.found[0]);
	CU_ASSERT_EQUAL(bench.results[1].received, NX_ECHO_COUNT);
	bench.ops[1].echo_open = NULL;
	CU_ASSERT(!nx_echoes_begin(bench.echoes, &bench.members));
	bench_release(&bench);
}

/* Freed while it runs, as when nexd ends. */
static void test_cut_short(void)
{
	struct bench bench;

	bench_make(&bench, carry_nothing);
	CU_ASSERT(nx_echoes_begin(bench.echoes, &bench.members));
	uv_run(&bench.loop, UV_RUN_ONCE);
	bench_release(&bench);
	CU_ASSERT_EQUAL(bench.done, 0);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"wires that answer, lose, double and forge", test_wires},
		{"each measurement is a new one", test_again},
		{"those who ask at one time share one", test_shared},
		{"no right to it, or no way to do it", test_without},
		{"cut short", test_cut_short},
		CU_TEST_INFO_NULL,
	};

	return unit_run("agent echo", tests);
}
