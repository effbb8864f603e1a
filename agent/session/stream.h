/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event stream: JSON documents, one per line, in pieces of any size. The same
 * lines make up the journal (journal.h). Pure but for the calls it makes.
 */
#ifndef NX_AGENT_SESSION_STREAM_H
#define NX_AGENT_SESSION_STREAM_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"

#define NX_LINE_LIMIT (1u << 20)

enum nx_event_type {
	NX_EVENT_OTHER = 0, /* a type of later servers: to be passed over */
	NX_EVENT_CHANGE,
	NX_EVENT_DELETE,
	NX_EVENT_TAIL,
};

/* One line. Everything is valid for the call only. */
struct nx_event {
	enum nx_event_type type;
	const struct nx_json *document;
	const struct nx_json *value; /* CHANGE, DELETE: an object; otherwise NULL */
	const char *line;	     /* as it came, without its newline */
	size_t length;
};

/* Read one line. NX_INVALID when it is not JSON, no object, or a change without a value. */
enum nx_status nx_event_read(const char *line, size_t length, struct nx_json **document, struct nx_event *out,
			     struct nx_error *error);

struct nx_stream {
	/* Answers false to end the stream: nothing more is delivered. */
	bool (*event)(void *context, const struct nx_event *event);
	void *context;
	struct nx_buffer partial; /* the line that is not complete yet */
};

/*
 * Take what has arrived. NX_INVALID: a line is too long or cannot be read, and the
 * stream must be given up; NX_DENIED: `event` has ended it.
 */
enum nx_status nx_stream_feed(struct nx_stream *stream, const char *data, size_t length,
			      struct nx_error *error);
void nx_stream_reset(struct nx_stream *stream); /* for another connection */
void nx_stream_release(struct nx_stream *stream);

#endif
