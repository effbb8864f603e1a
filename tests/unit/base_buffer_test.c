/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers, UTF-8, errors and allocation. */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "tests/unit/unit.h"

static void test_empty(void)
{
	struct nx_buffer buffer = {0};
	char *text;

	nx_buffer_clear(&buffer);
	nx_buffer_consume(&buffer, 5);
	CU_ASSERT_PTR_NULL(buffer.data);
	text = nx_buffer_take(&buffer);
	CU_ASSERT_STRING_EQUAL(text, "");
	free(text);
	nx_buffer_append(&buffer, NULL, 0);
	CU_ASSERT_STRING_EQUAL(buffer.data, "");
	nx_buffer_free(&buffer);
	nx_buffer_free(NULL);
}

static void test_growth(void)
{
	NX_CLEANUP(nx_buffer_free) struct nx_buffer buffer = {0};

	for (size_t i = 0; i < 10000; i++) {
		nx_buffer_append(&buffer, "abc", 3);
		CU_ASSERT_EQUAL(buffer.data[buffer.length], '\0');
	}
	CU_ASSERT_EQUAL(buffer.length, 30000);
	nx_buffer_clear(&buffer);
	CU_ASSERT_EQUAL(buffer.length, 0);
	CU_ASSERT_TRUE(buffer.room > 30000);
}

/* printf() where the text just fits, just does not, and by far does not. */
static void test_printf_at_the_edge(void)
{
	for (size_t before = 0; before < 140; before++) {
		NX_CLEANUP(nx_buffer_free) struct nx_buffer buffer = {0};

		for (size_t i = 0; i < before; i++)
			nx_buffer_text(&buffer, "x");
		nx_buffer_printf(&buffer, "%d-%s", 42, "tail");
		CU_ASSERT_EQUAL(buffer.length, before + 7);
		CU_ASSERT_STRING_EQUAL(buffer.data + before, "42-tail");
		nx_buffer_printf(&buffer, "%*s", 500, "");
		CU_ASSERT_EQUAL(buffer.length, before + 507);
	}
}

static void test_consume(void)
{
	NX_CLEANUP(nx_buffer_free) struct nx_buffer buffer = {0};

	nx_buffer_text(&buffer, "first\nsecond");
	nx_buffer_consume(&buffer, 6);
	CU_ASSERT_STRING_EQUAL(buffer.data, "second");
	nx_buffer_consume(&buffer, 0);
	CU_ASSERT_STRING_EQUAL(buffer.data, "second");
	nx_buffer_consume(&buffer, 600);
	CU_ASSERT_STRING_EQUAL(buffer.data, "");
}

static void test_utf8(void)
{
	static const struct {
		const char *bytes;
		size_t length; /* 0: not valid */
		uint32_t character;
	} rows[] = {
		{"A", 1, 'A'},
		{"\x7f", 1, 0x7f},
		{"\x80", 0, 0},
		{"\xbf", 0, 0},
		{"\xc0\x80", 0, 0},
		{"\xc1\xbf", 0, 0},
		{"\xc2\x80", 2, 0x80},
		{"\xdf\xbf", 2, 0x7ff},
		{"\xe0\x9f\xbf", 0, 0},
		{"\xe0\xa0\x80", 3, 0x800},
		{"\xed\x9f\xbf", 3, 0xd7ff},
		{"\xed\xa0\x80", 0, 0},
		{"\xed\xbf\xbf", 0, 0},
		{"\xee\x80\x80", 3, 0xe000},
		{"\xef\xbf\xbf", 3, 0xffff},
		{"\xf0\x8f\xbf\xbf", 0, 0},
		{"\xf0\x90\x80\x80", 4, 0x10000},
		{"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
		{"\xf4\x90\x80\x80", 0, 0},
		{"\xf5\x80\x80\x80", 0, 0},
		{"\xff", 0, 0},
		{"\xc3", 0, 0},
		{"\xe2\x82", 0, 0},
		{"\xe2\x28\xa1", 0, 0},
	};

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		uint32_t character = 0;

		CU_ASSERT_EQUAL(nx_utf8_decode(rows[i].bytes, strlen(rows[i].bytes), &character),
				rows[i].length);
		CU_ASSERT_EQUAL(character, rows[i].character);
	}
}

static void test_cut(void)
{
	static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"; /* a é € 😀 z */
	static const size_t cuts[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};

	for (size_t i = 0; i < NX_COUNT(cuts); i++)
		CU_ASSERT_EQUAL(nx_utf8_cut(text, i), cuts[i]);
}

static void test_error(void)
{
	struct nx_error error;

	CU_ASSERT_EQUAL(nx_fail(NULL, NX_DENIED, "field", "message"), NX_DENIED);
	CU_ASSERT_EQUAL(nx_fail(&error, NX_INVALID, "cidr", "not %d", 7), NX_INVALID);
	CU_ASSERT_STRING_EQUAL(error.field, "cidr");
	CU_ASSERT_STRING_EQUAL(error.message, "not 7");
	nx_fail(&error, NX_CONFLICT, NULL, "outer: %s", error.message); /* quotes itself */
	CU_ASSERT_STRING_EQUAL(error.message, "outer: not 7");
	CU_ASSERT_STRING_EQUAL(error.field, "");
	CU_ASSERT_EQUAL(error.status, NX_CONFLICT);
	nx_fail(&error, NX_INVALID, NULL, "%*s\xe2\x82\xac", 318, ""); /* cut within the € */
	CU_ASSERT_EQUAL(strlen(error.message), 318);
	CU_ASSERT_STRING_EQUAL(nx_status_name(NX_EXHAUSTED), "exhausted");
	CU_ASSERT_STRING_EQUAL(nx_status_name((enum nx_status)99), "unknown status");
}

static void test_memory(void)
{
	char *memory = nx_alloc_array(0, 16);
	char *text = nx_printf("%s-%d", "a", 1);

	CU_ASSERT_PTR_NOT_NULL(memory);
	free(memory);
	CU_ASSERT_STRING_EQUAL(text, "a-1");
	CU_ASSERT_PTR_NULL(nx_strdup(NULL));
	memory = NX_TAKE(text);
	CU_ASSERT_PTR_NULL(text);
	free(memory);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"an empty buffer", test_empty},
		{"growth", test_growth},
		{"printf at the edge of the room", test_printf_at_the_edge},
		{"consume", test_consume},
		{"UTF-8", test_utf8},
		{"cut at a character", test_cut},
		{"errors", test_error},
		{"allocation", test_memory},
		CU_TEST_INFO_NULL,
	};

	return unit_run("buffer", tests);
}
