/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the server half of "driver/…": how it judges public keys. */
#include <string.h>

#include <nexodus/driver.h>

#include "base/error.h"
#include "base/memory.h"
#include "check/check.h"
#include "check/random.h"

static enum nx_status call_check(struct check *check, const char *text,
				 char canonical[static NX_PUBLIC_KEY_TEXT], struct nx_error *error)
{
	const struct nx_driver_server_ops *ops = check->capability->ops;
	struct journal_call *call = journal_begin(check->journal, "key_check", NULL);

	call->status = ops->key_check(check->capability->provider->instance, text, canonical, error);
	call->done = true;
	return call->status;
}

/* A key that is taken has one form, which is taken as itself. */
static bool canonical_judge(struct check *check, const char *text, const char *canonical)
{
	char again[NX_PUBLIC_KEY_TEXT] = "";

	if (!memchr(canonical, '\0', NX_PUBLIC_KEY_TEXT) || !*canonical)
		return check_fail(check, "expected a text of 1 to %d bytes for \"%.80s\", found none",
				  NX_PUBLIC_KEY_TEXT - 1, text);
	if (call_check(check, canonical, again, NULL))
		return check_fail(
			check, "expected that the canonical form \"%s\" is taken, found that it is refused",
			canonical);
	return strcmp(canonical, again) == 0 ||
	       check_fail(check, "expected that the canonical form \"%s\" stays as it is, found \"%.127s\"",
			  canonical, again);
}

static bool refusal_judge(struct check *check, const char *text, enum nx_status status, const char *canonical,
			  const char *before, const struct nx_error *error)
{
	if (status != NX_INVALID)
		return check_fail(check, "expected that a key is taken or `invalid`, found %s for \"%.80s\"",
				  nx_status_name(status), text);
	if (memcmp(canonical, before, NX_PUBLIC_KEY_TEXT) != 0)
		return check_fail(
			check,
			"expected that the output is left alone for \"%.80s\", found that it was written",
			text);
	return error->message[0] || check_fail(check, "expected a message for \"%.80s\", found none", text);
}

/* Answers false when the check has failed; *taken says what became of the key. */
static bool key_judge(struct check *check, const char *text, bool *taken)
{
	char canonical[NX_PUBLIC_KEY_TEXT], before[NX_PUBLIC_KEY_TEXT];
	struct nx_error error = {0};
	enum nx_status status;

	memset(before, 0xa5, sizeof(before));
	memcpy(canonical, before, sizeof(canonical));
	status = call_check(check, text, canonical, &error);
	*taken = status == NX_OK;
	return *taken ? canonical_judge(check, text, canonical)
		      : refusal_judge(check, text, status, canonical, before, &error);
}

static void key_random(struct check *check, char *out, size_t length, const char *alphabet)
{
	for (size_t i = 0; i < length; i++)
		out[i] = alphabet[random_below(&check->random, strlen(alphabet))];
	out[length] = '\0';
}

static void check_garbage(struct check *check)
{
	enum { LENGTH = 100000 };
	static const char *const garbage[] = {"", " ", "key", "\n", "\xff\xfe\xfd", "=", "%s%n", "\033[31m"};
	NX_AUTO_FREE char *text = nx_alloc(LENGTH + 1);
	bool taken = false, good = true;

	for (size_t i = 0; good && i < NX_COUNT(garbage); i++) {
		good = key_judge(check, garbage[i], &taken);
		if (good && taken)
			good = check_fail(check,
					  "expected that garbage is refused, found that a text of %zu bytes "
					  "is taken",
					  strlen(garbage[i]));
	}
	memset(text, 'A', LENGTH);
	if (good && key_judge(check, text, &taken) && taken)
		check_fail(check, "expected that a text of %d bytes is refused, found that it is taken",
			   LENGTH);
}

static void check_canonical(struct check *check)
{
	static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static const char endings[][3] = {"A=", "E=", "w=", "g="};
	static const char hex[] = "0123456789abcdefABCDEF";
	uint64_t rounds = check->options->operations / 10 + 100, seen = 0;
	char text[256];
	bool taken;

	for (uint64_t i = 0; i < rounds; i++) {
		if (i % 4 == 0) { /* 32 bytes, as most keys are */
			key_random(check, text, 42, base64);
			memcpy(text + 42, endings[random_below(&check->random, NX_COUNT(endings))], 3);
		} else if (i % 4 == 1) {
			key_random(check, text, 64, hex);
		} else if (i % 4 == 2) { /* or fewer */
			key_random(check, text, 2 * (1 + random_below(&check->random, 31)), hex);
		} else {
			key_random(check, text, random_below(&check->random, 200), base64);
		}
		if (!key_judge(check, text, &taken))
			return;
		seen += taken;
	}
	if (!seen)
		check_skip(
			check,
			"no random key in base64 or hexadecimal was taken: a key's form is not known here");
}

const struct check_case driver_server_cases[] = {
	{"garbage", "what is no key is refused", check_garbage},
	{"canonical", "a key has one form, which is taken as itself", check_canonical},
	{0},
};
