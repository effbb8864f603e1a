/* SPDX-License-Identifier: Apache-2.0 */
#include "server/resources/access.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "server/resources/reply.h"

struct taking {
	const struct nx_columns *columns;
	struct nx_value *record;
};

static bool record_take(void *context, const struct nx_row *row)
{
	struct taking *taking = context;

	taking->record = nx_record_copy(taking->columns, row);
	return false;
}

enum nx_status nx_record_find(const struct nx_columns *columns, struct nx_tx *tx, const char *sql,
			      const char *key, const char *resource, struct nx_value **record,
			      struct nx_error *error)
{
	struct taking taking = {.columns = columns};
	enum nx_status status = nx_sql_one(tx, error, sql, NX_PARAMS(NX_TEXT(key)), record_take, &taking);

	if (status == NX_NOT_FOUND)
		return nx_not_found(error, resource);
	if (status != NX_OK)
		return status;
	if (!taking.record) { /* never: there was a row */
		nx_fail(error, NX_INTERNAL, NULL, "a row of %s was lost", columns->table);
		return NX_INTERNAL;
	}
	*record = taking.record;
	return NX_OK;
}

enum nx_status nx_member_check(struct nx_tx *tx, const char *organization_id, const char *user_id,
			       bool *member, struct nx_error *error)
{
	int64_t count = 0;
	enum nx_status status = nx_sql_integer(
		tx, error, "SELECT COUNT(*) FROM memberships WHERE organization_id = $1 AND user_id = $2",
		NX_PARAMS(NX_TEXT(organization_id), NX_TEXT(user_id)), &count);

	*member = count > 0;
	return status;
}

/* May they see this organization, whether there is one or not? */
static enum nx_status organization_visible(struct nx_tx *tx, const struct nx_principal *who,
					   const char *organization_id, struct nx_error *error)
{
	enum nx_status status = NX_OK;
	bool visible = false;

	if (who->kind == NX_PRINCIPAL_USER)
		status = nx_member_check(tx, organization_id, who->id, &visible, error);
	else if (who->kind == NX_PRINCIPAL_DEVICE)
		visible = strcmp(who->organization_id, organization_id) == 0;
	if (status == NX_OK && !visible)
		return nx_not_found(error, "organization");
	return status;
}

enum nx_status nx_organization_find(const struct nx_fields *fields, struct nx_tx *tx,
				    const struct nx_principal *who, const char *organization_id,
				    struct nx_value **record, struct nx_error *error)
{
	const struct nx_columns *columns = &fields->organizations;
	enum nx_status status = organization_visible(tx, who, organization_id, error);

	if (status != NX_OK || !record)
		return status;
	return nx_record_find(columns, tx, columns->find, organization_id, "organization", record, error);
}

enum nx_status nx_organization_owned(const struct nx_fields *fields, struct nx_tx *tx,
				     const struct nx_principal *who, const char *organization_id,
				     struct nx_value **record, struct nx_error *error)
{
	NX_AUTO_FREE struct nx_value *found = NULL;
	enum nx_status status = nx_organization_find(fields, tx, who, organization_id, &found, error);

	if (status != NX_OK)
		return status;
	if (who->kind != NX_PRINCIPAL_USER || strcmp(found[NX_ORGANIZATION_OWNER].text, who->id) != 0)
		return nx_fail(error, NX_DENIED, NULL, "only the owner of the organization may do this");
	if (record)
		*record = NX_TAKE(found);
	return NX_OK;
}

enum nx_status nx_device_find(const struct nx_fields *fields, struct nx_tx *tx,
			      const struct nx_principal *who, const char *device_id, struct nx_value **record,
			      struct nx_error *error)
{
	const struct nx_columns *columns = &fields->devices;
	NX_AUTO_FREE struct nx_value *found = NULL;
	enum nx_status status =
		nx_record_find(columns, tx, columns->find, device_id, "device", &found, error);
	bool own = false;

	if (status != NX_OK)
		return status;
	if (who->kind == NX_PRINCIPAL_USER)
		own = strcmp(found[NX_DEVICE_USER].text, who->id) == 0;
	else if (who->kind == NX_PRINCIPAL_DEVICE)
		own = strcmp(found[NX_DEVICE_ID].text, who->id) == 0;
	if (!own)
		return nx_not_found(error, "device");
	*record = NX_TAKE(found);
	return NX_OK;
}
