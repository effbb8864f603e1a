/* SPDX-License-Identifier: Apache-2.0 */
/*
 * This host's private key: the file `private.key` in the state directory, in
 * base64 with a newline, as `wg genkey` writes it.
 */
#ifndef NX_WIREGUARD_PRIVATE_KEY_H
#define NX_WIREGUARD_PRIVATE_KEY_H

#include "instance.h"

#define WG_PRIVATE_KEY_FILE "private.key"

/*
 * Load the key, or make it when there is none. The file appears whole or not at
 * all, with mode 0600 whatever the umask; one that others could read, that is not
 * ours or that does not hold a key is refused (NX_INVALID), never replaced.
 * The caller wipes `out`; on failure it is untouched.
 */
enum nx_status wg_private_key_obtain(const struct wg_driver *driver, const char *state_directory,
				     struct wg_key *out, struct nx_error *error);

#endif
