/* SPDX-License-Identifier: Apache-2.0 */
/* What the service is asked, and what is made of what it says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/ipam/tests/fake_host.h"
#include "plugins/ipam/tests/suite.h"
#include "plugins/strategy-external/answer.h"
#include "plugins/strategy-external/question.h"
#include "plugins/strategy-external/settings.h"

/* --- questions ------------------------------------------------------------------------------------ */

static bool write_for(const char *hostname, const struct nx_address *last, char out[static QUESTION_TEXT])
{
	const struct nx_prefix prefix = fake_prefix("fd00::/64");
	const struct nx_lease_request device = {
		.size = sizeof(device),
		.organization_id = "o",
		.device_id = "d",
		.public_key = "k+/=",
		.hostname = hostname,
	};
	const struct nx_strategy_request request = {
		.size = sizeof(request),
		.family = "inet6",
		.prefix = &prefix,
		.device = &device,
		.attempt = 3,
		.last = last,
	};

	return question_write(&request, &fake_services, out);
}

static void test_question(void)
{
	const struct nx_address last = fake_address("fd00::7");
	char text[QUESTION_TEXT];

	CU_ASSERT_TRUE(write_for("h\"o\\s\nt\x7f\xc3\xa4", &last, text));
	CU_ASSERT_STRING_EQUAL(text,
			       "{\"family\":\"inet6\",\"prefix\":\"fd00::/64\",\"organization_id\":\"o\","
			       "\"public_key\":\"k+/=\",\"hostname\":\"h\\\"o\\\\s\\u000at\\u007f\xc3\xa4\","
			       "\"attempt\":3,\"last\":\"fd00::7\"}");
	CU_ASSERT_TRUE(write_for(NULL, NULL, text));
	CU_ASSERT_STRING_EQUAL(text,
			       "{\"family\":\"inet6\",\"prefix\":\"fd00::/64\",\"organization_id\":\"o\","
			       "\"public_key\":\"k+/=\",\"hostname\":\"\",\"attempt\":3}");
}

static void test_question_room(void)
{
	char hostname[QUESTION_TEXT], text[QUESTION_TEXT];

	memset(hostname, 1, 255);
	hostname[255] = '\0';
	CU_ASSERT_TRUE(write_for(hostname, NULL, text));
	memset(hostname, 'a', sizeof(hostname) - 1);
	hostname[sizeof(hostname) - 1] = '\0';
	CU_ASSERT_FALSE(write_for(hostname, NULL, text));
}

/* --- answers -------------------------------------------------------------------------------------- */

static void test_address(void)
{
	static const char text[] = "{\"address\":\"10.0.0.7\",\"and\":[1,{}]}";
	struct nx_address address = {0}, expected = fake_address("10.0.0.7");

	CU_ASSERT_EQUAL(answer_read(text, strlen(text), &fake_services, &address, NULL), NX_OK);
	CU_ASSERT_EQUAL(fake_services.address->address_compare(&address, &expected), 0);
}

static const struct {
	const char *text;
	enum nx_status status;
	const char *says;
} refusals[] = {
	{"", NX_INTERNAL, "no JSON"},
	{"{\"address\":\"10.0.0.7\"", NX_INTERNAL, "no JSON"},
	{"<html>", NX_INTERNAL, "no JSON"},
	{"[]", NX_INTERNAL, "neither"},
	{"7", NX_INTERNAL, "neither"},
	{"null", NX_INTERNAL, "neither"},
	{"{}", NX_INTERNAL, "neither"},
	{"{\"address\":null}", NX_INTERNAL, "neither"},
	{"{\"address\":7}", NX_INTERNAL, "neither"},
	{"{\"address\":[\"10.0.0.7\"]}", NX_INTERNAL, "neither"},
	{"{\"address\":\"\"}", NX_INTERNAL, "is none"},
	{"{\"address\":\"10.0.0.7/24\"}", NX_INTERNAL, "is none"},
	{"{\"address\":\"10.0.0.7 \"}", NX_INTERNAL, "is none"},
	{"{\"address\":\"fe80::1%eth0\"}", NX_INTERNAL, "is none"},
	{"{\"error\":\"exhausted\"}", NX_EXHAUSTED, "has none left"},
	{"{\"error\":\"exhausted\",\"message\":\"rack 7 is full\"}", NX_EXHAUSTED, "rack 7 is full"},
	{"{\"error\":\"exhausted\",\"address\":\"10.0.0.7\"}", NX_EXHAUSTED, "has none left"},
	{"{\"error\":\"exhausted\",\"message\":\"a\\u001b[31m\\u0085b\\nc\\u007f\"}", NX_EXHAUSTED,
	 "a?[31m?b?c?"},
	{"{\"error\":\"the database is away\"}", NX_UNAVAILABLE, "its service says: the database is away"},
	{"{\"error\":\"x\",\"message\":\"wait\"}", NX_UNAVAILABLE, "its service says: wait"},
};

