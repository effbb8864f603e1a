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

/* What the plugin says of this host; endpoint and requested address may be "". */
bool describe_agrees(bool supported, const char *endpoint, const char *requested, const char *json);

#endif
