/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket: one line of JSON in, one line of JSON out, then the end.
 *
 *   {"command":"status"}   {"command":"peers"}   {"command":"version"}
 *   {"command":"peers","measure":true}           after a second or more: with latency and loss
 *   {"command":"drain"}    {"command":"drain","force":true}    {"command":"drain","undo":true}
 *
 * A failure is {"error":"…"}. The socket is 0660, and who asks is looked at as
 * well (SO_PEERCRED): root, the agent's own user, or a member of the socket's group.
 */
#ifndef NX_AGENT_CONTROL_CONTROL_H
#define NX_AGENT_CONTROL_CONTROL_H

#include <stdbool.h>
#include <uv.h>

#include "base/buffer.h"
#include "base/error.h"

struct nx_control;

/* A relay is to be left by its spokes. */
struct nx_control_drain {
	bool undo;  /* or no longer */
	bool force; /* even if they have nowhere to go */
};

/* What the socket answers from. */
struct nx_control_source {
	void (*status)(void *context, struct nx_buffer *out);
	void (*peers)(void *context, struct nx_buffer *out);
	/*
	 * Begin to measure how long packets to the peers take; nx_control_measured() is called when that
	 * has ended. False: there is nothing to measure, and `peers` can answer at once.
	 */
	bool (*measure)(void *context);
	void (*drain)(void *context, const struct nx_control_drain *wish, struct nx_buffer *out);
	void *context;
};

/* NX_CONFLICT: another agent answers at this path. A socket that nobody answers is replaced. */
enum nx_status nx_control_start(uv_loop_t *loop, const char *path, const struct nx_control_source *source,
				struct nx_control **out, struct nx_error *error);
void nx_control_stop(struct nx_control *control); /* removes the socket; NULL is fine */

/* Answer all who wait for a measurement, which has ended; NULL is fine. */
void nx_control_measured(struct nx_control *control);

/*
 * The answer to one request line (its newline left out). Pure but for the source's answers. False, and
 * nothing in `out`: the answer is what `peers` says once the measurement that has begun is over.
 */
bool nx_control_answer(const struct nx_control_source *source, const char *line, size_t length,
		       struct nx_buffer *out);
/* {"error":"…"} */
void nx_control_error(struct nx_buffer *out, const char *message);

#endif
