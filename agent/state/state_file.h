/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the state directory, judged before they are believed. Not for others. */
#ifndef NX_AGENT_STATE_STATE_FILE_H
#define NX_AGENT_STATE_STATE_FILE_H

#include "agent/state/state.h"

/*
 * Read a file of at most `limit` bytes; *out is the caller's to free(). NX_NOT_FOUND: there is
 * none. NX_INVALID: it is no regular file, too long, another user's, or open to others.
 */
enum nx_status nx_state_file_read(const struct nx_state *state, const char *name, size_t limit, char **out,
				  size_t *length, struct nx_error *error);

/* Give a damaged file another name, next to it, which is answered in `name` of `room` bytes: nothing
 * that was there before is lost. */
enum nx_status nx_state_file_set_aside(const struct nx_state *state, const char *name, char *aside,
				       size_t room, struct nx_error *error);

#endif
