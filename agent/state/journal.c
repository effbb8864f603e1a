/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/state/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/state/journal_lines.h"
#include "base/memory.h"

/* What waits while the disk takes nothing. */
#define WAITING_LIMIT (4u << 20)

/* One file of lines, written at its end. */
struct file {
	char *path;
	int descriptor; /* -1: none */
	size_t size;	/* bytes of whole lines */
};

struct nx_journal {
	struct file file;
	struct file next;	  /* started over, not committed */
	struct nx_buffer waiting; /* for `next` when there is one */
	bool failing;		  /* the last write failed, and this was told */
	bool overflowed;	  /* lines were dropped: nothing may be written behind the gap */
};

/* --- files ---------------------------------------------------------------------------- */

static enum nx_status file_fail(const struct file *file, const char *verb, struct nx_error *error)
{
	return nx_fail(error, NX_UNAVAILABLE, NULL, "cannot %s %s: %s", verb, file->path, strerror(errno));
}

static void file_close(struct file *file)
{
	if (file->descriptor >= 0)
		close(file->descriptor);
	file->descriptor = -1;
	file->size = 0;
}

static enum nx_status file_open(struct file *file, int flags, struct nx_error *error)
{
	file_close(file);
	struct stat facts;

	/* A FIFO in the file's place must not hold the program up. */
	file->descriptor =
		open(file->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0600);
	if (file->descriptor < 0 || fstat(file->descriptor, &facts) != 0)
		return file_fail(file, "open", error);
	if (!S_ISREG(facts.st_mode))
		return nx_fail(error, NX_UNAVAILABLE, NULL, "%s is no regular file: remove it", file->path);
	if (fchmod(file->descriptor, 0600) != 0)
		return file_fail(file, "open", error);
	return NX_OK;
}

/* All of it, or nothing of it stays. */
static enum nx_status file_add(struct file *file, const char *data, size_t length, struct nx_error *error)
{
	size_t done = 0;

	while (done < length) {
		ssize_t wrote =
			pwrite(file->descriptor, data + done, length - done, (off_t)(file->size + done));

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0) {
			enum nx_status status = file_fail(file, "write", error);

			(void)!ftruncate(file->descriptor, (off_t)file->size);
			return status;
		}
		done += (size_t)wrote;
	}
	file->size += length;
	return NX_OK;
}

/* --- owners ----------------------------------------------------------------------------- */

static void owner_line(const struct nx_journal_owner *owner, struct nx_buffer *into)
{
	NX_AUTO_JSON struct nx_json *head = nx_json_object();
	struct nx_buffer text = {0};

	nx_json_put_string(head, "type", "journal");
	nx_json_put_integer(head, "version", 1);
	nx_json_put_string(head, "device", owner->device_id);
	nx_json_put_string(head, "organization", owner->organization_id);
	nx_json_print(head, &text);
	nx_journal_line(into, text.data, text.length);
	nx_buffer_free(&text);
}

static bool owner_matches(const struct nx_journal_owner *owner, const struct nx_json *head)
{
	return strcmp(nx_json_member_string(head, "type", ""), "journal") == 0 &&
	       nx_json_member_integer(head, "version", 0) == 1 &&
	       strcmp(nx_json_member_string(head, "device", ""), owner->device_id) == 0 &&
	       strcmp(nx_json_member_string(head, "organization", ""), owner->organization_id) == 0;
}

/* --- reading ------------------------------------------------------------------------------ */

struct reading {
	const struct nx_journal_owner *owner; /* until its line has been seen */
	bool (*each)(void *context, const struct nx_event *event);
	void *context;
};

static bool line_read(void *context, const char *text, size_t length)
{
	struct reading *reading = context;
	NX_AUTO_JSON struct nx_json *document = NULL;
	struct nx_event event;

	if (nx_event_read(text, length, &document, &event, NULL) != NX_OK)
		return false;
	if (reading->owner) {
		bool ours = owner_matches(reading->owner, document);

		reading->owner = NULL;
		return ours;
	}
	return reading->each(reading->context, &event);
}

static enum nx_status owner_write(struct file *file, const struct nx_journal_owner *owner,
				  struct nx_error *error)
{
	struct nx_buffer line = {0};
	enum nx_status status;

	owner_line(owner, &line);
	status = file_add(file, line.data, line.length, error);
	nx_buffer_free(&line);
	return status;
}

static enum nx_status file_replay(struct nx_journal *journal, struct reading *reading, bool *damaged,
				  struct nx_error *error)
{
	const struct nx_journal_owner *owner = reading->owner;
	struct file *file = &journal->file;
	struct stat facts;

	if (fstat(file->descriptor, &facts) != 0)
		return file_fail(file, "read", error);
	file->size = nx_journal_scan(file->descriptor, line_read, reading);
	*damaged = file->size < (size_t)facts.st_size;
	if (*damaged && ftruncate(file->descriptor, (off_t)file->size) != 0)
		return file_fail(file, "cut", error);
	return file->size ? NX_OK : owner_write(file, owner, error);
}

enum nx_status nx_journal_open(const char *path, const struct nx_journal_owner *owner,
			       bool (*each)(void *context, const struct nx_event *event), void *context,
			       struct nx_journal **out, bool *damaged, struct nx_error *error)
{
	struct nx_journal *journal = nx_alloc(sizeof(*journal));
	struct reading reading = {.owner = owner, .each = each, .context = context};
	enum nx_status status;

