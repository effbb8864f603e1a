/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/state/journal_lines.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "agent/session/stream.h"
#include "base/memory.h"

#define READ_STEP 65536u

static void mark_make(const char *text, size_t length, char mark[static NX_JOURNAL_MARK])
{
	unsigned char whole[crypto_generichash_BYTES];

	crypto_generichash(whole, sizeof(whole), (const unsigned char *)text, length, NULL, 0);
	sodium_bin2hex(mark, NX_JOURNAL_MARK, whole, (NX_JOURNAL_MARK - 1) / 2);
}

void nx_journal_line(struct nx_buffer *into, const char *text, size_t length)
{
	char mark[NX_JOURNAL_MARK];

	mark_make(text, length, mark);
	nx_buffer_append(into, mark, NX_JOURNAL_MARK - 1);
	nx_buffer_append(into, " ", 1);
	nx_buffer_append(into, text, length);
	nx_buffer_append(into, "\n", 1);
}

const char *nx_journal_text(const char *line, size_t length, size_t *text_length)
{
	char mark[NX_JOURNAL_MARK];

	if (length < NX_JOURNAL_MARK || line[NX_JOURNAL_MARK - 1] != ' ')
		return NULL;
	mark_make(line + NX_JOURNAL_MARK, length - NX_JOURNAL_MARK, mark);
	if (memcmp(mark, line, NX_JOURNAL_MARK - 1) != 0)
		return NULL;
	*text_length = length - NX_JOURNAL_MARK;
	return line + NX_JOURNAL_MARK;
}

struct scan {
	bool (*each)(void *context, const char *text, size_t length);
	void *context;
	struct nx_buffer pending;
	size_t good;
};

static void scan_release(struct scan *scan)
{
	nx_buffer_free(&scan->pending);
}

/* All whole lines of what is pending. False: it ends here. */
static bool lines_take(struct scan *scan)
{
	size_t start = 0;

	for (;;) {
		const char *line = scan->pending.data + start;
		const char *newline = memchr(line, '\n', scan->pending.length - start);
		const char *text;
		size_t length;

		if (!newline)
			break;
		text = nx_journal_text(line, (size_t)(newline - line), &length);
		if (!text || !scan->each(scan->context, text, length))
			return false;
		start += (size_t)(newline - line) + 1;
		scan->good += (size_t)(newline - line) + 1;
	}
	nx_buffer_consume(&scan->pending, start);
	return scan->pending.length <= NX_LINE_LIMIT + NX_JOURNAL_MARK;
}

size_t nx_journal_scan(int descriptor, bool (*each)(void *context, const char *text, size_t length),
		       void *context)
{
	NX_CLEANUP(scan_release) struct scan scan = {.each = each, .context = context};
	NX_AUTO_FREE char *chunk = nx_alloc(READ_STEP);
	off_t offset = 0;

	for (;;) {
		ssize_t got = pread(descriptor, chunk, READ_STEP, offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return scan.good;
		offset += got;
		nx_buffer_append(&scan.pending, chunk, (size_t)got);
		if (!lines_take(&scan))
			return scan.good;
	}
}
