/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON wrapper: what it must refuse, though cJSON would take much of it. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "tests/unit/unit.h"

/* A document that may hold NUL bytes. */
struct document {
	const char *text;
	size_t length;
};

#define DOCUMENT(literal)                                                                                    \
	{                                                                                                    \
		literal, sizeof(literal) - 1                                                                 \
	}

static enum nx_status parse(const char *text, struct nx_json **out)
{
	return nx_json_parse(text, strlen(text), out, NULL);
}

/* Parsed from a copy of exactly its length, so that a sanitizer sees a byte too much. */
static enum nx_status parse_exactly(const struct document *document, struct nx_json **out,
				    struct nx_error *error)
{
	NX_AUTO_FREE char *copy = malloc(document->length ? document->length : 1);

	if (document->length)
		memcpy(copy, document->text, document->length);
	return nx_json_parse(copy, document->length, out, error);
}

static void test_refused(void)
{
	static const struct document rows[] = {
		/* no document, or more than one */
		DOCUMENT(""),
		DOCUMENT(" "),
		DOCUMENT("\0"),
		DOCUMENT("{}\0"),
		DOCUMENT("[]\0[]"),
		DOCUMENT("[][]"),
		DOCUMENT("{}{}"),
		DOCUMENT("1 2"),
		DOCUMENT("{}x"),
		DOCUMENT("[1]x"),
		DOCUMENT("\"a\" x"),
		DOCUMENT("{} #"),
		DOCUMENT("[]]"),
		DOCUMENT("{}}"),
		DOCUMENT("\xef\xbb\xbf{}"),
		DOCUMENT("\xef\xbb\xbf"),
		DOCUMENT("\xff\xfe[\0]\0"),
		DOCUMENT("{}//"),
		DOCUMENT("/**/{}"),
		DOCUMENT("{}/*x*/"),
		/* white space that is none */
		DOCUMENT("[\f]"),
		DOCUMENT("[\v]"),
		DOCUMENT("[\x1f]"),
		DOCUMENT("\0[]"),
		DOCUMENT("[\xc2\xa0]"),
		DOCUMENT("[\xe2\x81\xa0]"),
		DOCUMENT("\xc2\x85[]"),
		/* arrays */
		DOCUMENT("["),
		DOCUMENT("]"),
		DOCUMENT("[1"),
		DOCUMENT("[1,"),
		DOCUMENT("[1,]"),
		DOCUMENT("[,1]"),
		DOCUMENT("[,]"),
		DOCUMENT("[1,,2]"),
		DOCUMENT("[1 2]"),
		DOCUMENT("[\"\": 1]"),
		DOCUMENT("[1}"),
		DOCUMENT("[\"a\",\n4\n,1,"),
		DOCUMENT("[*]"),
		DOCUMENT("[3[4]]"),
		DOCUMENT("[x"),
		DOCUMENT("[[]"),
		DOCUMENT("[1]]"),
		/* objects */
		DOCUMENT("{"),
		DOCUMENT("}"),
		DOCUMENT("{\"a\"}"),
		DOCUMENT("{\"a\":}"),
		DOCUMENT("{\"a\""),
		DOCUMENT("{\"a\":"),
		DOCUMENT("{\"a\":1"),
		DOCUMENT("{\"a\":1,"),
		DOCUMENT("{\"a\":1,}"),
		DOCUMENT("{\"a\":1,,\"b\":2}"),
		DOCUMENT("{,\"a\":1}"),
		DOCUMENT("{\"a\" 1}"),
		DOCUMENT("{\"a\"::1}"),
		DOCUMENT("{:1}"),
		DOCUMENT("{1:1}"),
		DOCUMENT("{a:1}"),
		DOCUMENT("{'a':1}"),
		DOCUMENT("{null:null}"),
		DOCUMENT("{\"a\":1]"),
		DOCUMENT("{\"a\":1 \"b\":2}"),
		DOCUMENT("{\"a\",\"b\"}"),
		DOCUMENT("{[]:1}"),
		DOCUMENT("{\"a\":\"b\"}#"),
		/* words */
		DOCUMENT("nul"),
		DOCUMENT("nulll"),
		DOCUMENT("NULL"),
		DOCUMENT("True"),
		DOCUMENT("tru"),
		DOCUMENT("truex"),
		DOCUMENT("fals"),
		DOCUMENT("undefined"),
		DOCUMENT("NaN"),
		DOCUMENT("Infinity"),
		DOCUMENT("-Infinity"),
		DOCUMENT("[nul]"),
		/* numbers */
		DOCUMENT("01"),
		DOCUMENT("-01"),
		DOCUMENT("00"),
		DOCUMENT("+1"),
		DOCUMENT("-"),
		DOCUMENT("--1"),
		DOCUMENT("1."),
		DOCUMENT("-1."),
		DOCUMENT("1.e1"),
		DOCUMENT(".5"),
		DOCUMENT("-.5"),
		DOCUMENT("1e"),
		DOCUMENT("1e+"),
		DOCUMENT("1E-"),
		DOCUMENT("1ee2"),
		DOCUMENT("1.2.3"),
		DOCUMENT("0x10"),
		DOCUMENT("1_000"),
		DOCUMENT("1 000"),
		DOCUMENT("1,000"),
		DOCUMENT("1f"),
		DOCUMENT("0e"),
		DOCUMENT("2.e-3"),
		DOCUMENT("-x"),
		DOCUMENT("\xef\xbc\x91"), /* a full-width 1 */
		DOCUMENT("1e999"),
		DOCUMENT("-1e999"),
		DOCUMENT("1234567890123456789012345678901234567890123456789012345678901234"),
		/* strings */
		DOCUMENT("\""),
		DOCUMENT("\"a"),
		DOCUMENT("'a'"),
		DOCUMENT("\"\\\""),
		DOCUMENT("\"\\"),
		DOCUMENT("\"\\a\""),
		DOCUMENT("\"\\x00\""),
		DOCUMENT("\"\\'\""),
		DOCUMENT("\"\\U0041\""),
		DOCUMENT("\"\\u\""),
		DOCUMENT("\"\\u1\""),
		DOCUMENT("\"\\u12\""),
		DOCUMENT("\"\\u123\""),
		DOCUMENT("\"\\u123"),
		DOCUMENT("\"\\u00g0\""),
		DOCUMENT("\"\\u 041\""),
		DOCUMENT("\"\\u-041\""),
		DOCUMENT("\"\n\""),
		DOCUMENT("\"\t\""),
		DOCUMENT("\"\x1f\""),
		DOCUMENT("\"\0\""),
		DOCUMENT("\"a\0b\""),
		DOCUMENT("\"\\\0\""),
		DOCUMENT("\\u0022a\""),
		DOCUMENT("abc"),
		/* NUL, and half characters, by escape */
		DOCUMENT("\"\\u0000\""),
		DOCUMENT("\"a\\u0000b\""),
		DOCUMENT("{\"a\\u0000\":1}"),
		DOCUMENT("\"\\ud800\""),
		DOCUMENT("\"\\udbff\""),
		DOCUMENT("\"\\udc00\""),
		DOCUMENT("\"\\udfff\""),
		DOCUMENT("\"\\ud800\\ud800\""),
		DOCUMENT("\"\\ud800\\u0041\""),
		DOCUMENT("\"\\ud800x\""),
		DOCUMENT("\"\\ud800\\n\""),
		DOCUMENT("\"\\ud800\\u\""),
		DOCUMENT("\"\\udc00\\ud800\""),
		DOCUMENT("{\"\\ud800\":1}"),
		/* UTF-8 */
		DOCUMENT("\"\xff\""),
		DOCUMENT("\"\x80\""),
		DOCUMENT("\"\xe9\""),
		DOCUMENT("\"\xc0\xaf\""),
		DOCUMENT("\"\xe0\x80\xaf\""),
		DOCUMENT("\"\xed\xa0\x80\""),
		DOCUMENT("\"\xf4\x90\x80\x80\""),
		DOCUMENT("\"\xfc\x83\xbf\xbf\xbf\xbf\""),
		DOCUMENT("\"\xe2\x82\""),
		DOCUMENT("\"\xf0\x9f\x98"),
		DOCUMENT("{\"\xff\":1}"),
		DOCUMENT("\"\\\xe5\""),
		/* the same name twice */
		DOCUMENT("{\"a\":1,\"a\":1}"),
		DOCUMENT("{\"a\":1,\"b\":2,\"a\":3}"),
		DOCUMENT("{\"a\":1,\"\\u0061\":2}"),
		DOCUMENT("{\"\":1,\"\":2}"),
		DOCUMENT("[{\"x\":{\"a\":1,\"a\":2}}]"),
	};

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		struct nx_json *document = NULL;
		struct nx_error error = {0};

		UNIT_ASSERT_ROW(parse_exactly(&rows[i], &document, &error) == NX_INVALID, rows[i].text);
		UNIT_ASSERT_ROW(document == NULL, rows[i].text);
		UNIT_ASSERT_ROW(error.message[0] != '\0', rows[i].text);
		nx_json_free(document);
	}
}

