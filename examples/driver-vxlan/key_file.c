/* SPDX-License-Identifier: Apache-2.0 */
#include "key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum nx_status refuse(const struct vx_driver *driver, const char *path, const char *why,
			     struct nx_error *error)
{
	return driver->services->fail(error, NX_INVALID, NULL, "%.200s %s", path, why);
}

static const char *file_judge(int descriptor)
{
	struct stat found;

	if (fstat(descriptor, &found) != 0 || !S_ISREG(found.st_mode))
		return "is no file";
	if (found.st_uid != geteuid())
		return "belongs to another user";
	if (found.st_mode & (S_IRWXG | S_IRWXO))
		return "can be read or written by others: chmod 600";
	return NULL;
}

/* NULL, or what is wrong with the file. */
static const char *file_read(int descriptor, struct vx_key *out)
{
	char text[VX_KEY_TEXT + 1] = "";
	const char *why = file_judge(descriptor);
	ssize_t length;

	if (why)
		return why;
	length = read(descriptor, text, sizeof(text) - 1);
	if (length < 0)
		return strerror(errno);
	if (length > 0 && text[length - 1] == '\n')
		text[length - 1] = '\0';
	return vx_key_parse(text, out) ? "holds no key" : NULL;
}

static bool text_store(int descriptor, const char *text)
{
	return dprintf(descriptor, "%s\n", text) == VX_KEY_TEXT && fsync(descriptor) == 0;
}

/* Under its name it is whole, or not there. */
static enum nx_status key_make(const struct vx_driver *driver, const char *path, struct vx_key *out,
			       struct nx_error *error)
{
	char draft[PATH_MAX], text[VX_KEY_TEXT];
	struct vx_key key;
	int descriptor, code;

	driver->services->random_bytes(key.bytes, sizeof(key.bytes));
	vx_key_format(&key, text);
	snprintf(draft, sizeof(draft), "%s.new", path);
	unlink(draft);
	descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (descriptor >= 0 && text_store(descriptor, text) && rename(draft, path) == 0) {
		close(descriptor);
		*out = key;
		return NX_OK;
	}
	code = errno;
	if (descriptor >= 0)
		close(descriptor);
	unlink(draft);
	return refuse(driver, path, strerror(code), error);
}

enum nx_status vx_key_obtain(const struct vx_driver *driver, const char *directory, struct vx_key *out,
			     struct nx_error *error)
{
	char path[PATH_MAX - 8];
	const char *why;
	int descriptor;

	if ((size_t)snprintf(path, sizeof(path), "%s/vxlan.key", directory) >= sizeof(path))
		return refuse(driver, directory, "is too long a path", error);
	descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (descriptor < 0)
		return errno == ENOENT ? key_make(driver, path, out, error)
				       : refuse(driver, path, strerror(errno), error);
	why = file_read(descriptor, out);
	close(descriptor);
	return why ? refuse(driver, path, why, error) : NX_OK;
}
