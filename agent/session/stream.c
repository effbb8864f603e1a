/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/session/stream.h"

#include <string.h>

#include "base/memory.h"

static const struct {
	const char *name;
	enum nx_event_type type;
} types[] = {
	{"change", NX_EVENT_CHANGE},
	{"delete", NX_EVENT_DELETE},
	{"tail", NX_EVENT_TAIL},
};

static enum nx_event_type type_find(const char *name)
{
	for (size_t i = 0; i < NX_COUNT(types); i++) {
		if (strcmp(types[i].name, name) == 0)
			return types[i].type;
	}
	return NX_EVENT_OTHER;
}

enum nx_status nx_event_read(const char *line, size_t length, struct nx_json **document, struct nx_event *out,
			     struct nx_error *error)
{
	enum nx_status status = nx_json_parse(line, length, document, error);
	struct nx_event event = {.line = line, .length = length};

	if (status != NX_OK)
		return status;
	event.document = *document;
	if (nx_json_type(*document) != NX_JSON_OBJECT)
		return nx_fail(error, NX_INVALID, NULL, "a line of the stream is no object");
	event.type = type_find(nx_json_member_string(*document, "type", ""));
	event.value = nx_json_member(*document, "value");
	if ((event.type == NX_EVENT_CHANGE || event.type == NX_EVENT_DELETE) &&
	    (!event.value || nx_json_type(event.value) != NX_JSON_OBJECT))
		return nx_fail(error, NX_INVALID, NULL, "a change of the stream has no value");
	*out = event;
	return NX_OK;
}

static enum nx_status line_take(const struct nx_stream *stream, const char *line, size_t length,
				struct nx_error *error)
{
	NX_AUTO_JSON struct nx_json *document = NULL;
	struct nx_event event;
	enum nx_status status;

	if (length && line[length - 1] == '\r')
		length--;
	if (!length) /* an empty line keeps a connection awake */
		return NX_OK;
	status = nx_event_read(line, length, &document, &event, error);
	if (status != NX_OK)
		return status;
	if (!stream->event(stream->context, &event))
		return nx_fail(error, NX_DENIED, NULL, "the stream was ended here");
	return NX_OK;
}

static enum nx_status partial_add(struct nx_stream *stream, const char *data, size_t length,
				  struct nx_error *error)
{
	if (stream->partial.length + length > NX_LINE_LIMIT)
		return nx_fail(error, NX_INVALID, NULL, "a line of the stream is longer than %u bytes",
			       NX_LINE_LIMIT);
	nx_buffer_append(&stream->partial, data, length);
	return NX_OK;
}

/* A line that ends here: the piece that was kept, if any, and this one. */
static enum nx_status line_end(struct nx_stream *stream, const char *data, size_t length,
			       struct nx_error *error)
{
	enum nx_status status;

	if (!stream->partial.length && length <= NX_LINE_LIMIT)
		return line_take(stream, data, length, error);
	status = partial_add(stream, data, length, error);
	if (status == NX_OK)
		status = line_take(stream, stream->partial.data, stream->partial.length, error);
	nx_buffer_clear(&stream->partial);
	return status;
}

enum nx_status nx_stream_feed(struct nx_stream *stream, const char *data, size_t length,
			      struct nx_error *error)
{
	enum nx_status status = NX_OK;

	while (length && status == NX_OK) {
		const char *newline = memchr(data, '\n', length);

		if (!newline)
			return partial_add(stream, data, length, error);
		status = line_end(stream, data, (size_t)(newline - data), error);
		length -= (size_t)(newline - data) + 1;
		data = newline + 1;
	}
	return status;
}

void nx_stream_reset(struct nx_stream *stream)
{
	nx_buffer_clear(&stream->partial);
}

void nx_stream_release(struct nx_stream *stream)
{
	nx_buffer_free(&stream->partial);
}
