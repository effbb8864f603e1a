/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last calls that a check made, in memory that the program shares with it: so that they can be told even
 * of a check that crashed or hangs.
 */
#ifndef NX_CHECK_JOURNAL_H
#define NX_CHECK_JOURNAL_H

#include <nexodus/address.h>
#include <nexodus/error.h>

#include "base/buffer.h"

#define JOURNAL_CALLS 8

struct journal_call {
	const char *function;	   /* a constant of this program */
	const char *on;		   /* which of several: "server B"; a constant; NULL */
	struct nx_prefix prefix;   /* an argument; address.length 0: none */
	struct nx_address address; /* an argument, or what was answered; length 0: none */
	bool done;
	enum nx_status status;
};

struct journal {
	uint64_t count;				  /* of all calls */
	struct journal_call calls[JOURNAL_CALLS]; /* the last ones: call n stands at n % JOURNAL_CALLS */
};

/* Shared with the processes that are forked from now on. */
struct journal *journal_new(void);
void journal_free(struct journal *journal);
/* A call begins: to be completed by the caller, `done` last. */
struct journal_call *journal_begin(struct journal *journal, const char *function, const char *on);
/* "after 4711 calls, the last: …", one per line. */
void journal_tell(const struct journal *journal, struct nx_buffer *out);

#endif
