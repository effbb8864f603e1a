/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is read can be written and reads back the same; whatever text there is can be quoted. */
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "fuzz/fuzz.h"

/* Use each accessor on each value, so that none relies on a type it did not check. */
static void visit(const struct nx_json *value)
{
	int64_t number;
	bool truth;

	nx_json_type(value);
	nx_json_string(value);
	nx_json_boolean(value, &truth);
	nx_json_integer(value, &number);
	nx_json_member_string(value, "a", "");
	nx_json_element(value, 1);
	FUZZ_ASSERT(nx_json_length(value) == 0 || nx_json_first(value));
	for (const struct nx_json *child = nx_json_first(value); child; child = nx_json_next(child))
		visit(child);
}

static struct nx_json *parse(const struct nx_buffer *text)
{
	struct nx_json *document = NULL;

	FUZZ_ASSERT(nx_json_parse(text->data, text->length, &document, NULL) == NX_OK);
	return document;
}

static void check_document(const struct nx_json *document)
{
	NX_CLEANUP(nx_buffer_free) struct nx_buffer compact = {0};
	NX_CLEANUP(nx_buffer_free) struct nx_buffer again = {0};
	NX_CLEANUP(nx_buffer_free) struct nx_buffer pretty = {0};
	NX_AUTO_JSON struct nx_json *read_back = NULL;
	NX_AUTO_JSON struct nx_json *read_pretty = NULL;

	visit(document);
	nx_json_print(document, &compact);
	read_back = parse(&compact);
	nx_json_print(read_back, &again);
	FUZZ_ASSERT(strcmp(compact.data, again.data) == 0);
	nx_json_print_pretty(document, &pretty);
	read_pretty = parse(&pretty);
	nx_buffer_clear(&again);
	nx_json_print(read_pretty, &again);
	FUZZ_ASSERT(strcmp(compact.data, again.data) == 0);
}

static void check_quoting(const uint8_t *data, size_t length)
{
	NX_AUTO_FREE char *text = nx_printf("%.*s", (int)length, length ? (const char *)data : "");
	NX_CLEANUP(nx_buffer_free) struct nx_buffer quoted = {0};
	NX_AUTO_JSON struct nx_json *value = NULL;

	nx_json_write_string(&quoted, text);
	value = parse(&quoted);
	FUZZ_ASSERT(nx_json_string(value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	NX_AUTO_JSON struct nx_json *document = NULL;
	struct nx_error error = {0};

	check_quoting(data, length);
	if (nx_json_parse((const char *)data, length, &document, &error) == NX_OK)
		check_document(document);
	else
		FUZZ_ASSERT(!document && error.status == NX_INVALID && error.message[0]);
	return 0;
}
