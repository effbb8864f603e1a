/* SPDX-License-Identifier: Apache-2.0 */
/* Work in a process of its own, with a time limit, which tells its results as lines of JSON. */
#ifndef NX_CHECK_CHILD_H
#define NX_CHECK_CHILD_H

#include "base/buffer.h"
#include "base/json.h"

struct child_work {
	/* Runs in the child; `context` as it was when it was forked. */
	void (*run)(void *context, int out);
	void *context;
	unsigned int seconds;
};

/*
 * Run it to its end. Each document that child_tell() was given is passed to `heard`, in order. `trouble` says
 * how the child ended, if not as it should: "was killed by signal 11 (Segmentation fault)"; it is left empty
 * otherwise.
 */
void child_run(const struct child_work *work, void (*heard)(void *context, const struct nx_json *document),
	       void *context, struct nx_buffer *trouble);

/* In the child: tell one document, which is freed. */
void child_tell(int out, struct nx_json *document);

#endif
