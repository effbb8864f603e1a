/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file: lines of words, and a checksum of all before it as the last line.
 *
 *	boot 6f3a…              the boot of the machine (/proc/sys/kernel/random/boot_id)
 *	interface wg0           the tunnel
 *	switch 0                IPv4 forwarding was off; the values after it belong to it
 *	value net/ipv4/conf/all/accept_redirects 1
 *	place nft ip filter FORWARD
 *				rules of ours may stand in that chain
 *	sum 0123456789abcdef
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/relay/firewall.h"
#include "plugins/relay/undo.h"

enum {
	FILE_MAXIMUM = 1 << 20, /* some 10,000 interfaces */
	BOOT_ROOM = 40,
	PATH_ROOM = 4096,
};

static bool path_make(char path[static PATH_ROOM], const char *directory, const char *name)
{
	if (snprintf(path, PATH_ROOM, "%s/%s", directory, name) < PATH_ROOM)
		return true;
	errno = ENAMETOOLONG;
	return false;
}

static void boot_read(char boot[static BOOT_ROOM])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	snprintf(boot, BOOT_ROOM, "unknown");
	if (!file)
		return;
	if (fscanf(file, "%39s", boot) != 1)
		snprintf(boot, BOOT_ROOM, "unknown");
	fclose(file);
}

/* FNV-1a: against damage, not against an attacker, who could write the settings themselves. */
static uint64_t text_sum(const char *text, size_t length)
{
	uint64_t sum = 0xcbf29ce484222325u;

	for (size_t i = 0; i < length; i++)
		sum = (sum ^ (unsigned char)text[i]) * 0x100000001b3u;
	return sum;
}

/* --- writing
 * ---------------------------------------------------------------------------------------------------- */

static void undo_print(FILE *out, const struct undo *undo)
{
	char boot[BOOT_ROOM];

	boot_read(boot);
	fprintf(out, "boot %s\ninterface %s\n", boot, undo->interface);
	for (size_t i = 0; i < UNDO_FAMILIES; i++) {
		const struct undo_switch *family = &undo->switches[i];
		if (!family->ours)
			continue;
		fprintf(out, "switch %zu\n", i);
		for (size_t j = 0; j < family->count; j++)
			fprintf(out, "value %s %d\n", family->values[j].name, family->values[j].value);
	}
	for (size_t i = 0; i < undo->places.count; i++) {
		fprintf(out, "place ");
		place_print(out, &undo->places.list[i]);
		fprintf(out, "\n");
	}
}

/* The file's text, for free(). */
static char *undo_text(const struct undo *undo, size_t *length)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, length);

	if (!out)
		return NULL;
	undo_print(out, undo);
	if (fflush(out) == 0)
		fprintf(out, "sum %016" PRIx64 "\n", text_sum(text, *length));
	bool whole = !ferror(out);
	if (fclose(out) == 0 && whole)
		return text;
	free(text);
	return NULL;
}

/* Write and sync; what is there of it on a failure is the caller's to remove. */
static bool file_fill(const char *path, const char *text, size_t length)
{
	int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (descriptor < 0)
		return false;
	bool done = write(descriptor, text, length) == (ssize_t)length && fsync(descriptor) == 0;
	int reason = errno;
	close(descriptor);
	errno = reason;
	return done;
}

static bool directory_sync(const char *directory)
{
	int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (descriptor < 0)
		return false;
	bool done = fsync(descriptor) == 0;
	close(descriptor);
	return done;
}

static bool file_replace(const char *directory, const char *text, size_t length)
{
	char path[PATH_ROOM], fresh[PATH_ROOM];

	if (!path_make(path, directory, "forwarding") || !path_make(fresh, directory, "forwarding.new"))
		return false;
	if (file_fill(fresh, text, length) && rename(fresh, path) == 0)
		return directory_sync(directory);
	int reason = errno;
	unlink(fresh);
	errno = reason;
	return false;
}

bool undo_save(const struct undo *undo, const char *directory)
{
	size_t length;
	char *text = undo_text(undo, &length);

	if (!text) {
		errno = ENOMEM;
		return false;
	}
	bool saved = file_replace(directory, text, length);
	int reason = errno;
	free(text);
	errno = reason;
	return saved;
}

void undo_forget(const char *directory)
{
	char path[PATH_ROOM];

	if (path_make(path, directory, "forwarding"))
		unlink(path);
}

/* --- reading
 * ---------------------------------------------------------------------------------------------------- */

/* Cut the checksum's line off; false when it is not right. */
static bool sum_check(char *text)
{
	const size_t line = strlen("sum 0123456789abcdef\n");
	size_t length = strlen(text);
	char right[32];

	if (length < line)
		return false;
	snprintf(right, sizeof(right), "sum %016" PRIx64 "\n", text_sum(text, length - line));
	if (strcmp(text + length - line, right) != 0)
		return false;
	text[length - line] = '\0';
	return true;
}

struct reader {
	struct undo *undo;
	struct undo_switch *family; /* of the last "switch" line */
	bool other_boot;
};

static bool number_read(const char *text, long minimum, long maximum, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(text, &end, 10);
	return end != text && !*end && errno == 0 && *out >= minimum && *out <= maximum;
}

static bool line_read(struct reader *reader, const char *line)
{
	char name[SETTING_ROOM], boot[BOOT_ROOM], number[16];
	struct place place;
	long value;

	if (strncmp(line, "place ", 6) == 0)
		return place_read(&place, line + 6) && places_add(&reader->undo->places, &place);
	if (sscanf(line, "boot %39s", name) == 1) {
		boot_read(boot);
		reader->other_boot = strcmp(boot, name) != 0;
		return true;
	}
	if (sscanf(line, "interface %63s", name) == 1) {
		snprintf(reader->undo->interface, sizeof(reader->undo->interface), "%.15s", name);
		return firewall_name_fit(name);
	}
	if (sscanf(line, "switch %15s", number) == 1 && number_read(number, 0, UNDO_FAMILIES - 1, &value)) {
		reader->family = &reader->undo->switches[value];
		reader->family->ours = true;
		return true;
	}
	return reader->family && sscanf(line, "value %63s %15s", name, number) == 2 &&
	       number_read(number, INT_MIN, INT_MAX, &value) && undo_add(reader->family, name, (int)value);
}

static bool lines_read(struct reader *reader, char *text)
{
	char *rest = NULL;

	for (const char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (!line_read(reader, line))
			return false;
	}
	return reader->undo->interface[0] != '\0';
}

/* The file's text, for free(); NULL with errno. */
static char *file_text(const char *directory)
{
	char path[PATH_ROOM];

	if (!path_make(path, directory, "forwarding"))
		return NULL;
	int descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (descriptor < 0)
		return NULL;
	char *text = calloc(1, FILE_MAXIMUM + 1);
	if (text && read(descriptor, text, FILE_MAXIMUM) < 0) {
		free(text);
		text = NULL;
	}
	int reason = errno;
	close(descriptor);
	errno = reason;
	return text;
}

bool undo_load(struct undo *undo, const char *directory)
{
	struct reader reader = {.undo = undo};

	*undo = (struct undo){0};
	char *text = file_text(directory);
	if (!text)
		return errno == ENOENT;
	bool whole = sum_check(text) && lines_read(&reader, text);
	free(text);
	if (!whole || (reader.other_boot && !undo->places.count))
		undo_clear(undo);
	else if (reader.other_boot)
		undo_forget_switches(undo);
	errno = 0;
	return whole;
}
