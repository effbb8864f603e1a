/* SPDX-License-Identifier: Apache-2.0 */
#include "server/resources/device_claim.h"

#include <string.h>

#include "base/memory.h"
#include "server/resources/access.h"
#include "server/resources/reply.h"

static bool same_owner(const struct nx_device_claim *claim, const struct nx_value *device)
{
	const struct nx_principal *who = claim->who;
	const char *organization = device[NX_DEVICE_ORGANIZATION].text;

	if (strcmp(device[NX_DEVICE_USER].text, who->user_id) != 0)
		return false;
	if (who->kind == NX_PRINCIPAL_KEY)
		return strcmp(organization, who->organization_id) == 0;
	return !claim->organization_id || strcmp(organization, claim->organization_id) == 0;
}

static enum nx_status same_device(const struct nx_device_claim *claim, struct nx_tx *tx,
				  const struct nx_value *device, bool *same, struct nx_error *error)
{
	int64_t count = 0;
	enum nx_status status = NX_OK;

	if (claim->token_hash && same_owner(claim, device))
		status = nx_sql_integer(tx, error,
					"SELECT COUNT(*) FROM tokens WHERE hash = $1 AND device_id = $2",
					NX_PARAMS(NX_TEXT(claim->token_hash), device[NX_DEVICE_ID]), &count);
	*same = count > 0;
	return status;
}

/* The id is told to those who see the device anyway. */
static enum nx_status refuse(const struct nx_device_claim *claim, struct nx_tx *tx,
			     const struct nx_value *device, struct nx_error *error)
{
	const struct nx_principal *who = claim->who;
	const char *organization = device[NX_DEVICE_ORGANIZATION].text;
	bool visible = strcmp(device[NX_DEVICE_USER].text, who->user_id) == 0;
	enum nx_status status = NX_OK;

	if (who->kind == NX_PRINCIPAL_KEY)
		visible = strcmp(organization, who->organization_id) == 0;
	else if (!visible)
		status = nx_member_check(tx, organization, who->user_id, &visible, error);
	return status == NX_OK ? nx_exists(error, visible ? device[NX_DEVICE_ID].text : NULL) : status;
}

enum nx_status nx_device_claim(const struct nx_fields *fields, struct nx_tx *tx,
			       const struct nx_device_claim *claim, struct nx_buffer *out,
			       struct nx_error *error)
{
	NX_AUTO_FREE struct nx_value *device = NULL;
	bool same;
	enum nx_status status = nx_record_find(&fields->devices, tx, fields->by_key, claim->public_key,
					       "device", &device, error);

	if (status == NX_OK)
		status = same_device(claim, tx, device, &same, error);
	if (status != NX_OK)
		return status;
	if (!same)
		return refuse(claim, tx, device, error);
	nx_device_write(fields, device, out);
	return NX_OK;
}
