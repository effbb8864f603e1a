/* SPDX-License-Identifier: Apache-2.0 */
#include "../private_key.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CUnit/Basic.h>

#include "fake_host.h"
#include "suites.h"

static struct wg_driver driver = {.services = &fake_services};
static char directory[] = "/tmp/private-key-XXXXXX";
static char path[64];

static int directory_make(void)
{
	if (!mkdtemp(directory))
		return 1;
	snprintf(path, sizeof(path), "%s/" WG_PRIVATE_KEY_FILE, directory);
	return 0;
}

static int directory_remove(void)
{
	unlink(path);
	return rmdir(directory);
}

static void file_put(const char *text, mode_t mode)
{
	int file;

	unlink(path);
	file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	CU_ASSERT_FATAL(file >= 0);
	CU_ASSERT_EQUAL(write(file, text, strlen(text)), (ssize_t)strlen(text));
	CU_ASSERT_EQUAL(fchmod(file, mode), 0);
	close(file);
}

static void test_made_once(void)
{
	struct wg_key first;
	struct wg_key second;
	struct stat status;
	mode_t former = umask(0777);

	unlink(path);
	CU_ASSERT_EQUAL(wg_private_key_obtain(&driver, directory, &first, NULL), NX_OK);
	umask(former);
	CU_ASSERT_EQUAL_FATAL(stat(path, &status), 0);
	CU_ASSERT_EQUAL(status.st_mode & 07777, 0600);
	CU_ASSERT_EQUAL(status.st_size, WG_KEY_TEXT);
	CU_ASSERT_EQUAL(first.bytes[0] & 7, 0); /* clamped, RFC 7748 §5 */
	CU_ASSERT_EQUAL(first.bytes[31] & 0xc0, 0x40);
	CU_ASSERT_EQUAL(wg_private_key_obtain(&driver, directory, &second, NULL), NX_OK);
	CU_ASSERT_TRUE(wg_key_equal(&first, &second));
}

/* A program that was killed while it wrote leaves nothing that counts. */
static void test_half_written(void)
{
	char half[80];
	struct wg_key key;

	unlink(path);
	snprintf(half, sizeof(half), "%s.new", path);
	CU_ASSERT_EQUAL_FATAL(close(open(half, O_WRONLY | O_CREAT, 0666)), 0);
	CU_ASSERT_EQUAL(wg_private_key_obtain(&driver, directory, &key, NULL), NX_OK);
	CU_ASSERT_EQUAL(access(half, F_OK), -1);
}

static void test_refused(void)
{
	static const char *const texts[] = {
		"",
		"\n",
		"6Dq9Yt",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
		"hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=\n\n",
		"hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo= \n",
		"hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo==",
		"!SDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=\n",
	};
	struct nx_error error;
	struct wg_key key = {{0x55}};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		file_put(texts[i], 0600);
		CU_ASSERT_EQUAL(wg_private_key_obtain(&driver, directory, &key, &error), NX_INVALID);
		CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "holds no WireGuard private key"));
		CU_ASSERT_PTR_NULL(strstr(error.message, "hSDwCY"));
	}
	CU_ASSERT_EQUAL(key.bytes[0], 0x55);
}

static void test_without_newline(void)
{
	struct wg_key key;

	file_put("hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=", 0400);
	CU_ASSERT_EQUAL(wg_private_key_obtain(&driver, directory, &key, NULL), NX_OK);
}

static void test_exposed(void)
{
	static const mode_t modes[] = {0640, 0604, 0620, 0601, 0666};
	struct nx_error error;
	struct wg_key key;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		file_put("hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=\n", modes[i]);
		CU_ASSERT_EQUAL(wg_private_key_obtain(&driver, directory, &key, &error), NX_INVALID);
		CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "has mode"));
	}
}

static void test_odd_files(void)
{
	struct wg_key key;

	unlink(path);
	CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
	CU_ASSERT_EQUAL(wg_private_key_obtain(&driver, directory, &key, NULL), NX_INVALID);
	unlink(path);
	CU_ASSERT_EQUAL_FATAL(symlink("/dev/null", path), 0);
	CU_ASSERT_NOT_EQUAL(wg_private_key_obtain(&driver, directory, &key, NULL), NX_OK);
	unlink(path);
	CU_ASSERT_EQUAL(wg_private_key_obtain(&driver, "/no/such/directory", &key, NULL), NX_NOT_FOUND);
}

void private_key_suite(void)
{
	CU_pSuite suite = CU_add_suite("private key", directory_make, directory_remove);

	CU_add_test(suite, "made once, 0600, clamped", test_made_once);
	CU_add_test(suite, "half-written", test_half_written);
	CU_add_test(suite, "no key in the file", test_refused);
	CU_add_test(suite, "without a newline", test_without_newline);
	CU_add_test(suite, "readable by others", test_exposed);
	CU_add_test(suite, "no regular file", test_odd_files);
}
