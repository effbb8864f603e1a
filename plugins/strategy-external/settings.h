/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is configured, as one value that never changes: a call keeps the one it began with while a
 * reload puts another in its place. Any thread, but for read: control thread.
 */
#ifndef STRATEGY_EXTERNAL_SETTINGS_H
#define STRATEGY_EXTERNAL_SETTINGS_H

#include <stdatomic.h>

#include <nexodus/plugin.h>

struct settings {
	atomic_uint holders;
	char *url;	     /* "": none is configured */
	char *ca_file;	     /* "": the system's */
	char *authorization; /* header line; "": none */
	uint32_t timeout;    /* milliseconds, of one attempt */
	unsigned retries;
};

/* Read and judge. NX_INVALID says which key is wrong, and what would be right. */
enum nx_status settings_read(struct nx_host *host, const struct nx_services *services, struct settings **out,
			     struct nx_error *error);
struct settings *settings_hold(struct settings *settings);
void settings_drop(struct settings *settings); /* NULL is fine */

#endif
