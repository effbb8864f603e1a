/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/relay/setting.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int setting_open(const char *name, int flags)
{
	char path[SETTING_ROOM + sizeof("/proc/sys/")];

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	return open(path, flags | O_CLOEXEC);
}

bool setting_read(const char *name, int *out)
{
	char text[16] = "", *end;
	int descriptor = setting_open(name, O_RDONLY);

	if (descriptor < 0)
		return false;
	ssize_t got = read(descriptor, text, sizeof(text) - 1);
	close(descriptor);
	if (got <= 0)
		return false;
	long value = strtol(text, &end, 10);
	if (end == text || (*end != '\n' && *end != '\0')) {
		errno = EINVAL;
		return false;
	}
	*out = (int)value;
	return true;
}

bool setting_write(const char *name, int value)
{
	int descriptor = setting_open(name, O_WRONLY);

	if (descriptor < 0)
		return false;
	bool written = dprintf(descriptor, "%d\n", value) > 0;
	int reason = errno;
	close(descriptor);
	errno = reason;
	return written;
}

static bool directory_read(DIR *directory, const char *path, const char *setting,
			   bool (*each)(void *context, const char *name), void *context)
{
	for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
		char name[SETTING_ROOM];
		if (entry->d_name[0] == '.' || strcmp(entry->d_name, "all") == 0)
			continue;
		int length = snprintf(name, sizeof(name), "%s/%s/%s", path, entry->d_name, setting);
		if (length < SETTING_ROOM && !each(context, name))
			return false;
	}
	return true;
}

bool setting_interfaces(const char *directory, const char *setting,
			bool (*each)(void *context, const char *name), void *context)
{
	char path[SETTING_ROOM + sizeof("/proc/sys/")];

	snprintf(path, sizeof(path), "/proc/sys/%s", directory);
	DIR *opened = opendir(path);
	if (!opened)
		return true; /* a kernel without the family has no interfaces of it */
	bool answer = directory_read(opened, directory, setting, each, context);
	closedir(opened);
	return answer;
}
