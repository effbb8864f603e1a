/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plugin files. Each is opened once, by a plain name in a directory that is open
 * already; owner, mode and ELF header are judged on that descriptor, and the library
 * is loaded from it. So what was judged is what runs, whatever happens to the name.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/loader_internal.h"
#include "base/memory.h"

#define SUFFIX ".so"
#define LONGEST_NAME 64
#define DESCRIPTOR_PATH 32 /* "/proc/self/fd/2147483647" */

/* --- who may write it ------------------------------------------------------------------ */

/* Whoever can write a plugin, or put another in its place, is this program. */
static enum nx_status check_writers(const struct stat *status, const char *path, struct nx_error *error)
{
	if (status->st_uid != 0 && status->st_uid != geteuid())
		return nx_fail(error, NX_DENIED, NULL,
			       "%s: expected root or user %u as its owner, found user %u", path, geteuid(),
			       status->st_uid);
	if (status->st_mode & (S_IWGRP | S_IWOTH))
		return nx_fail(error, NX_DENIED, NULL,
			       "%s: expected that only its owner can write it, found mode %04o", path,
			       status->st_mode & 07777);
	return NX_OK;
}

enum nx_status loader_directory_open(const char *path, int *out, struct nx_error *error)
{
	int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat facts;
	enum nx_status status;

	if (directory < 0)
		return nx_fail(error, errno == ENOENT ? NX_NOT_FOUND : NX_INVALID, NULL,
			       "%s: expected a directory of plugins: %s", path, strerror(errno));
	if (fstat(directory, &facts) == 0)
		status = check_writers(&facts, path, error);
	else
		status = nx_fail(error, NX_INTERNAL, NULL, "%s: cannot be judged: %s", path, strerror(errno));
	if (status)
		close(directory);
	else
		*out = directory;
	return status;
}

/* --- names ------------------------------------------------------------------------------- */