/* Each row as it is written again, compact. */
static void test_accepted(void)
{
	static const struct {
		struct document document;
		const char *shown;
	} rows[] = {
		{DOCUMENT("{}"), "{}"},
		{DOCUMENT(" [ ] \r\n\t"), "[]"},
		{DOCUMENT("null"), "null"},
		{DOCUMENT("true"), "true"},
		{DOCUMENT("false"), "false"},
		{DOCUMENT("\"\""), "\"\""},
		{DOCUMENT("0"), "0"},
		{DOCUMENT("-0"), "0"},
		{DOCUMENT("-1"), "-1"},
		{DOCUMENT("1e3"), "1000"},
		{DOCUMENT("1E+2"), "100"},
		{DOCUMENT("0.1"), "0.1"},
		{DOCUMENT("-2.5e-3"), "-0.0025"},
		{DOCUMENT("9007199254740991"), "9007199254740991"},
		{DOCUMENT("123456789012345678901234567890"), "1.2345678901234568e+29"},
		{DOCUMENT("[1,[2,{\"a\":[]}],{}]"), "[1,[2,{\"a\":[]}],{}]"},
		{DOCUMENT("{\"a\":1,\"A\":2}"), "{\"a\":1,\"A\":2}"},
		{DOCUMENT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
		{DOCUMENT("\"\\u00e9\\u20ac\\uD83D\\uDE00\""), "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
		{DOCUMENT("\"\\u001b\\u007f\\u0085\\u2028\""), "\"\\u001b\\u007f\\u0085\\u2028\""},
		{DOCUMENT("\"\\ufffe\\uffff\""), "\"\xef\xbf\xbe\xef\xbf\xbf\""},
	};

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		NX_CLEANUP(nx_buffer_free) struct nx_buffer out = {0};
		NX_AUTO_JSON struct nx_json *document = NULL;

		UNIT_ASSERT_ROW(parse_exactly(&rows[i].document, &document, NULL) == NX_OK,
				rows[i].document.text);
		if (!document)
			continue;
		nx_json_print(document, &out);
		CU_ASSERT_STRING_EQUAL(out.data, rows[i].shown);
	}
}

static enum nx_status parse_nested(size_t depth, char open, char close, struct nx_error *error)
{
	NX_CLEANUP(nx_buffer_free) struct nx_buffer text = {0};
	NX_AUTO_JSON struct nx_json *document = NULL;

	for (size_t i = 0; i < depth; i++)
		nx_buffer_printf(&text, open == '{' ? "%c\"a\":" : "%c", open);
	nx_buffer_text(&text, "1");
	for (size_t i = 0; i < depth; i++)
		nx_buffer_append(&text, &close, 1);
	return nx_json_parse(text.data, text.length, &document, error);
}

static void test_depth(void)
{
	struct nx_error error;

	CU_ASSERT_EQUAL(parse_nested(NX_JSON_DEPTH, '[', ']', NULL), NX_OK);
	CU_ASSERT_EQUAL(parse_nested(NX_JSON_DEPTH, '{', '}', NULL), NX_OK);
	CU_ASSERT_EQUAL(parse_nested(NX_JSON_DEPTH + 1, '[', ']', &error), NX_INVALID);
	UNIT_ASSERT_HOLDS(error.message, "too deeply nested");
	CU_ASSERT_EQUAL(parse_nested(NX_JSON_DEPTH + 1, '{', '}', NULL), NX_INVALID);
	CU_ASSERT_EQUAL(parse_nested(1000000, '[', ']', NULL), NX_INVALID);
}

static enum nx_status parse_members(size_t count, size_t last)
{
	NX_CLEANUP(nx_buffer_free) struct nx_buffer text = {0};
	NX_AUTO_JSON struct nx_json *document = NULL;

	for (size_t i = 0; i < count; i++)
		nx_buffer_printf(&text, "%c\"k%zu\":0", i ? ',' : '{', i + 1 == count ? last : i);
	nx_buffer_text(&text, "}");
	return nx_json_parse(text.data, text.length, &document, NULL);
}

/* Short and long objects look for duplicates in different ways. */
static void test_duplicates(void)
{
	for (size_t count = 2; count < 40; count++) {
		CU_ASSERT_EQUAL(parse_members(count, count), NX_OK);
		CU_ASSERT_EQUAL(parse_members(count, 0), NX_INVALID);
		CU_ASSERT_EQUAL(parse_members(count, count - 2), NX_INVALID);
	}
	CU_ASSERT_EQUAL(parse_members(100000, 100000), NX_OK);
	CU_ASSERT_EQUAL(parse_members(100000, 77), NX_INVALID);
}

static void test_message(void)
{
	struct nx_json *document;
	struct nx_error error;

	CU_ASSERT_EQUAL(nx_json_parse("{\"a\":01}", 8, &document, &error), NX_INVALID);
	CU_ASSERT_STRING_EQUAL(error.message, "invalid JSON at byte 7: expected ',' or '}'");
	CU_ASSERT_EQUAL(nx_json_parse("{\"a\":1,\"a\":2}", 13, &document, &error), NX_INVALID);
	UNIT_ASSERT_HOLDS(error.message, "\"a\" stands twice");
}

static void test_integers(void)
{
	static const struct {
		const char *text;
		bool whole;
		int64_t value;
	} rows[] = {
		{"0", true, 0},
		{"-1", true, -1},
		{"1.0", true, 1},
		{"12e2", true, 1200},
		{"9007199254740991", true, 9007199254740991},
		{"-9007199254740991", true, -9007199254740991},
		{"9007199254740992", false, 0},
		{"9007199254740993", false, 0},
		{"-9007199254740992", false, 0},
		{"1e300", false, 0},
		{"99999999999999999999", false, 0},
		{"1.5", false, 0},
		{"\"1\"", false, 0},
		{"true", false, 0},
		{"null", false, 0},
	};

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		NX_AUTO_JSON struct nx_json *document = NULL;
		int64_t value = 77;

		UNIT_ASSERT_ROW(parse(rows[i].text, &document) == NX_OK, rows[i].text);
		UNIT_ASSERT_ROW(nx_json_integer(document, &value) == rows[i].whole, rows[i].text);
		UNIT_ASSERT_ROW(value == (rows[i].whole ? rows[i].value : 77), rows[i].text);
	}
}

