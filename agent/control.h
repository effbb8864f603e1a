/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket: one line of JSON in, one line of JSON out, then the end.
 *
 *   {"command":"status"}   {"command":"peers"}   {"command":"version"}
 *
 * A failure is {"error":"…"}. The socket is 0660, and who asks is looked at as
 * well (SO_PEERCRED): root, the agent's own user, or a member of the socket's group.
 */
#ifndef NX_AGENT_CONTROL_H
#define NX_AGENT_CONTROL_H

#include <uv.h>

#include "base/buffer.h"
#include "base/error.h"

struct nx_control;

/* What the socket answers from. */
struct nx_control_source {
	void (*status)(void *context, struct nx_buffer *out);
	void (*peers)(void *context, struct nx_buffer *out);
	void *context;
};

/* NX_CONFLICT: another agent answers at this path. A socket that nobody answers is replaced. */
enum nx_status nx_control_start(uv_loop_t *loop, const char *path, const struct nx_control_source *source,
				struct nx_control **out, struct nx_error *error);
void nx_control_stop(struct nx_control *control); /* removes the socket; NULL is fine */

/* The answer to one request line (its newline left out). Pure but for the source's answers. */
void nx_control_answer(const struct nx_control_source *source, const char *line, size_t length,
		       struct nx_buffer *out);

#endif
