/* SPDX-License-Identifier: Apache-2.0 */
/* The event stream's lines, however they are cut, and what they may be. */
#include <string.h>

#include "agent/session/stream.h"
#include "base/memory.h"
#include "tests/unit/unit.h"

struct seen {
	struct nx_buffer events; /* "c1 d2 t " */
	unsigned stop_at;	 /* the event that ends the stream; 0: none */
	unsigned count;
};

static bool event_note(void *context, const struct nx_event *event)
{
	static const char letters[] = "?cdt";
	struct seen *seen = context;

	nx_buffer_printf(&seen->events, "%c%lld ", letters[event->type],
			 event->value ? (long long)nx_json_member_integer(event->value, "n", -1) : 0LL);
	CU_ASSERT_EQUAL(event->line[event->length - 1], '}');
	return ++seen->count != seen->stop_at;
}

static const char document[] = "{\"type\":\"change\",\"value\":{\"n\":1}}\n"
			       "{\"type\":\"delete\",\"value\":{\"n\":2}}\r\n"
			       "\n"
			       "{\"type\":\"tail\"}\n"
			       "{\"type\":\"weather\",\"value\":7}\n"
			       "{\"type\":\"change\",\"value\":{\"n\":3}}\n";
static const char expected[] = "c1 d2 t0 ?-1 c3 ";

/* Cut at each place into two pieces, and into pieces of each size. */
static void test_every_cut(void)
{
	size_t length = strlen(document);

	for (size_t piece = 1; piece <= length; piece++) {
		struct seen seen = {0};
		struct nx_stream stream = {.event = event_note, .context = &seen};

		for (size_t at = 0; at < length; at += piece)
			CU_ASSERT_EQUAL(nx_stream_feed(&stream, document + at,
						       at + piece < length ? piece : length - at, NULL),
					NX_OK);
		CU_ASSERT_STRING_EQUAL(seen.events.data, expected);
		nx_stream_release(&stream);
		nx_buffer_free(&seen.events);
	}
}

static void test_ended_by_the_listener(void)
{
	struct seen seen = {.stop_at = 2};
	struct nx_stream stream = {.event = event_note, .context = &seen};

	CU_ASSERT_EQUAL(nx_stream_feed(&stream, document, strlen(document), NULL), NX_DENIED);
	CU_ASSERT_STRING_EQUAL(seen.events.data, "c1 d2 ");
	nx_stream_release(&stream);
	nx_buffer_free(&seen.events);
}

static const char *const bad_lines[] = {
	"x\n",
	"[]\n",
	"7\n",
	"{\"type\":\"change\"}\n",
	"{\"type\":\"change\",\"value\":[]}\n",
	"{\"type\":\"delete\",\"value\":null}\n",
	"{\"type\":\"tail\"} {\"type\":\"tail\"}\n",
	"{\"type\":\"tail\",\"type\":\"change\"}\n",
	"{\"type\":\"\xff\"}\n",
};

static void test_bad_lines(void)
{
	for (size_t i = 0; i < NX_COUNT(bad_lines); i++) {
		struct seen seen = {0};
		struct nx_stream stream = {.event = event_note, .context = &seen};
		struct nx_error error = {0};

		UNIT_ASSERT_ROW(nx_stream_feed(&stream, bad_lines[i], strlen(bad_lines[i]), &error) ==
					NX_INVALID,
				bad_lines[i]);
		UNIT_ASSERT_ROW(seen.count == 0 && *error.message, bad_lines[i]);
		nx_stream_release(&stream);
		nx_buffer_free(&seen.events);
	}
}

/* A line without an end must not fill the memory; one just short enough is taken. */
static void test_long_lines(void)
{
	NX_AUTO_FREE char *blanks = nx_alloc(NX_LINE_LIMIT + 1);
	struct seen seen = {0};
	struct nx_stream stream = {.event = event_note, .context = &seen};

	memset(blanks, ' ', NX_LINE_LIMIT);
	memcpy(blanks, "{\"type\":", 8);
	memcpy(blanks + NX_LINE_LIMIT - 7, "\"tail\"}", 7);
	CU_ASSERT_EQUAL(nx_stream_feed(&stream, blanks, NX_LINE_LIMIT, NULL), NX_OK);
	CU_ASSERT_EQUAL(nx_stream_feed(&stream, "\n", 1, NULL), NX_OK);
	CU_ASSERT_STRING_EQUAL(seen.events.data, "t0 ");
	for (size_t i = 0; i < 16; i++)
		CU_ASSERT_EQUAL(nx_stream_feed(&stream, blanks, NX_LINE_LIMIT / 16, NULL), NX_OK);
	CU_ASSERT_EQUAL(nx_stream_feed(&stream, " ", 1, NULL), NX_INVALID);
	nx_stream_reset(&stream);
	CU_ASSERT_EQUAL(nx_stream_feed(&stream, document, strlen(document), NULL), NX_OK);
	nx_stream_release(&stream);
	nx_buffer_free(&seen.events);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"lines cut at every place", test_every_cut},
		{"the listener ends the stream", test_ended_by_the_listener},
		{"lines that cannot be", test_bad_lines},
		{"lines that are too long", test_long_lines},
		CU_TEST_INFO_NULL,
	};

	return unit_run("agent stream", tests);
}
