/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a journal: what is written reads back, and nothing else reads as a line. */
#include <string.h>

#include "agent/state/journal_lines.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	struct nx_buffer line = {0};
	const char *text;
	size_t text_length = 0;

	text = nx_journal_text((const char *)data, length, &text_length);
	FUZZ_ASSERT(!text || (text == (const char *)data + NX_JOURNAL_MARK && text_length < length));
	nx_journal_line(&line, (const char *)data, length);
	text = nx_journal_text(line.data, line.length - 1, &text_length);
	FUZZ_ASSERT(text && text_length == length && memcmp(text, data, length) == 0);
	nx_buffer_free(&line);
	return 0;
}
