/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plugin finds out about the host for a person who asks what is wrong
 * (`nexctl nexd doctor`): the optional operation `diagnose` at the end of the
 * tables of families, relay policies and drivers.
 *
 * It is called on the program's one thread, in a process that has loaded the
 * plugins and started none of them; nexd may run beside it, or not. It looks and
 * changes nothing, needs no privileges (what cannot be seen without them is
 * NX_VERDICT_UNKNOWN), and ends within seconds.
 */
#ifndef NEXODUS_DIAGNOSIS_H
#define NEXODUS_DIAGNOSIS_H

#include <nexodus/address.h>

enum nx_verdict {
	NX_VERDICT_OK = 1,
	NX_VERDICT_WARNING = 2, /* it works, but less well than it could */
	NX_VERDICT_PROBLEM = 3, /* something does not work */
	NX_VERDICT_UNKNOWN = 4, /* it could not be checked: `what` says why */
};

/* The outcome of one check. Sentences, for a person; one line each, UTF-8. */
struct nx_finding {
	size_t size;
	const char *check; /* its id, which scripts may rely on: [a-z0-9-]+ */
	enum nx_verdict verdict;
	const char *what;
	const char *remedy; /* what to do; "" when there is nothing to be done */
};

struct nx_diagnosis {
	size_t size;
	const char *interface;			/* "wg0"; it need not exist */
	uint16_t listen_port;			/* as configured; 0: any */
	uint32_t mtu;				/* as configured; 0: the driver's default */
	const struct nx_prefix *child_prefixes; /* that this host is configured to advertise */
	size_t child_prefix_count;
	/* Takes one finding; copies what it keeps. */
	void (*report)(void *context, const struct nx_finding *finding);
	void *context;
};

#endif
