/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens, passwords, ids and private files. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/secret.h"
#include "tests/unit/unit.h"

static void test_token(void)
{
	char token[NX_TOKEN_TEXT];
	char other[NX_TOKEN_TEXT];
	char changed[NX_TOKEN_TEXT + 1];

	nx_token_make("nxu_", token);
	nx_token_make("nxu_", other);
	CU_ASSERT_EQUAL(strlen(token), 4 + 43);
	CU_ASSERT_STRING_NOT_EQUAL(token, other);
	CU_ASSERT_TRUE(nx_token_check("nxu_", token));
	CU_ASSERT_TRUE(nx_token_check("", token + 4));
	CU_ASSERT_FALSE(nx_token_check("nxd_", token));
	CU_ASSERT_FALSE(nx_token_check("nxu_", ""));
	CU_ASSERT_FALSE(nx_token_check("nxu_", "nxu_"));
	CU_ASSERT_FALSE(nx_token_check("nxu_", token + 1));
	snprintf(changed, sizeof(changed), "%sA", token);
	CU_ASSERT_FALSE(nx_token_check("nxu_", changed));
	for (const char *bad = "+/= \n.\x80\xff"; *bad; bad++) {
		strcpy(changed, token);
		changed[20] = *bad;
		CU_ASSERT_FALSE(nx_token_check("nxu_", changed));
	}
	strcpy(changed, token);
	changed[46] = 'B'; /* 43 characters are 258 bits: the last two must be 0 */
	CU_ASSERT_FALSE(nx_token_check("nxu_", changed));
}

