/* SPDX-License-Identifier: Apache-2.0 */
/* POST /api/organizations */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/address.h"
#include "base/memory.h"
#include "server/ipam/strategy.h"
#include "server/resources/access.h"
#include "server/resources/handlers.h"
#include "server/resources/organization.h"
#include "server/resources/reply.h"

/* --- reading ----------------------------------------------------------------------------- */

/* Two families may share a form of address; what they give must not meet. */
static enum nx_status overlap_check(const struct nx_fields *fields, const struct nx_prefix *prefixes,
				    size_t index, struct nx_error *error)
{
	const struct nx_columns *columns = &fields->organizations;

	for (size_t i = 0; i < index; i++) {
		if (nx_prefix_overlaps(&prefixes[i], &prefixes[index]))
			return nx_fail(error, NX_INVALID,
				       columns->column[fields->family[index].organization_prefix].name,
				       "it overlaps %s of the same organization",
				       columns->column[fields->family[i].organization_prefix].name);
	}
	return NX_OK;
}

enum nx_status nx_organization_read(const struct nx_server *server, const struct nx_json *body,
				    struct nx_new_organization *out, struct nx_error *error)
{
	const struct nx_fields *fields = server->fields;
	struct nx_prefix prefixes[NX_FAMILY_LIMIT];
	enum nx_status status;

	nx_record_blank(&fields->organizations, out->record);
	status = nx_fields_read(fields, &fields->organizations, body, NX_FIELD_ON_CREATE, out->record, error);
	if (status == NX_OK)
		status = nx_organization_strategies_check(server, out->record, error);
	for (size_t i = 0; status == NX_OK && i < fields->family_count; i++) {
		const struct nx_family *family = &fields->family[i];

		status = nx_prefix_read(fields, family, body, &prefixes[i], error);
		if (status == NX_OK)
			status = overlap_check(fields, prefixes, i, error);
		if (status == NX_OK)
			out->record[family->organization_prefix] =
				NX_TEXT(nx_prefix_format(&prefixes[i], out->prefix[i]));
	}
	return status;
}

/* --- making ------------------------------------------------------------------------------ */

enum nx_status nx_organization_insert(const struct nx_fields *fields, struct nx_tx *tx,
				      struct nx_new_organization *organization, struct nx_error *error)
{
	struct nx_value *record = organization->record;
	enum nx_status status;

	nx_uuid_make(organization->id);
	record[NX_ORGANIZATION_ID] = NX_TEXT(organization->id);
	record[NX_ORGANIZATION_CHANGED] = NX_INT(1);
	record[NX_ORGANIZATION_REVISION] = NX_INT(1);
	record[NX_ORGANIZATION_CREATED] = NX_INT(time(NULL));
	status = nx_sql(tx, error, fields->organizations.insert, record, fields->organizations.count);
	if (status == NX_OK)
		status = nx_sql(tx, error,
				"INSERT INTO memberships (organization_id, user_id) VALUES ($1, $2)",
				NX_PARAMS(record[NX_ORGANIZATION_ID], record[NX_ORGANIZATION_OWNER]));
	return status;
}

enum nx_status nx_organization_name_check(const struct nx_fields *fields, struct nx_tx *tx, const char *name,
					  const struct nx_principal *who, struct nx_error *error)
{
	const struct nx_columns *columns = &fields->organizations;
	NX_AUTO_FREE char *sql = nx_printf("SELECT %s FROM organizations WHERE name = $1", columns->list);
	NX_AUTO_FREE struct nx_value *found = NULL;
	bool member;
	enum nx_status status = nx_record_find(columns, tx, sql, name, "organization", &found, error);

	if (status != NX_OK)
		return status == NX_NOT_FOUND ? NX_OK : status;
	status = nx_member_check(tx, found[NX_ORGANIZATION_ID].text, who->id, &member, error);
	return status == NX_OK ? nx_exists(error, member ? found[NX_ORGANIZATION_ID].text : NULL) : status;
}

struct creation {
	struct nx_write write;
	struct nx_new_organization organization;
};

static enum nx_status creation_run(struct nx_write *write, struct nx_tx *tx, struct nx_error *error)
{
	struct creation *creation = (struct creation *)write;
	enum nx_status status = nx_organization_name_check(
		write->server->fields, tx, creation->organization.record[NX_ORGANIZATION_NAME].text,
		write->who, error);

	if (status == NX_OK)
		status = nx_organization_insert(write->server->fields, tx, &creation->organization, error);
	if (status == NX_OK)
		nx_organization_write(write->server->fields, creation->organization.record, &write->body);
	return status;
}

static enum nx_status body_read(struct creation *creation, const struct nx_json *body, struct nx_error *error)
{
	struct nx_value *record = creation->organization.record;
	const char *name = "", *description = "";
	enum nx_status status = nx_text_read(body, "name", NX_NAME_LIMIT, &name, error);

	if (status == NX_OK && !name[0])
		return nx_missing(error, "name");
	if (status == NX_OK)
		status = nx_text_read(body, "description", NX_DESCRIPTION_LIMIT, &description, error);
	if (status == NX_OK)
		status = nx_organization_read(creation->write.server, body, &creation->organization, error);
	record[NX_ORGANIZATION_NAME] = NX_TEXT(name);
	record[NX_ORGANIZATION_DESCRIPTION] = NX_TEXT(description);
	record[NX_ORGANIZATION_OWNER] = NX_TEXT(creation->write.who->id);
	return status;
}

void nx_organization_create(struct nx_request *request)
{
	const struct nx_json *body = nx_request_json(request);
	struct creation *creation;
	struct nx_error error = {0};

	if (!body)
		return;
	creation = nx_write_new(request, sizeof(*creation), 201, creation_run);
	if (body_read(creation, body, &error) == NX_OK)
		nx_write_submit(&creation->write);
	else
		nx_refuse(request, &error);
}
