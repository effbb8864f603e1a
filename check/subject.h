/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin that is judged, in a process that has loaded it. */
#ifndef NX_CHECK_SUBJECT_H
#define NX_CHECK_SUBJECT_H

#include "check/check.h"

struct subject {
	struct nx_config *config;
	struct nx_plugins *plugins;
	struct nx_error doubt; /* who may write the file; NX_OK: only those who should */
};

/* Open the file and read what it says it is. subject_close() is due in any case. */
enum nx_status subject_open(struct subject *subject, const char *path, struct nx_error *error);
/* Declare and judge its configuration. `netns`: an agent's plugin gets what nexd offers (netns.h). */
enum nx_status subject_configure(struct subject *subject, const struct check_options *options,
				 const char *state_directory, bool netns, struct nx_error *error);
void subject_close(struct subject *subject);

#endif
