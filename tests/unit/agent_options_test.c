/* SPDX-License-Identifier: Apache-2.0 */
/* Lists as a person writes them, URLs, the control socket's lines, programs that are run. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "agent/control/control.h"
#include "agent/options_list.h"
#include "agent/program.h"
#include "agent/session/backoff.h"
#include "agent/session/client.h"
#include "base/address.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/secret.h"
#include "tests/unit/unit.h"

/* --- lists --------------------------------------------------------------------------------- */

static const struct {
	const char *text, *result; /* NULL: refused */
	const char *words;	   /* in the refusal */
} prefix_lists[] = {
	{"", "", NULL},
	{"172.17.20.0/24,2001:db8:abcd:12::/64", "172.17.20.0/24 2001:db8:abcd:12::/64 ", NULL},
	{" 10.0.0.0/8 , 10.0.0.0/8,, 9.0.0.0/8", "9.0.0.0/8 10.0.0.0/8 ", NULL},
	{"200:/64", NULL, "did you mean 200::/64?"},
	{"172.17.20.5/24", NULL, "did you mean 172.17.20.0/24?"},
	{"0.0.0.0/0", NULL, "default route"},
	{"::/0", NULL, "default route"},
	{"128.0.0.0/1", NULL, "much of one"},
	{"fc00::/7,10.0.0.0/8", "10.0.0.0/8 fc00::/7 ", NULL},
	{"10.0.0.0", NULL, "not a prefix"},
	{"10.0.0.0/33", NULL, "not a prefix"},
	{"10.0.0.0/8;11.0.0.0/8", NULL, "not a prefix"},
};

static void test_prefix_lists(void)
{
	for (size_t i = 0; i < NX_COUNT(prefix_lists); i++) {
		struct nx_prefix *prefixes = NULL;
		struct nx_error error = {0};
		struct nx_buffer text = {0};
		char one[NX_ADDRESS_TEXT];
		size_t count = 0;
		enum nx_status status =
			nx_prefix_list(prefix_lists[i].text, "advertise-cidr", &prefixes, &count, &error);

		nx_buffer_text(&text, "");
		for (size_t j = 0; j < count; j++)
			nx_buffer_printf(&text, "%s ", nx_prefix_format(&prefixes[j], one));
		UNIT_ASSERT_ROW((status == NX_OK) == (prefix_lists[i].result != NULL), prefix_lists[i].text);
		if (prefix_lists[i].result)
			UNIT_ASSERT_ROW(strcmp(text.data, prefix_lists[i].result) == 0, text.data);
		else
			UNIT_ASSERT_HOLDS(error.message, prefix_lists[i].words);
		nx_buffer_free(&text);
		free(prefixes);
	}
}

static void test_address_lists(void)
{
	struct nx_address *addresses = NULL;
	struct nx_endpoint *endpoints = NULL;
	struct nx_error error = {0};
	size_t count = 0;

	CU_ASSERT_EQUAL(nx_address_list("100.100.0.7,200::7", "request-ip", &addresses, &count, NULL), NX_OK);
	CU_ASSERT_EQUAL(count, 2);
	CU_ASSERT_EQUAL(addresses[1].length, 16);
	free(addresses);
	addresses = NULL;
	count = 0;
	CU_ASSERT_EQUAL(nx_address_list("200::7,200::8", "request-ip", &addresses, &count, &error),
			NX_INVALID);
	UNIT_ASSERT_HOLDS(error.message, "second");
	free(addresses);
	addresses = NULL;
	count = 0;
	CU_ASSERT_EQUAL(nx_address_list("1.2.3.4:5", "request-ip", &addresses, &count, NULL), NX_INVALID);
	free(addresses);
	count = 0;
	CU_ASSERT_EQUAL(nx_endpoint_list("192.0.2.1 [2001:db8::1]:51821", "local-endpoint-ip", &endpoints,
					 &count, NULL),
			NX_OK);
	CU_ASSERT_EQUAL(count, 2);
	CU_ASSERT_EQUAL(endpoints[0].port, 0);
	CU_ASSERT_EQUAL(endpoints[1].port, 51821);
	free(endpoints);
}

