/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host for plugins under test: the services of <nexodus/plugin.h> written once more, from the C library's
 * own address functions and cJSON, so that a plugin is tested against the contract and not against one host's
 * habits.
 */
#ifndef FAKE_HOST_H
#define FAKE_HOST_H

#include <nexodus/plugin.h>

struct fake_setting {
	const char *name;
	const char *value;
};

struct nx_host {
	const struct fake_setting *settings; /* the plugin's configuration, ended by a NULL name */
	const char *interface;		     /* agents: */
	const char *state_directory;
	size_t netlink_calls;
	size_t programs_run;
};

extern const struct nx_services fake_services;

/* Parse JSON (NULL: it is none) and free it; begin an object, and look at it as one being read. */
const struct nx_json *fake_json(const char *text);
void fake_json_free(const struct nx_json *value);
struct nx_json_writer *fake_writer(void);
const struct nx_json *fake_written(const struct nx_json_writer *writer);

/* Parse what a test wrote; ends the program when it is wrong. */
struct nx_address fake_address(const char *text);
struct nx_prefix fake_prefix(const char *text);
struct nx_endpoint fake_endpoint(const char *text);

#endif
