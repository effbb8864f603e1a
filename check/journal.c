/* SPDX-License-Identifier: Apache-2.0 */
#include "check/journal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/address.h"
#include "base/error.h"

struct journal *journal_new(void)
{
	void *shared =
		mmap(NULL, sizeof(struct journal), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED)
		abort();
	return shared;
}

void journal_free(struct journal *journal)
{
	munmap(journal, sizeof(*journal));
}

struct journal_call *journal_begin(struct journal *journal, const char *function, const char *on)
{
	struct journal_call *call = &journal->calls[journal->count % JOURNAL_CALLS];

	*call = (struct journal_call){.function = function, .on = on};
	journal->count++;
	return call;
}

static void call_tell(const struct journal_call *call, struct nx_buffer *out)
{
	char text[NX_ADDRESS_TEXT];

	nx_buffer_printf(out, "\n    %s(", call->function);
	if (call->prefix.address.length)
		nx_buffer_text(out, nx_prefix_format(&call->prefix, text));
	if (call->address.length)
		nx_buffer_printf(out, "%s%s", call->prefix.address.length ? ", " : "",
				 nx_address_format(&call->address, text));
	nx_buffer_printf(out, ")%s%s: %s", call->on ? " on " : "", call->on ? call->on : "",
			 !call->done	? "has not returned"
			 : call->status ? nx_status_name(call->status)
					: "ok");
}

void journal_tell(const struct journal *journal, struct nx_buffer *out)
{
	uint64_t first = journal->count > JOURNAL_CALLS ? journal->count - JOURNAL_CALLS : 0;

	if (!journal->count)
		return;
	nx_buffer_printf(out,
			 "\n  after %llu calls, of which the last were:", (unsigned long long)journal->count);
	for (uint64_t i = first; i < journal->count; i++)
		call_tell(&journal->calls[i % JOURNAL_CALLS], out);
}
