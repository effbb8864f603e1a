/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/state/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

/* Older ones that were set aside are kept: this many. */
#define ASIDE_LIMIT 100u

static enum nx_status file_judge(const char *path, const struct stat *facts, size_t limit,
				 struct nx_error *error)
{
	if (!S_ISREG(facts->st_mode))
		return nx_fail(error, NX_INVALID, NULL,
			       "%s is no regular file: restore it from a backup, or move it away", path);
	if (facts->st_uid != geteuid())
		return nx_fail(error, NX_INVALID, NULL,
			       "%s belongs to user %u, and nexd runs as user %u: chown it, if it is this "
			       "host's",
			       path, facts->st_uid, geteuid());
	if (facts->st_mode & 077)
		return nx_fail(error, NX_INVALID, NULL,
			       "%s has mode %04o, so that others may know what it holds: chmod 600 it, if "
			       "nobody does",
			       path, facts->st_mode & 07777);
	if ((size_t)facts->st_size > limit)
		return nx_fail(error, NX_INVALID, NULL, "%s is damaged: it is longer than %zu bytes", path,
			       limit);
	return NX_OK;
}

static enum nx_status file_fail(const char *verb, const char *path, struct nx_error *error)
{
	return nx_fail(error, NX_UNAVAILABLE, NULL, "cannot %s %s: %s", verb, path, strerror(errno));
}

/* Nobody else can put another file there between the two looks: the folder is ours alone. */
enum nx_status nx_state_file_read(const struct nx_state *state, const char *name, size_t limit, char **out,
				  size_t *length, struct nx_error *error)
{
	NX_AUTO_FREE char *path = nx_state_path(state, name);
	NX_AUTO_FREE char *data = nx_alloc(limit + 1);
	NX_AUTO_CLOSE int descriptor = -1;
	enum nx_status status;
	struct stat facts;
	ssize_t got;

	if (lstat(path, &facts) != 0)
		return errno == ENOENT ? NX_NOT_FOUND : file_fail("read", path, error);
	status = file_judge(path, &facts, limit, error);
	if (status != NX_OK)
		return status;
	descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (descriptor < 0)
		return file_fail("open", path, error);
	got = read(descriptor, data, limit);
	if (got < 0)
		return file_fail("read", path, error);
	data[got] = '\0';
	*length = (size_t)got;
	*out = NX_TAKE(data);
	return NX_OK;
}

enum nx_status nx_state_file_set_aside(const struct nx_state *state, const char *name, char *aside,
				       size_t room, struct nx_error *error)
{
	NX_AUTO_FREE char *path = nx_state_path(state, name);

	for (unsigned i = 1; i <= ASIDE_LIMIT; i++) {
		NX_AUTO_FREE char *other = nx_printf("%s.damaged-%u", path, i);

		if (access(other, F_OK) == 0)
			continue;
		if (rename(path, other) != 0)
			return file_fail("rename", path, error);
		snprintf(aside, room, "%s", other);
		return NX_OK;
	}
	return nx_fail(error, NX_UNAVAILABLE, NULL,
		       "%s is damaged, and so were %u before it: look at the disk", path, ASIDE_LIMIT);
}