	journal->file = (struct file){.path = nx_strdup(path), .descriptor = -1};
	journal->next = (struct file){.path = nx_printf("%s.next", path), .descriptor = -1};
	unlink(journal->next.path);
	status = file_open(&journal->file, 0, error);
	if (status == NX_OK)
		status = file_replay(journal, &reading, damaged, error);
	if (status == NX_OK)
		*out = journal;
	else
		nx_journal_close(journal);
	return status;
}

void nx_journal_close(struct nx_journal *journal)
{
	if (!journal)
		return;
	if (journal->next.descriptor >= 0)
		unlink(journal->next.path);
	else if (journal->file.descriptor >= 0)
		nx_journal_flush(journal, NULL);
	file_close(&journal->file);
	file_close(&journal->next);
	free(journal->file.path);
	free(journal->next.path);
	nx_buffer_free(&journal->waiting);
	free(journal);
}

/* --- writing -------------------------------------------------------------------------------- */

static struct file *file_current(struct nx_journal *journal)
{
	return journal->next.descriptor >= 0 ? &journal->next : &journal->file;
}

void nx_journal_append(struct nx_journal *journal, const char *line, size_t length)
{
	if (journal->overflowed)
		return;
	if (journal->waiting.length + length > WAITING_LIMIT) {
		journal->overflowed = true;
		nx_buffer_free(&journal->waiting);
		return;
	}
	nx_journal_line(&journal->waiting, line, length);
}

bool nx_journal_failing(const struct nx_journal *journal)
{
	return journal->failing || journal->overflowed;
}

bool nx_journal_stuck(const struct nx_journal *journal)
{
	return journal->overflowed;
}

enum nx_status nx_journal_flush(struct nx_journal *journal, struct nx_error *error)
{
	bool told = journal->failing;
	enum nx_status status;

	if (!journal->waiting.length)
		return NX_OK;
	status = file_add(file_current(journal), journal->waiting.data, journal->waiting.length, error);
	journal->failing = status != NX_OK;
	if (status == NX_OK)
		nx_buffer_clear(&journal->waiting);
	return told ? NX_OK : status;
}

enum nx_status nx_journal_rewrite(struct nx_journal *journal, const struct nx_journal_owner *owner,
				  struct nx_error *error)
{
	enum nx_status status = file_open(&journal->next, O_TRUNC, error);

	nx_buffer_clear(&journal->waiting);
	journal->overflowed = false;
	if (status == NX_OK)
		status = owner_write(&journal->next, owner, error);
	if (status != NX_OK)
		file_close(&journal->next);
	/* Without a new file the old one must not get lines of another beginning. */
	journal->overflowed = status != NX_OK;
	return status;
}

static void next_drop(struct nx_journal *journal)
{
	unlink(journal->next.path);
	file_close(&journal->next);
}

enum nx_status nx_journal_commit(struct nx_journal *journal, struct nx_error *error)
{
	enum nx_status status;

	if (journal->next.descriptor < 0)
		return NX_OK;
	journal->failing = false; /* this failure is worth telling, whatever was told before */
	status = journal->overflowed
			 ? nx_fail(error, NX_UNAVAILABLE, NULL, "cannot write %s", journal->next.path)
			 : nx_journal_flush(journal, error);
	if (status == NX_OK && fsync(journal->next.descriptor) != 0)
		status = file_fail(&journal->next, "write", error);
	if (status == NX_OK && rename(journal->next.path, journal->file.path) != 0)
		status = file_fail(&journal->next, "rename", error);
	if (status != NX_OK) {
		next_drop(journal);
		journal->overflowed = true;
		return status;
	}
	close(journal->file.descriptor);
	journal->file.descriptor = journal->next.descriptor;
	journal->file.size = journal->next.size;
	journal->next.descriptor = -1;
	return NX_OK;
}

size_t nx_journal_size(const struct nx_journal *journal)
{
	return journal->file.size;
}

/* --- compaction -------------------------------------------------------------------------------- */

struct sifting {
	struct nx_journal *journal;
	bool (*keep)(void *context, const struct nx_event *event);
	void *context;
	bool headed; /* the owner's line is behind us: it is always kept */
	enum nx_status status;
	struct nx_error *error;
};

static bool line_sift(void *context, const char *text, size_t length)
{
	struct sifting *sifting = context;
	NX_AUTO_JSON struct nx_json *document = NULL;
	struct nx_event event;
	struct nx_buffer line = {0};

	if (nx_event_read(text, length, &document, &event, NULL) != NX_OK)
		return false;
	if (sifting->headed && !sifting->keep(sifting->context, &event))
		return true;
	sifting->headed = true;
	nx_journal_line(&line, text, length);
	sifting->status = file_add(&sifting->journal->next, line.data, line.length, sifting->error);
	nx_buffer_free(&line);
	return sifting->status == NX_OK;
}

enum nx_status nx_journal_compact(struct nx_journal *journal,
				  bool (*keep)(void *context, const struct nx_event *event), void *context,
				  const char *last, struct nx_error *error)
{
	struct sifting sifting = {.journal = journal, .keep = keep, .context = context, .error = error};
	enum nx_status status = nx_journal_flush(journal, error);

	if (status != NX_OK || journal->failing || journal->overflowed)
		return status;
	status = file_open(&journal->next, O_TRUNC, error);
	if (status != NX_OK)
		return status;
	nx_journal_scan(journal->file.descriptor, line_sift, &sifting);
	status = sifting.status;
	if (status == NX_OK && last)
		nx_journal_append(journal, last, strlen(last));
	if (status == NX_OK)
		return nx_journal_commit(journal, error);
	next_drop(journal);
	return status;
}