/* --- the service's URL ----------------------------------------------------------------------- */

static const struct {
	const char *url;
	bool fit;
} urls[] = {
	{"https://nexodus.example.com", true},
	{"http://[2001:db8::1]:8080/", true},
	{"https://example.com/prefix", true},
	{"", false},
	{"nexodus.example.com", false},
	{"ftp://example.com", false},
	{"file:///etc/passwd", false},
	{"https://", false},
	{"https://user:word@example.com", false},
	{"https://user@example.com", false},
	{"https://example.com/?a=b", false},
	{"https://example.com/#x", false},
};

static void test_urls(void)
{
	for (size_t i = 0; i < NX_COUNT(urls); i++)
		UNIT_ASSERT_ROW((nx_service_url_check(urls[i].url, NULL) == NX_OK) == urls[i].fit,
				urls[i].url);
}

/* --- the control socket ------------------------------------------------------------------------ */

static void status_tell(void *context, struct nx_buffer *out)
{
	(void)context;
	nx_buffer_text(out, "{\"state\":\"x\"}");
}

static void peers_tell(void *context, struct nx_buffer *out)
{
	(void)context;
	nx_buffer_text(out, "[]");
}

static void drain_tell(void *context, const struct nx_control_drain *wish, struct nx_buffer *out)
{
	(void)context;
	nx_buffer_text(out, wish->undo ? "\"undo\"" : wish->force ? "\"force\"" : "\"drain\"");
}

static const struct {
	const char *request, *answer; /* NULL: an error */
} requests[] = {
	{"{\"command\":\"status\"}", "{\"state\":\"x\"}\n"},
	{"{\"command\":\"peers\"}\r", "[]\n"},
	{"{\"command\":\"peers\",\"measure\":true}", "[]\n"},
	{"{\"command\":\"version\"}", "{\"version\":\"" NEXODUS_VERSION "\"}\n"},
	{"{\"command\":\"drain\"}", "\"drain\"\n"},
	{"{\"command\":\"drain\",\"force\":true}", "\"force\"\n"},
	{"{\"command\":\"drain\",\"undo\":true,\"force\":1}", "\"undo\"\n"},
	{"{\"command\":\"reboot\"}", NULL},
	{"{\"command\":7}", NULL},
	{"{}", NULL},
	{"[]", NULL},
	{"status", NULL},
	{"", NULL},
	{"{\"command\":\"\xff\"}", NULL},
};

static bool measure(void *context)
{
	return *(const bool *)context;
}

static void test_control(void)
{
	bool measurable = false;
	const struct nx_control_source source = {.status = status_tell,
						 .peers = peers_tell,
						 .measure = measure,
						 .drain = drain_tell,
						 .context = &measurable};
	const char *patient = "{\"command\":\"peers\",\"measure\":true}";
	struct nx_buffer later = {0};

	for (size_t i = 0; i < NX_COUNT(requests); i++) {
		struct nx_buffer answer = {0};

		CU_ASSERT(nx_control_answer(&source, requests[i].request, strlen(requests[i].request),
					    &answer));
		if (requests[i].answer)
			UNIT_ASSERT_ROW(strcmp(answer.data, requests[i].answer) == 0, answer.data);
		else
			UNIT_ASSERT_ROW(strncmp(answer.data, "{\"error\":\"", 10) == 0, answer.data);
		UNIT_ASSERT_ROW(strchr(answer.data, '\n') == answer.data + answer.length - 1, answer.data);
		nx_buffer_free(&answer);
	}
	measurable = true;
	CU_ASSERT(!nx_control_answer(&source, patient, strlen(patient), &later));
	CU_ASSERT_EQUAL(later.length, 0);
}

/* --- programs ------------------------------------------------------------------------------------ */

