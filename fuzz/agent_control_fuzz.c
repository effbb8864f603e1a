/* SPDX-License-Identifier: Apache-2.0 */
/* What is written to the control socket: each line gets one line of JSON. */
#include <string.h>

#include "agent/control/control.h"
#include "base/json.h"
#include "fuzz/fuzz.h"

static void status_tell(void *context, struct nx_buffer *out)
{
	(void)context;
	nx_buffer_text(out, "{}");
}

static bool measure(void *context)
{
	*(bool *)context = true;
	return true;
}

static void drain_tell(void *context, const struct nx_control_drain *wish, struct nx_buffer *out)
{
	(void)context;
	nx_buffer_text(out, wish->undo || wish->force ? "{}" : "[]");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	bool measured = false;
	const struct nx_control_source source = {.status = status_tell,
						 .peers = status_tell,
						 .measure = measure,
						 .drain = drain_tell,
						 .context = &measured};
	struct nx_buffer answer = {0};
	struct nx_json *document = NULL;

	if (!nx_control_answer(&source, (const char *)data, length, &answer)) {
		FUZZ_ASSERT(measured && !answer.length);
		return 0;
	}
	FUZZ_ASSERT(answer.length && answer.data[answer.length - 1] == '\n');
	FUZZ_ASSERT(!memchr(answer.data, '\n', answer.length - 1));
	FUZZ_ASSERT(nx_json_parse(answer.data, answer.length, &document, NULL) == NX_OK);
	nx_json_free(document);
	nx_buffer_free(&answer);
	return 0;
}
