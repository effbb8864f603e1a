/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks: a user, a device with its own token, a registration key, or nobody. */
#ifndef NX_SERVER_PRINCIPAL_H
#define NX_SERVER_PRINCIPAL_H

#include <stdbool.h>
#include <stdint.h>

enum nx_principal_kind {
	NX_PRINCIPAL_NONE = 0,
	NX_PRINCIPAL_USER = 1u << 0,
	NX_PRINCIPAL_DEVICE = 1u << 1,
	NX_PRINCIPAL_KEY = 1u << 2, /* a registration key: may register devices, nothing else */
};

struct nx_principal {
	enum nx_principal_kind kind;
	char id[80];		  /* the user's, the device's, or the key's id */
	char user_id[80];	  /* the user, or the owner of device or key */
	char organization_id[40]; /* device and key: theirs; user: "" */
	bool administrator;	  /* user: may manage users */
	char token_hash[65];
};

#endif
