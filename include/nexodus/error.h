/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a failure is told. Functions return an `enum nx_status`; those that take
 * a `struct nx_error *` fill it on failure only, and accept NULL. A function
 * either logs a failure or returns it, never both: plugins return.
 */
#ifndef NEXODUS_ERROR_H
#define NEXODUS_ERROR_H

#include <stddef.h>

/* The numbers are part of the ABI: append, never renumber. */
enum nx_status {
	NX_OK = 0,
	NX_INVALID = 1,	    /* the input is wrong: 400 */
	NX_NOT_FOUND = 2,   /* no such thing, or not yours to see: 404 */
	NX_DENIED = 3,	    /* seen, but not allowed: 403 */
	NX_CONFLICT = 4,    /* taken, or already there: 409 */
	NX_EXHAUSTED = 5,   /* the pool has no address left: 409 */
	NX_UNAVAILABLE = 6, /* try again later: 503 */
	NX_UNSUPPORTED = 7, /* this host, kernel or program cannot do it */
	NX_INTERNAL = 8,    /* our own fault, or out of memory: 500 */
};

struct nx_error {
	enum nx_status status;
	char field[64];	   /* the field of the request that is wrong; "" when none */
	char id[64];	   /* NX_CONFLICT: the id of what is already there; "" when none */
	char message[320]; /* for a person: what happened, to what, what to do */
};

#endif