static void test_reading(void)
{
	NX_AUTO_JSON struct nx_json *document = NULL;
	const struct nx_json *list;
	const struct nx_json *at;
	bool flag = false;

	CU_ASSERT_EQUAL_FATAL(
		parse("{\"name\":\"n\",\"on\":true,\"size\":7,\"list\":[1,\"two\",null]}", &document), NX_OK);
	CU_ASSERT_EQUAL(nx_json_type(document), NX_JSON_OBJECT);
	CU_ASSERT_EQUAL(nx_json_length(document), 4);
	CU_ASSERT_STRING_EQUAL(nx_json_member_string(document, "name", "x"), "n");
	CU_ASSERT_STRING_EQUAL(nx_json_member_string(document, "size", "x"), "x");
	CU_ASSERT_STRING_EQUAL(nx_json_member_string(document, "Name", "x"), "x");
	CU_ASSERT_TRUE(nx_json_member_boolean(document, "on", false));
	CU_ASSERT_TRUE(nx_json_member_boolean(document, "off", true));
	CU_ASSERT_EQUAL(nx_json_member_integer(document, "size", 1), 7);
	CU_ASSERT_EQUAL(nx_json_member_integer(document, "name", 1), 1);
	list = nx_json_member(document, "list");
	CU_ASSERT_EQUAL(nx_json_length(list), 3);
	CU_ASSERT_STRING_EQUAL(nx_json_string(nx_json_element(list, 1)), "two");
	CU_ASSERT_EQUAL(nx_json_type(nx_json_element(list, 2)), NX_JSON_NULL);
	CU_ASSERT_PTR_NULL(nx_json_element(list, 3));
	CU_ASSERT_PTR_NULL(nx_json_element(document, 0));
	CU_ASSERT_PTR_NULL(nx_json_member(list, "name"));
	CU_ASSERT_PTR_NULL(nx_json_member(NULL, "name"));
	CU_ASSERT_PTR_NULL(nx_json_string(NULL));
	CU_ASSERT_FALSE(nx_json_boolean(NULL, &flag));
	at = nx_json_first(document);
	CU_ASSERT_STRING_EQUAL(nx_json_name(at), "name");
	CU_ASSERT_STRING_EQUAL(nx_json_name(nx_json_next(at)), "on");
	CU_ASSERT_PTR_NULL(nx_json_name(nx_json_first(list)));
	CU_ASSERT_EQUAL(nx_json_services.length(document), 0);
	CU_ASSERT_EQUAL(nx_json_services.length(list), 3);
}