static enum nx_status add_name(const struct nx_plugins *set, const char *name, size_t length, char ***names,
			       size_t *count, struct nx_error *error)
{
	if (length > LONGEST_NAME || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") < length)
		return nx_fail(error, NX_INVALID, NULL,
			       "%s: expected plain names of plugins ([a-z0-9-]+, at most %d), found \"%.*s\"",
			       set->directory, LONGEST_NAME, length > 80 ? 80 : (int)length, name);
	for (size_t i = 0; i < *count; i++) {
		if (strlen((*names)[i]) == length && memcmp((*names)[i], name, length) == 0)
			return nx_fail(error, NX_INVALID, NULL,
				       "%s/%s" SUFFIX ": expected once in the list of plugins, found twice",
				       set->directory, (*names)[i]);
	}
	*names = nx_realloc_array(*names, *count + 1, sizeof(**names));
	(*names)[(*count)++] = nx_printf("%.*s", (int)length, name);
	return NX_OK;
}

static enum nx_status split_names(const struct nx_plugins *set, const char *list, char ***names,
				  size_t *count, struct nx_error *error)
{
	static const char separators[] = " \t,";

	for (;;) {
		enum nx_status status;
		size_t length;

		list += strspn(list, separators);
		length = strcspn(list, separators);
		if (length == 0)
			return NX_OK;
		status = add_name(set, list, length, names, count, error);
		if (status)
			return status;
		list += length;
	}
}

static void close_stream(DIR **stream)
{
	if (*stream)
		closedir(*stream);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum nx_status list_names(const struct nx_plugins *set, int directory, char ***names, size_t *count,
				 struct nx_error *error)
{
	int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	NX_CLEANUP(close_stream) DIR *stream = again < 0 ? NULL : fdopendir(again);
	const struct dirent *entry;

	if (!stream) {
		nx_cleanup_close(&again);
		return nx_fail(error, NX_INTERNAL, NULL, "cannot list %s: %s", set->directory,
			       strerror(errno));
	}
	while ((entry = readdir(stream))) {
		size_t length = strlen(entry->d_name);
		enum nx_status status;

		if (length <= strlen(SUFFIX) || strcmp(entry->d_name + length - strlen(SUFFIX), SUFFIX) != 0)
			continue;
		status = add_name(set, entry->d_name, length - strlen(SUFFIX), names, count, error);
		if (status)
			return status;
	}
	if (*count > 0)
		qsort(*names, *count, sizeof(**names), compare_texts);
	return NX_OK;
}

enum nx_status loader_names(const struct nx_plugins *set, const char *list, int directory, char ***out,
			    size_t *count, struct nx_error *error)
{
	char **names = NULL;
	size_t found = 0;
	enum nx_status status;

	if (strcmp(list, "*") == 0)
		status = list_names(set, directory, &names, &found, error);
	else
		status = split_names(set, list, &names, &found, error);
	if (status) {
		while (found > 0)
			free(names[--found]);
		free(names);
		return status;
	}
	*out = names;
	*count = found;
	return NX_OK;
}

/* --- ELF ----------------------------------------------------------------------------------- */

/* This program's own header, which the linker puts there: what this machine runs. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

static bool read_at(int file, void *out, size_t size, uint64_t offset)
{
	return pread(file, out, size, (off_t)offset) == (ssize_t)size;
}

/* A library that was cut short would end the program with SIGBUS, long after it was loaded. */
static bool is_whole(int file, const ElfW(Ehdr) * header, uint64_t size)
{
	if (header->e_phentsize != sizeof(ElfW(Phdr)) || header->e_phnum == 0)
		return false;
	for (size_t i = 0; i < header->e_phnum; i++) {
		ElfW(Phdr) segment;

		if (header->e_phoff > size ||
		    !read_at(file, &segment, sizeof(segment), header->e_phoff + i * sizeof(segment)))
			return false;
		if (segment.p_offset > size || segment.p_filesz > size - segment.p_offset)
			return false;
	}
	return true;
}

static enum nx_status check_elf(int file, const char *path, uint64_t size, struct nx_error *error)
{
	const ElfW(Ehdr) *own = &__ehdr_start;
	ElfW(Ehdr) header;

	if (!read_at(file, &header, sizeof(header), 0) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return nx_fail(error, NX_UNSUPPORTED, NULL,
			       "%s: expected an ELF library, found something else", path);
	if (header.e_ident[EI_CLASS] != own->e_ident[EI_CLASS] ||
	    header.e_ident[EI_DATA] != own->e_ident[EI_DATA] || header.e_machine != own->e_machine)
		return nx_fail(
			error, NX_UNSUPPORTED, NULL,
			"%s: expected an ELF library of this machine (class %d, byte order %d, machine "
			"%d), found class %d, byte order %d, machine %d",
			path, own->e_ident[EI_CLASS], own->e_ident[EI_DATA], own->e_machine,
			header.e_ident[EI_CLASS], header.e_ident[EI_DATA], header.e_machine);
	if (header.e_type != ET_DYN)
		return nx_fail(error, NX_UNSUPPORTED, NULL,
			       "%s: expected a shared ELF library (type %d), found type %d", path, ET_DYN,
			       header.e_type);
	if (!is_whole(file, &header, size))
		return nx_fail(error, NX_UNSUPPORTED, NULL,
			       "%s: expected a whole ELF library, found %llu bytes that are cut short", path,
			       (unsigned long long)size);
	return NX_OK;
}

/* --- opening ---------------------------------------------------------------------------------- */

static enum nx_status fail_open(const char *path, struct nx_error *error)
{
	if (errno == ENOENT)
		return nx_fail(error, NX_NOT_FOUND, NULL, "%s: expected a plugin, found no such file", path);
	if (errno == ELOOP)
		return nx_fail(error, NX_DENIED, NULL, "%s: expected a file, found a symbolic link", path);
	return nx_fail(error, NX_INVALID, NULL, "%s: cannot be opened: %s", path, strerror(errno));
}

static enum nx_status check_file(int file, const char *path, struct nx_error *doubt, struct nx_error *error)
{
	struct nx_error why = {0};
	struct stat facts;

	if (fstat(file, &facts) != 0)
		return fail_open(path, error);
	if (!S_ISREG(facts.st_mode))
		return nx_fail(error, NX_DENIED, NULL, "%s: expected a regular file, found mode %07o", path,
			       facts.st_mode);
	if (check_writers(&facts, path, &why) && !doubt) {
		if (error)
			*error = why;
		return why.status;
	}
	if (doubt)
		*doubt = why;
	return check_elf(file, path, (uint64_t)facts.st_size, error);
}

/* The dynamic linker's words, with the path that a person knows in place of the descriptor's. */
static enum nx_status fail_load(const struct nx_host *host, const char *descriptor_path,
				struct nx_error *error)
{
	const char *message = dlerror();
	size_t length = strlen(descriptor_path);

	if (!message)
		message = "unknown failure of the dynamic linker";
	if (strncmp(message, descriptor_path, length) == 0 && message[length] == ':')
		message += length + strspn(message + length, ": ");
	return nx_fail(error, NX_UNSUPPORTED, NULL,
		       "%s: expected a library that this program can load, found: %s", host->path, message);
}

static enum nx_status open_as(struct nx_host *host, int directory, const char *name, struct nx_error *doubt,
			      struct nx_error *error)
{
	char descriptor_path[DESCRIPTOR_PATH];
	enum nx_status status;

	/* O_NONBLOCK: a FIFO of that name must not hold the program. */
	host->file = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (host->file < 0)
		return fail_open(host->path, error);
	status = check_file(host->file, host->path, doubt, error);
	if (status)
		return status;
	snprintf(descriptor_path, sizeof(descriptor_path), "/proc/self/fd/%d", host->file);
	host->library = dlopen(descriptor_path, RTLD_NOW | RTLD_LOCAL);
	return host->library ? NX_OK : fail_load(host, descriptor_path, error);
}

enum nx_status loader_file_open(struct nx_host *host, int directory, struct nx_error *error)
{
	NX_AUTO_FREE char *file_name = nx_printf("%s" SUFFIX, host->name);

	return open_as(host, directory, file_name, NULL, error);
}

enum nx_status loader_path_open(struct nx_host *host, struct nx_error *doubt, struct nx_error *error)
{
	return open_as(host, AT_FDCWD, host->path, doubt, error);
}
