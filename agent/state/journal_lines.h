/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a journal: text behind its checksum. Internal to journal.c; fuzzed and tested. */
#ifndef NX_AGENT_STATE_JOURNAL_LINES_H
#define NX_AGENT_STATE_JOURNAL_LINES_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"

/* 16 hex digits of BLAKE2b and a space, then the text. */
#define NX_JOURNAL_MARK 17u

void nx_journal_line(struct nx_buffer *into, const char *text, size_t length);
/* The text of a line (without newline) whose checksum is right; NULL otherwise. */
const char *nx_journal_text(const char *line, size_t length, size_t *text_length);
/*
 * Read lines from the descriptor, from its start, until `each` answers false, a line
 * is bad, or the file ends. Answers how many bytes were good.
 */
size_t nx_journal_scan(int descriptor, bool (*each)(void *context, const char *text, size_t length),
		       void *context);

#endif
