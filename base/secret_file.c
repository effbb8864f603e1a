/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are whole or not there, and readable by whom they should. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/secret.h"

#define READ_STEP 4096

static enum nx_status fail_file(struct nx_error *error, const char *verb, const char *path)
{
	int cause = errno;
	enum nx_status status = cause == EACCES || cause == EPERM ? NX_DENIED : NX_INTERNAL;

	if (cause == ENOENT)
		status = NX_NOT_FOUND;
	return nx_fail(error, status, NULL, "cannot %s %s: %s", verb, path, strerror(cause));
}

/* --- writing -------------------------------------------------------------------- */

static bool write_all(int descriptor, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t written = write(descriptor, data, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return false;
		data += written;
		length -= (size_t)written;
	}
	return true;
}

/* A new name is on the disk only when its directory is. */
static bool sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	NX_AUTO_FREE char *parent = NULL;
	NX_AUTO_CLOSE int directory = -1;

	if (!slash)
		parent = nx_strdup(".");
	else
		parent = nx_printf("%.*s", slash == path ? 1 : (int)(slash - path), path);
	directory = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return directory >= 0 && fsync(directory) == 0;
}

/* The content goes in while nobody else can read it; the mode comes last. */
static bool fill_temporary(int descriptor, const void *data, size_t length, unsigned mode)
{
	return write_all(descriptor, data, length) && fchmod(descriptor, (mode_t)mode) == 0 &&
	       fsync(descriptor) == 0;
}

enum nx_status nx_file_write(const char *path, const void *data, size_t length, unsigned mode,
			     struct nx_error *error)
{
	NX_AUTO_FREE char *temporary = nx_printf("%s.XXXXXX", path);
	NX_AUTO_CLOSE int descriptor = mkostemp(temporary, O_CLOEXEC); /* 0600 */

	if (descriptor < 0)
		return fail_file(error, "create", path);
	if (!fill_temporary(descriptor, data, length, mode) || rename(temporary, path) != 0) {
		enum nx_status status = fail_file(error, "write", path);

		unlink(temporary);
		return status;
	}
	if (!sync_directory(path))
		return fail_file(error, "sync the directory of", path);
	return NX_OK;
}

/* --- reading ----------------------------------------------------------------------- */

/* The size that fstat() tells is not asked: it is 0 for pipes and for files of the kernel. */
enum nx_status nx_file_read(const char *path, size_t limit, char **out, size_t *length,
			    struct nx_error *error)
{
	NX_AUTO_CLOSE int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	NX_AUTO_FREE char *data = nx_alloc(1);
	size_t used = 0;

	if (descriptor < 0)
		return fail_file(error, "open", path);
	for (;;) {
		ssize_t got;

		data = nx_realloc_array(data, used + READ_STEP + 1, 1);
		got = read(descriptor, data + used, READ_STEP);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail_file(error, "read", path);
		used += (size_t)got;
		if (used > limit)
			return nx_fail(error, NX_INVALID, NULL, "%s is longer than %zu bytes", path, limit);
		if (got == 0)
			break;
	}
	data[used] = '\0';
	if (length)
		*length = used;
	*out = NX_TAKE(data);
	return NX_OK;
}