static void test_refusals(void)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct nx_address address = {.length = 77};
		struct nx_error error = {0};
		enum nx_status status = answer_read(refusals[i].text, strlen(refusals[i].text),
						    &fake_services, &address, &error);

		if (status != refusals[i].status || !strstr(error.message, refusals[i].says))
			printf("\n    %s: %d, %s\n", refusals[i].text, (int)status, error.message);
		CU_ASSERT_EQUAL(status, refusals[i].status);
		CU_ASSERT_PTR_NOT_NULL(strstr(error.message, refusals[i].says));
		CU_ASSERT_EQUAL(address.length, 77); /* untouched */
	}
}

/* A long message is cut, and not in the midst of a character. */
static void test_long_message(void)
{
	char text[ANSWER_LIMIT];
	struct nx_address address;
	struct nx_error error = {0};
	size_t length = (size_t)snprintf(text, sizeof(text), "{\"error\":\"exhausted\",\"message\":\"x");

	while (length < 1000)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "\xc3\xa4");
	length += (size_t)snprintf(text + length, sizeof(text) - length, "\"}");
	CU_ASSERT_EQUAL(answer_read(text, length, &fake_services, &address, &error), NX_EXHAUSTED);
	CU_ASSERT_TRUE(strlen(error.message) < 170);
	CU_ASSERT_EQUAL(strlen(error.message) % 2, 1);
}

/* --- settings --------------------------------------------------------------------------------------- */

static char token_file[] = "/tmp/nexodus-token-XXXXXX";

/* Its status, and the message. */
static enum nx_status read_with(const char *key, const char *value, const char *key2, const char *value2,
				struct settings **out, struct nx_error *error)
{
	struct fake_setting all[] = {{"url", "http://localhost/"},
				     {"timeout", "2"},
				     {"retries", "1"},
				     {"ca-file", ""},
				     {"token", ""},
				     {"token-file", ""},
				     {NULL, NULL}};
	struct nx_host host = {.settings = all};

	for (size_t i = 0; all[i].name; i++) {
		if (strcmp(all[i].name, key) == 0)
			all[i].value = value;
		if (strcmp(all[i].name, key2) == 0)
			all[i].value = value2;
	}
	return settings_read(&host, &fake_services, out, error);
}

static void refused(const char *key, const char *value, const char *key2, const char *value2,
		    const char *says)
{
	struct settings *settings = NULL;
	struct nx_error error = {0};

	CU_ASSERT_EQUAL(read_with(key, value, key2, value2, &settings, &error), NX_INVALID);
	if (!strstr(error.message, says))
		printf("\n    %s\n", error.message);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.message, says));
	CU_ASSERT_PTR_NULL(settings);
}

static void token_write(const char *text, mode_t mode)
{
	FILE *file = fopen(token_file, "we");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fputs(text, file);
	fclose(file);
	CU_ASSERT_EQUAL(chmod(token_file, mode), 0);
}

static void test_settings(void)
{
	struct settings *settings = NULL;

	refused("url", "ftp://localhost/", "", "", "must begin with http");
	refused("url", "http://local host/", "", "", "no spaces");
	refused("ca-file", "/nowhere/ca.pem", "", "", "cannot read /nowhere/ca.pem");
	refused("token", "a b", "", "", "printable characters");
	refused("token", "a", "token-file", token_file, "both set");
	refused("token-file", "/nowhere/token", "", "", "cannot open /nowhere/token");
	refused("token-file", "/", "", "", "is no file");
	token_write("secret\n", 0644);
	refused("token-file", token_file, "", "", "has mode 0644");
	token_write("", 0600);
	refused("token-file", token_file, "", "", "printable characters");
	token_write("secret\n", 0640);
	CU_ASSERT_EQUAL(read_with("token-file", token_file, "", "", &settings, NULL), NX_OK);
	CU_ASSERT_STRING_EQUAL(settings->authorization, "Authorization: Bearer secret");
	CU_ASSERT_EQUAL(settings->timeout, 2000);
	settings_drop(settings_hold(settings));
	settings_drop(settings);
	CU_ASSERT_EQUAL(read_with("url", "", "", "", &settings, NULL), NX_OK);
	CU_ASSERT_STRING_EQUAL(settings->authorization, "");
	settings_drop(settings);
}

int main(void)
{
	int file = mkstemp(token_file);
	CU_TestInfo tests[] = {
		{"a question", test_question},
		{"a question's room", test_question_room},
		{"an address", test_address},
		{"answers that are none", test_refusals},
		{"a long message", test_long_message},
		{"settings", test_settings},
		CU_TEST_INFO_NULL,
	};

	if (file < 0)
		return 2;
	close(file);
	int result = suite_run("strategy external", tests);
	unlink(token_file);
	return result;
}