static void test_writing(void)
{
	NX_CLEANUP(nx_buffer_free) struct nx_buffer out = {0};
	NX_AUTO_JSON struct nx_json *document = nx_json_object();
	NX_AUTO_JSON struct nx_json *copy = NULL;
	struct nx_json *list = nx_json_array();

	nx_json_put_string(document, "a", "first");
	nx_json_put_string(document, "a", "again");
	nx_json_put_string(document, "none", NULL);
	nx_json_services.put_boolean(nx_json_writer(document), "b", true);
	nx_json_services.put_integer(nx_json_writer(document), "n", -9007199254740991);
	nx_json_services.put_string(nx_json_writer(document), "s", "\xff\x1b[2J");
	nx_json_add_string(list, "x");
	nx_json_add(list, nx_json_object());
	nx_json_put(document, "list", list);
	copy = nx_json_duplicate(document);
	nx_json_print(copy, &out);
	CU_ASSERT_STRING_EQUAL(out.data, "{\"a\":\"again\",\"none\":null,\"b\":true,\"n\":-9007199254740991,"
					 "\"s\":\"\xef\xbf\xbd\\u001b[2J\",\"list\":[\"x\",{}]}");
	nx_buffer_clear(&out);
	nx_json_print_pretty(nx_json_member(copy, "list"), &out);
	CU_ASSERT_STRING_EQUAL(out.data, "[\n  \"x\",\n  {}\n]");
	nx_buffer_clear(&out);
	nx_json_write_string(&out, NULL);
	CU_ASSERT_STRING_EQUAL(out.data, "null");
}

