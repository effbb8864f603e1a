/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of a family's agent half that need no kernel: device records, read and written. */
#ifndef RECORD_MODEL_H
#define RECORD_MODEL_H

#include <stdbool.h>

/* A device record, and what the family makes of it. */
struct record_case {
	const char *what;
	const char *json;
	const char *refused; /* a part of the message of NX_INVALID; NULL: it is read */
	const char *address; /* "": the family is absent */
	const char *organization;
	const char *endpoint; /* "": none */
};

/* Read it through the plugin's descriptor; false, with words on standard error, where the outcome is another.
 */
bool record_agrees(const struct record_case *record);

/* The endpoint that the outside sees ("": none), and whether the device's own is a public one. */
bool outside_agrees(const char *json, const char *mapped, bool public);

/* What the plugin says of a host that is seen so ("": nothing is known, "-": there is none to use). */
bool describe_mapped_agrees(const char *mapped, const char *json);

/* What the plugin says of this host; endpoint and requested address may be "". */
bool describe_agrees(bool supported, const char *endpoint, const char *requested, const char *json);

#endif
