/* SPDX-License-Identifier: Apache-2.0 */
/* A registration whose public key a device has already: the same device once more, or another's. */
#ifndef NX_SERVER_RESOURCES_DEVICE_CLAIM_H
#define NX_SERVER_RESOURCES_DEVICE_CLAIM_H

#include "server/auth/principal.h"
#include "server/resources/fields.h"

struct nx_device_claim {
	const struct nx_principal *who;
	const char *public_key;
	const char *organization_id; /* where it wants to be; NULL: anywhere */
	const char *token_hash;	     /* of the token that the device made; NULL: it made none */
};

/*
 * NX_OK: the device is the asker's, in the same organization, with the same token; its JSON is
 * appended to `out`. NX_CONFLICT: somebody has the key, with the id if the asker may see who.
 * NX_NOT_FOUND: nobody has it. In a transaction.
 */
enum nx_status nx_device_claim(const struct nx_fields *fields, struct nx_tx *tx,
			       const struct nx_device_claim *claim, struct nx_buffer *out,
			       struct nx_error *error);

#endif
