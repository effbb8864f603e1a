/* SPDX-License-Identifier: Apache-2.0 */
/* This host's key in the agent's state directory: "vxlan.key", 0600. */
#ifndef VX_KEY_FILE_H
#define VX_KEY_FILE_H

#include "instance.h"

/*
 * Read it, or draw one when there is none. A file that others can read, that is another user's, or that holds
 * no key, is refused and left alone: with another key this host would be another device.
 */
enum nx_status vx_key_obtain(const struct vx_driver *driver, const char *directory, struct vx_key *out,
			     struct nx_error *error);

#endif