static void test_hash(void)
{
	char hash[NX_HASH_TEXT];
	char again[NX_HASH_TEXT];

	/* BLAKE2b-256 of the empty string and of "abc" */
	nx_token_hash("", hash);
	CU_ASSERT_STRING_EQUAL(hash, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
	nx_token_hash("abc", hash);
	CU_ASSERT_STRING_EQUAL(hash, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
	nx_checksum("abc", 3, again);
	CU_ASSERT_STRING_EQUAL(hash, again);
}

static void test_password(void)
{
	char hash[NX_PASSWORD_HASH_TEXT];
	char other[NX_PASSWORD_HASH_TEXT];
	char long_hash[200];

	CU_ASSERT_EQUAL(nx_password_hash("correct horse", hash, NULL), NX_OK);
	CU_ASSERT_EQUAL(nx_password_hash("correct horse", other, NULL), NX_OK);
	CU_ASSERT_STRING_NOT_EQUAL(hash, other);
	CU_ASSERT_EQUAL(strncmp(hash, "$argon2id$", 10), 0);
	CU_ASSERT_TRUE(nx_password_verify(hash, "correct horse"));
	CU_ASSERT_FALSE(nx_password_verify(hash, "correct hors"));
	CU_ASSERT_FALSE(nx_password_verify(hash, ""));
	CU_ASSERT_FALSE(nx_password_verify("", ""));
	CU_ASSERT_FALSE(nx_password_verify("nonsense", "correct horse"));
	memset(long_hash, '$', sizeof(long_hash) - 1);
	long_hash[sizeof(long_hash) - 1] = '\0';
	CU_ASSERT_FALSE(nx_password_verify(long_hash, "correct horse"));
	CU_ASSERT_FALSE(nx_password_verify_nobody("correct horse"));
}

static void test_uuid(void)
{
	static const char *const wrong[] = {"",
					    "0192f0a0-0000-7000-8000-00000000000",
					    "0192f0a0-0000-7000-8000-0000000000000",
					    "0192f0a000000-7000-8000-000000000000",
					    "0192f0a0-0000-7000-8000-00000000000g",
					    "{192f0a0-0000-7000-8000-000000000000",
					    "0192f0a0-0000-7000-8000-0000000000-0"};
	char before[NX_UUID_TEXT] = "";

	for (int i = 0; i < 100000; i++) {
		char text[NX_UUID_TEXT];

		nx_uuid_make(text);
		CU_ASSERT_TRUE(nx_uuid_check(text));
		CU_ASSERT_TRUE(strcmp(before, text) < 0); /* ordered by time */
		CU_ASSERT_EQUAL(text[14], '7');
		CU_ASSERT_PTR_NOT_NULL(strchr("89ab", text[19]));
		strcpy(before, text);
	}
	CU_ASSERT_TRUE(nx_uuid_check("AAAAAAAA-bbbb-4CCC-9ddd-EEEEEEEEEEEE"));
	for (size_t i = 0; i < NX_COUNT(wrong); i++)
		UNIT_ASSERT_ROW(!nx_uuid_check(wrong[i]), wrong[i]);
}

/* --- files ---------------------------------------------------------------------------------- */

static unsigned int mode_of(const char *path)
{
	struct stat facts;

	return stat(path, &facts) == 0 ? facts.st_mode & 07777 : 0;
}

static size_t count_entries(const char *path)
{
	DIR *directory = opendir(path);
	size_t count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count - 2; /* . and .. */
}

static void test_file_modes(void)
{
	static const unsigned int modes[] = {0600, 0640, 0644, 0400};
	static const mode_t masks[] = {0, 022, 077, 0777};
	char *directory = unit_directory_make();
	NX_AUTO_FREE char *path = nx_printf("%s/key", directory);

	for (size_t i = 0; i < NX_COUNT(modes) * NX_COUNT(masks); i++) {
		unsigned int mode = modes[i % NX_COUNT(modes)];
		mode_t before = umask(masks[i / NX_COUNT(modes)]);

		CU_ASSERT_EQUAL(nx_file_write(path, "secret", 6, mode, NULL), NX_OK);
		umask(before);
		CU_ASSERT_EQUAL(mode_of(path), mode);
	}
	CU_ASSERT_EQUAL(count_entries(directory), 1);
	unit_directory_remove(directory);
}

static void test_file_content(void)
{
	char *directory = unit_directory_make();
	NX_AUTO_FREE char *path = nx_printf("%s/state", directory);
	NX_AUTO_FREE char *large = nx_alloc(100000);
	NX_AUTO_FREE char *read_back = NULL;
	struct nx_error error;
	char *text = NULL;
	size_t length = 0;

	CU_ASSERT_EQUAL(nx_file_read(path, 100, &text, &length, &error), NX_NOT_FOUND);
	UNIT_ASSERT_HOLDS(error.message, path);
	CU_ASSERT_PTR_NULL(text);
	memset(large, 'x', 100000);
	CU_ASSERT_EQUAL(nx_file_write(path, large, 100000, 0600, NULL), NX_OK);
	CU_ASSERT_EQUAL(nx_file_read(path, 100000, &read_back, &length, NULL), NX_OK);
	CU_ASSERT_EQUAL(length, 100000);
	CU_ASSERT_EQUAL(memcmp(read_back, large, length), 0);
	CU_ASSERT_EQUAL(read_back[length], '\0');
	CU_ASSERT_EQUAL(nx_file_read(path, 99999, &text, &length, &error), NX_INVALID);
	CU_ASSERT_EQUAL(nx_file_write(path, "", 0, 0600, NULL), NX_OK);
	CU_ASSERT_EQUAL(nx_file_read(path, 10, &text, &length, NULL), NX_OK);
	CU_ASSERT_STRING_EQUAL(text, "");
	free(text);
	unit_directory_remove(directory);
}

/* A write that fails leaves the old content and no other file. */
static void test_file_failure(void)
{
	char *directory = unit_directory_make();
	NX_AUTO_FREE char *path = nx_printf("%s/folder", directory);
	NX_AUTO_FREE char *inside = nx_printf("%s/folder/file", directory);
	NX_AUTO_FREE char *absent = nx_printf("%s/none/file", directory);
	struct nx_error error;

	mkdir(path, 0700);
	CU_ASSERT_EQUAL(nx_file_write(inside, "x", 1, 0600, NULL), NX_OK);
	CU_ASSERT_NOT_EQUAL(nx_file_write(path, "y", 1, 0600, &error), NX_OK); /* a directory stands there */
	UNIT_ASSERT_HOLDS(error.message, path);
	CU_ASSERT_EQUAL(count_entries(directory), 1);
	CU_ASSERT_EQUAL(nx_file_write(absent, "y", 1, 0600, &error), NX_NOT_FOUND);
	unit_directory_remove(directory);
}

/* Through a symbolic link the link is replaced, not what it points to. */
static void test_file_link(void)
{
	char *directory = unit_directory_make();
	NX_AUTO_FREE char *target = nx_printf("%s/target", directory);
	NX_AUTO_FREE char *link_path = nx_printf("%s/link", directory);
	NX_AUTO_FREE char *text = NULL;

	CU_ASSERT_EQUAL(nx_file_write(target, "old", 3, 0600, NULL), NX_OK);
	CU_ASSERT_EQUAL(symlink(target, link_path), 0);
	CU_ASSERT_EQUAL(nx_file_write(link_path, "new", 3, 0600, NULL), NX_OK);
	CU_ASSERT_EQUAL(nx_file_read(target, 10, &text, NULL, NULL), NX_OK);
	CU_ASSERT_STRING_EQUAL(text, "old");
	unit_directory_remove(directory);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"tokens", test_token},
		{"hashes", test_hash},
		{"passwords", test_password},
		{"ids", test_uuid},
		{"file modes, whatever the umask", test_file_modes},
		{"file content", test_file_content},
		{"a write that fails", test_file_failure},
		{"a symbolic link", test_file_link},
		CU_TEST_INFO_NULL,
	};

	nx_secret_setup();
	return unit_run("secret", tests);
}
