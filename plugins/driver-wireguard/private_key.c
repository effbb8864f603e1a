/* SPDX-License-Identifier: Apache-2.0 */
#include "private_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <sodium.h>

#include "cleanup.h"

#define NEW_FILE WG_PRIVATE_KEY_FILE ".new"

/* The key's text and a newline; one byte more shows that the file is too long. */
struct key_text {
	char text[WG_KEY_TEXT + 2];
};

static void key_text_wipe(struct key_text *text)
{
	sodium_memzero(text, sizeof(*text));
}

#define AUTO_WIPE_TEXT __attribute__((cleanup(key_text_wipe)))

static enum nx_status file_judge(const struct wg_driver *driver, int file, const char *state_directory,
				 struct nx_error *error)
{
	struct stat status;

	if (fstat(file, &status))
		return wg_refuse(driver, errno, "", error, "%s/" WG_PRIVATE_KEY_FILE, state_directory);
	if (!S_ISREG(status.st_mode))
		return driver->services->fail(error, NX_INVALID, NULL,
					      "%s/" WG_PRIVATE_KEY_FILE " is no regular file",
					      state_directory);
	if (status.st_uid != geteuid())
		return driver->services->fail(error, NX_INVALID, NULL,
					      "%s/" WG_PRIVATE_KEY_FILE
					      " belongs to uid %u, not to uid %u that "
					      "this program runs as",
					      state_directory, (unsigned)status.st_uid, (unsigned)geteuid());
	if (status.st_mode & 077)
		return driver->services->fail(error, NX_INVALID, NULL,
					      "%s/" WG_PRIVATE_KEY_FILE
					      " has mode %04o: others may know this key. "
					      "chmod 600 it if nobody does, or else get a new one: delete "
					      "this device at the service, move private.key, token and "
					      "identity.json away, and register this host anew",
					      state_directory, (unsigned)(status.st_mode & 07777));
	return NX_OK;
}

/* The text of the file without its newline; false when it cannot be a key. */
static bool file_read(int file, struct key_text *out)
{
	ssize_t length = read(file, out->text, sizeof(out->text));

	if (length < WG_KEY_TEXT - 1 || length > WG_KEY_TEXT)
		return false;
	if (length == WG_KEY_TEXT && out->text[WG_KEY_TEXT - 1] != '\n')
		return false;
	out->text[WG_KEY_TEXT - 1] = '\0';
	return true;
}

static enum nx_status key_load(const struct wg_driver *driver, int directory, const char *state_directory,
			       struct wg_key *out, struct nx_error *error)
{
	struct key_text text AUTO_WIPE_TEXT = {""};
	struct wg_key key WG_AUTO_WIPE = {0};
	enum nx_status status;
	/* O_NONBLOCK: a FIFO in the file's place must not hold the program up. */
	int file WG_AUTO_CLOSE =
		openat(directory, WG_PRIVATE_KEY_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (file < 0 && errno == ENOENT)
		return NX_NOT_FOUND; /* the caller makes one: no failure to tell yet */
	if (file < 0 && errno == EACCES)
		return driver->services->fail(error, NX_INVALID, NULL,
					      "%s/" WG_PRIVATE_KEY_FILE " cannot be read by uid %u that this "
					      "program runs as: chown it, if it is this host's",
					      state_directory, (unsigned)geteuid());
	if (file < 0)
		return wg_refuse(driver, errno, "", error, "%s/" WG_PRIVATE_KEY_FILE, state_directory);
	status = file_judge(driver, file, state_directory, error);
	if (status)
		return status;
	if (!file_read(file, &text) || !wg_key_parse(text.text, &key) || wg_key_is_zero(&key))
		return driver->services->fail(error, NX_INVALID, NULL,
					      "%s/" WG_PRIVATE_KEY_FILE
					      " is damaged: it holds no WireGuard private key. "
					      "Restore it from a backup; or delete this device at the "
					      "service, move private.key, token and identity.json away, "
					      "and register this host anew",
					      state_directory);
	*out = key;
	return NX_OK;
}

static void key_make(const struct wg_driver *driver, struct wg_key *out)
{
	driver->services->random_bytes(out->bytes, sizeof(out->bytes));
	/* RFC 7748 §5: as every implementation clamps it before use. */
	out->bytes[0] &= 248;
	out->bytes[31] = (uint8_t)((out->bytes[31] & 127) | 64);
}

static bool file_write(int file, const struct wg_key *key)
{
	struct key_text text AUTO_WIPE_TEXT = {""};

	wg_key_format(key, text.text);
	text.text[WG_KEY_TEXT - 1] = '\n';
	errno = ENOSPC; /* what a short write means, which sets none */
	return fchmod(file, 0600) == 0 && write(file, text.text, WG_KEY_TEXT) == WG_KEY_TEXT &&
	       fsync(file) == 0;
}

/* Give the new file its name unless another program was faster (EEXIST). */
static int file_publish(int directory)
{
	if (renameat2(directory, NEW_FILE, directory, WG_PRIVATE_KEY_FILE, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL)
		return -1;
	/* A file system without RENAME_NOREPLACE. */
	return renameat(directory, NEW_FILE, directory, WG_PRIVATE_KEY_FILE);
}

/* 0, or an errno. */
static int key_store(int directory, const struct wg_key *key)
{
	int code = 0;
	int file WG_AUTO_CLOSE = -1;

	/* Left behind by a program that was killed half-way. */
	unlinkat(directory, NEW_FILE, 0);
	file = openat(directory, NEW_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file < 0)
		return errno;
	if (!file_write(file, key) || file_publish(directory) || fsync(directory))
		code = errno;
	if (code)
		unlinkat(directory, NEW_FILE, 0);
	return code;
}

enum nx_status wg_private_key_obtain(const struct wg_driver *driver, const char *state_directory,
				     struct wg_key *out, struct nx_error *error)
{
	struct wg_key key WG_AUTO_WIPE = {0};
	enum nx_status status;
	int code;
	int directory WG_AUTO_CLOSE = open(state_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (directory < 0)
		return wg_refuse(driver, errno, "", error, "the state directory %s", state_directory);
	status = key_load(driver, directory, state_directory, out, error);
	if (status != NX_NOT_FOUND)
		return status;
	key_make(driver, &key);
	code = key_store(directory, &key);
	if (code == EEXIST)
		return key_load(driver, directory, state_directory, out, error);
	if (code)
		return wg_refuse(driver, code, "", error, "%s/" WG_PRIVATE_KEY_FILE " cannot be written",
				 state_directory);
	*out = key;
	return NX_OK;
}
