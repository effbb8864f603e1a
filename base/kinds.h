/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of capabilities that this host knows, for each role. */
#ifndef NX_BASE_KINDS_H
#define NX_BASE_KINDS_H

#include <nexodus/plugin.h>

/* A pointer that a kind's table must have: functions, and the label for messages. */
struct nx_kind_member {
	const char *name;
	size_t offset;
};

struct nx_kind {
	enum nx_role role;
	const char *name;
	size_t size; /* of the host's table */
	const struct nx_kind_member *members;
	size_t member_count;
};

/* NULL when there is no such kind in that role. */
const struct nx_kind *nx_kind_find(enum nx_role role, const char *name);

/* The name of the first pointer that `ops` lacks, because it is too short for it or has
 * NULL there; NULL when it has all. */
const char *nx_kind_missing(const struct nx_kind *kind, const void *ops);

#endif