static enum nx_status run(const char *first, const char *second, const char *third, const char *input,
			  char *output, size_t room, struct nx_error *error)
{
	const char *const arguments[] = {first, second, third, NULL};

	return nx_program_run(arguments, input, output, room, error);
}

static void test_programs(void)
{
	NX_AUTO_FREE char *large = nx_alloc(1 << 20);
	NX_AUTO_FREE char *back = nx_alloc(1 << 20);
	struct nx_error error = {0};
	char output[8];

	CU_ASSERT_EQUAL(run("cat", NULL, NULL, "hello", output, sizeof(output), NULL), NX_OK);
	CU_ASSERT_STRING_EQUAL(output, "hello");
	CU_ASSERT_EQUAL(run("cat", NULL, NULL, "hello world", output, sizeof(output), NULL), NX_OK);
	CU_ASSERT_STRING_EQUAL(output, "hello w");
	/* More than a pipe holds, both ways at once. */
	memset(large, 'x', (1 << 20) - 1);
	CU_ASSERT_EQUAL(run("cat", NULL, NULL, large, back, 1 << 20, NULL), NX_OK);
	CU_ASSERT_STRING_EQUAL(back, large);
	/* One that does not listen does not end us. */
	CU_ASSERT_EQUAL(run("true", NULL, NULL, large, NULL, 0, NULL), NX_OK);
	CU_ASSERT_EQUAL(run("sh", "-c", "echo why >&2; exit 3", NULL, NULL, 0, &error), NX_INTERNAL);
	UNIT_ASSERT_HOLDS(error.message, "status 3");
	UNIT_ASSERT_HOLDS(error.message, "why");
	CU_ASSERT_EQUAL(run("sh", "-c", "kill -9 $$", NULL, NULL, 0, &error), NX_INTERNAL);
	UNIT_ASSERT_HOLDS(error.message, "signal 9");
	CU_ASSERT_EQUAL(run("no-such-program", NULL, NULL, NULL, NULL, 0, NULL), NX_UNSUPPORTED);
	CU_ASSERT_EQUAL(run("/bin/true", NULL, NULL, NULL, NULL, 0, NULL), NX_INVALID);
	CU_ASSERT_EQUAL(run("../bin/true", NULL, NULL, NULL, NULL, 0, NULL), NX_INVALID);
}

static void test_programs_get_nothing_of_ours(void)
{
	char output[4096];

	setenv("CANARY", "sings", 1);
	CU_ASSERT_EQUAL(run("env", NULL, NULL, NULL, output, sizeof(output), NULL), NX_OK);
	CU_ASSERT_PTR_NULL(strstr(output, "CANARY"));
	unsetenv("CANARY");
}

/* --- waiting --------------------------------------------------------------------------------------- */

static void test_backoff(void)
{
	struct nx_backoff backoff = {0};
	uint64_t limit = 1000;

	for (unsigned i = 0; i < 40; i++) {
		uint64_t delay = nx_backoff_next(&backoff, 0);

		CU_ASSERT_TRUE(delay >= limit / 2 && delay <= limit);
		limit = limit * 2 > 60000 ? 60000 : limit * 2;
	}
	CU_ASSERT_TRUE(nx_backoff_next(&backoff, 7) >= 7000);
	CU_ASSERT_TRUE(nx_backoff_next(&backoff, 7) <= 8000);
	CU_ASSERT_TRUE(nx_backoff_next(&backoff, INT64_MAX) <= 301000);
	CU_ASSERT_TRUE(nx_backoff_next(&backoff, -1) <= 60000);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"lists of prefixes", test_prefix_lists},
		{"lists of addresses", test_address_lists},
		{"the service's URL", test_urls},
		{"requests on the control socket", test_control},
		{"programs", test_programs},
		{"programs get nothing of ours", test_programs_get_nothing_of_ours},
		{"waiting before another attempt", test_backoff},
		CU_TEST_INFO_NULL,
	};

	nx_secret_setup();
	signal(SIGPIPE, SIG_IGN);
	return unit_run("agent options", tests);
}
