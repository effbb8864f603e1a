/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/memory.h"
#include "server/http/urlencoded.h"
#include "tests/unit/unit.h"

static char buffer[1024];

static bool parse(const char *text, struct nx_pairs *out)
{
	CU_ASSERT_FATAL(strlen(text) < sizeof(buffer));
	strcpy(buffer, text);
	return nx_pairs_parse(buffer, out);
}

static void test_decoding(void)
{
	static const struct {
		const char *text, *plain, *plus; /* NULL: refused */
	} rows[] = {
		{"", "", ""},
		{"abc", "abc", "abc"},
		{"a+b", "a+b", "a b"},
		{"%41%62", "Ab", "Ab"},
		{"%2B%2b", "++", "++"},
		{"%25%32%35", "%25", "%25"}, /* decoded once */
		{"%C3%A9", "\xc3\xa9", "\xc3\xa9"},
		{"%", NULL, NULL},
		{"%4", NULL, NULL},
		{"a%4g", NULL, NULL},
		{"%-1", NULL, NULL},
		{"% 1", NULL, NULL},
		{"%00", NULL, NULL},
		{"%ff", NULL, NULL},
		{"%C0%AF", NULL, NULL},	   /* overlong */
		{"%ED%A0%80", NULL, NULL}, /* a surrogate */
	};

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		strcpy(buffer, rows[i].text);
		bool done = nx_percent_decode(buffer, strlen(buffer), false);
		UNIT_ASSERT_ROW(done == (rows[i].plain != NULL), rows[i].text);
		UNIT_ASSERT_ROW(!done || strcmp(buffer, rows[i].plain) == 0, rows[i].text);
		strcpy(buffer, rows[i].text);
		done = nx_percent_decode(buffer, strlen(buffer), true);
		UNIT_ASSERT_ROW(done == (rows[i].plus != NULL), rows[i].text);
		UNIT_ASSERT_ROW(!done || strcmp(buffer, rows[i].plus) == 0, rows[i].text);
	}
}

static void test_decoding_stays_inside(void)
{
	char text[] = "ab%4142";

	CU_ASSERT_TRUE(nx_percent_decode(text, 5, false));
	CU_ASSERT_STRING_EQUAL(text, "abA");
	CU_ASSERT_STRING_EQUAL(text + 4, "142"); /* what stood behind it is as it was */
	char cut[] = "ab%41";
	CU_ASSERT_FALSE(nx_percent_decode(cut, 4, false));
}

static void test_pairs(void)
{
	struct nx_pairs pairs;

	CU_ASSERT_TRUE(parse("grant_type=password&username=a%26b%3Dc&password=p+w%2B&empty=&bare", &pairs));
	CU_ASSERT_EQUAL(pairs.count, 5);
	CU_ASSERT_STRING_EQUAL(nx_pairs_find(&pairs, "grant_type"), "password");
	CU_ASSERT_STRING_EQUAL(nx_pairs_find(&pairs, "username"), "a&b=c");
	CU_ASSERT_STRING_EQUAL(nx_pairs_find(&pairs, "password"), "p w+");
	CU_ASSERT_STRING_EQUAL(nx_pairs_find(&pairs, "empty"), "");
	CU_ASSERT_STRING_EQUAL(nx_pairs_find(&pairs, "bare"), "");
	CU_ASSERT_PTR_NULL(nx_pairs_find(&pairs, "absent"));
}

static void test_pairs_at_the_edges(void)
{
	struct nx_pairs pairs;

	CU_ASSERT_TRUE(parse("", &pairs));
	CU_ASSERT_EQUAL(pairs.count, 0);
	CU_ASSERT_TRUE(parse("&&a=1&&", &pairs));
	CU_ASSERT_EQUAL(pairs.count, 1);
	CU_ASSERT_TRUE(parse("a=1&a=2&a=3", &pairs));
	CU_ASSERT_STRING_EQUAL(nx_pairs_find(&pairs, "a"), "3"); /* the last of duplicates */
	CU_ASSERT_TRUE(parse("a=b=c", &pairs));
	CU_ASSERT_STRING_EQUAL(nx_pairs_find(&pairs, "a"), "b=c");
	CU_ASSERT_TRUE(parse("=x", &pairs));
	CU_ASSERT_STRING_EQUAL(nx_pairs_find(&pairs, ""), "x");
	CU_ASSERT_TRUE(parse("filter=%7B%22hostname%22%3A%22x%22%7D&range=[0,49]", &pairs));
	CU_ASSERT_STRING_EQUAL(nx_pairs_find(&pairs, "filter"), "{\"hostname\":\"x\"}");
}

static void test_pairs_refused(void)
{
	struct nx_pairs pairs;
	char many[(NX_PAIR_LIMIT + 1) * 2 + 1] = "";

	CU_ASSERT_FALSE(parse("a=%", &pairs));
	CU_ASSERT_FALSE(parse("%=a", &pairs));
	CU_ASSERT_FALSE(parse("a=1&b=%00", &pairs));
	CU_ASSERT_FALSE(parse("a=\xff", &pairs));
	for (size_t i = 0; i < NX_PAIR_LIMIT; i++)
		strcat(many, "a&");
	CU_ASSERT_TRUE(parse(many, &pairs));
	strcat(many, "a");
	CU_ASSERT_FALSE(parse(many, &pairs));
}

static void test_garbage(void)
{
	static const char alphabet[] = "%&=+ab0fF\xc3\xa9\x01";
	struct nx_pairs pairs;

	for (int i = 0; i < 200000; i++) {
		char text[48];
		size_t length = unit_random() % (sizeof(text) - 1);
		for (size_t at = 0; at < length; at++)
			text[at] = alphabet[unit_random() % (sizeof(alphabet) - 1)];
		text[length] = '\0';
		if (nx_pairs_parse(text, &pairs))
			CU_ASSERT_FATAL(pairs.count <= NX_PAIR_LIMIT);
	}
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"percent-decoding", test_decoding},
		{"decoding stays inside its piece", test_decoding_stays_inside},
		{"pairs", test_pairs},
		{"pairs at the edges", test_pairs_at_the_edges},
		{"pairs that are refused", test_pairs_refused},
		{"garbage", test_garbage},
		CU_TEST_INFO_NULL,
	};

	return unit_run("server_http_urlencoded", tests);
}