/* What a plugin may do with what a program says. */
static void test_services_document(void)
{
	static const char text[] = "{\"rules\":[{\"drop\":null},7],\"more\":true}";
	const struct nx_json_services *json = &nx_json_services;
	struct nx_json *document = json->parse(text, strlen(text));

	CU_ASSERT_PTR_NOT_NULL_FATAL(document);
	const struct nx_json *rule = json->first(json->member(document, "rules"));
	CU_ASSERT_STRING_EQUAL(json->name(json->first(rule)), "drop");
	CU_ASSERT_PTR_NULL(json->name(rule));
	CU_ASSERT_PTR_NOT_NULL(json->next(rule));
	CU_ASSERT_PTR_NULL(json->next(json->next(rule)));
	CU_ASSERT_PTR_NULL(json->first(json->member(document, "nothing")));
	json->document_free(document);
	CU_ASSERT_PTR_NULL(json->parse(text, strlen(text) - 1));
	json->document_free(NULL);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"what is no JSON is refused", test_refused},
		{"what is JSON is read and written", test_accepted},
		{"depth", test_depth},
		{"duplicate names", test_duplicates},
		{"messages say where and what", test_message},
		{"whole numbers", test_integers},
		{"reading", test_reading},
		{"writing", test_writing},
		{"a document for a plugin", test_services_document},
		CU_TEST_INFO_NULL,
	};

	return unit_run("json", tests);
}
