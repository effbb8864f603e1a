/* SPDX-License-Identifier: Apache-2.0 */
/* A device's addresses, family by family. */
#include <string.h>

#include "base/address.h"
#include "server/ipam/lease.h"
#include "server/renumbering/renumbering.h"
#include "server/resources/device.h"

struct nx_lease_request nx_device_lease_request(const struct nx_value *record)
{
	return (struct nx_lease_request){
		.size = sizeof(struct nx_lease_request),
		.organization_id = record[NX_DEVICE_ORGANIZATION].text,
		.device_id = record[NX_DEVICE_ID].text,
		.public_key = record[NX_DEVICE_PUBLIC_KEY].text,
		.hostname = record[NX_DEVICE_HOSTNAME].text,
	};
}

static enum nx_status wanted_unsupported(struct nx_server *server, const struct nx_family *family,
					 struct nx_error *error)
{
	return nx_fail(error, NX_INVALID, server->fields->devices.column[family->device_address].name,
		       "an %s address is asked for by a host that says it cannot do %s", family->ops->label,
		       family->ops->label);
}

static enum nx_status family_choose(struct nx_server *server, struct nx_tx *tx,
				    const struct nx_lease_source *source, const struct nx_address *wanted,
				    struct nx_value *record, struct nx_device_texts *texts,
				    struct nx_error *error)
{
	const struct nx_family *family = source->family;
	size_t index = (size_t)(family - server->fields->family);
	struct nx_lease_request request = nx_device_lease_request(record);
	enum nx_status status;

	if (!nx_device_supports(family, record))
		return wanted ? wanted_unsupported(server, family, error) : NX_OK;
	if (record[family->device_address].text[0])
		return NX_OK;
	status = nx_lease_choose(server->leases, tx, source, &request, wanted, &texts->chosen[index], error);
	if (status != NX_OK)
		return status;
	nx_address_format(&texts->chosen[index], texts->address[index]);
	record[family->device_address] = NX_TEXT(texts->address[index]);
	return NX_OK;
}

/* False: none yet, the family has arrived while this organization was being made. */
static bool source_find(const struct nx_family *family, const struct nx_value *organization,
			struct nx_asking *asking, struct nx_prefix *prefix, struct nx_lease_source *out)
{
	*out = (struct nx_lease_source){
		.family = family,
		.prefix = prefix,
		.strategy = "",
		.changed = organization[NX_ORGANIZATION_CHANGED].integer,
		.quarantined = organization[NX_ORGANIZATION_QUARANTINED].integer,
		.shared = nx_organization_second(family, organization)[0] != '\0',
		.asking = asking,
	};
	if (family->organization_strategy != NX_NO_COLUMN)
		out->strategy = organization[family->organization_strategy].text;
	return nx_prefix_parse(organization[family->organization_prefix].text, prefix);
}

enum nx_status nx_device_addresses_foresee(struct nx_server *server, const struct nx_value *organization,
					   const struct nx_address *wanted, const struct nx_value *record,
					   struct nx_asking *asking, struct nx_error *error)
{
	const struct nx_fields *fields = server->fields;
	struct nx_lease_request request = nx_device_lease_request(record);
	enum nx_status status = NX_OK;

	request.organization_id = organization[NX_ORGANIZATION_ID].text;
	for (size_t i = 0; status == NX_OK && i < fields->family_count; i++) {
		const struct nx_family *family = &fields->family[i];
		struct nx_prefix prefix;
		struct nx_lease_source source;

		if (!source_find(family, organization, asking, &prefix, &source) ||
		    !nx_device_supports(family, record) || record[family->device_address].text[0] ||
		    (wanted && wanted[i].length))
			continue;
		status = nx_lease_foresee_choice(server->leases, &source, &request, error);
	}
	return status;
}

/* --- while the organization is renumbered ------------------------------------------------- */

static enum nx_status second_take(struct nx_server *server, struct nx_tx *tx,
				  const struct nx_renumbering_source *source, struct nx_value *record,
				  struct nx_device_texts *texts, struct nx_error *error)
{
	const struct nx_family *family = source->row->family;
	size_t index = (size_t)(family - server->fields->family);
	struct nx_lease_request request = nx_device_lease_request(record);
	struct nx_address first, second;
	enum nx_status status;

	if (!nx_address_parse(record[family->device_address].text, &first))
		return NX_OK;
	status = nx_renumbering_choose(server, tx, source, &request, &first, &second, error);
	if (status != NX_OK)
		return status;
	if (nx_address_compare(&first, &second) != 0)
		texts->second_chosen[index] = second;
	record[family->device_second_address] = NX_TEXT(nx_address_format(&second, texts->second[index]));
	record[family->device_second_prefix] =
		NX_TEXT(nx_prefix_format(&source->to, texts->second_prefix[index]));
	return NX_OK;
}

enum nx_status nx_device_second_choose(struct nx_server *server, struct nx_tx *tx,
				       const struct nx_renumbering_source *source, struct nx_value *record,
				       struct nx_device_texts *texts, struct nx_error *error)
{
	const struct nx_family *family = source->row->family;

	if (!record[family->device_address].text[0] || record[family->device_second_address].text[0])
		return NX_OK;
	return second_take(server, tx, source, record, texts, error);
}

/* A device that was given its first address just now, while its organization is between two prefixes. One
 * that had it before is the renumbering's business. */
static enum nx_status second_choose(struct nx_server *server, struct nx_tx *tx,
				    const struct nx_value *organization, const struct nx_lease_source *first,
				    struct nx_value *record, struct nx_device_texts *texts,
				    struct nx_error *error)
{
	const struct nx_family *family = first->family;
	struct nx_renumbering row;
	struct nx_renumbering_source source = {
		.row = &row, .organization = organization, .asking = first->asking};
	struct nx_error none = {0};
	enum nx_status status =
		nx_renumbering_find(server->fields, tx, organization[NX_ORGANIZATION_ID].text, &row, &none);

	if (status == NX_NOT_FOUND)
		return NX_OK;
	if (status != NX_OK)
		return nx_fail(error, status, none.field, "%s", none.message);
	if (row.family != family || row.state == NX_RENUMBERING_CLEARING ||
	    !nx_prefix_parse(nx_organization_second(family, organization), &source.to))
		return NX_OK;
	status = nx_device_second_choose(server, tx, &source, record, texts, error);
	if (status == NX_OK && row.state != NX_RENUMBERING_STARTING)
		record[NX_DEVICE_RENUMBERING] = NX_INT(row.stage);
	return status;
}

enum nx_status nx_device_addresses_choose(struct nx_server *server, struct nx_tx *tx,
					  const struct nx_value *organization,
					  const struct nx_address *wanted, struct nx_value *record,
					  struct nx_asking *asking, struct nx_device_texts *texts,
					  struct nx_error *error)
{
	const struct nx_fields *fields = server->fields;
	enum nx_status status = NX_OK;

	memset(texts, 0, sizeof(*texts));
	for (size_t i = 0; status == NX_OK && i < fields->family_count; i++) {
		const struct nx_family *family = &fields->family[i];
		struct nx_prefix prefix;
		struct nx_lease_source source;

		if (!source_find(family, organization, asking, &prefix, &source))
			continue;
		/* One that it has keeps its prefix: the organization may be between two. */
		if (!record[family->device_address].text[0]) {
			nx_prefix_format(&prefix, texts->prefix[i]);
			record[family->device_prefix] = NX_TEXT(texts->prefix[i]);
		}
		status = family_choose(server, tx, &source, wanted && wanted[i].length ? &wanted[i] : NULL,
				       record, texts, error);
		if (status == NX_OK && source.shared && texts->chosen[i].length)
			status = second_choose(server, tx, organization, &source, record, texts, error);
	}
	return status;
}

enum nx_status nx_device_addresses_write(struct nx_server *server, struct nx_tx *tx,
					 const struct nx_value *record, const struct nx_device_texts *texts,
					 struct nx_error *error)
{
	struct nx_lease_request request = nx_device_lease_request(record);
	enum nx_status status = NX_OK;

	for (size_t i = 0; status == NX_OK && i < server->fields->family_count; i++) {
		if (texts->chosen[i].length)
			status = nx_lease_write(server->leases, tx, &server->fields->family[i], &request,
						&texts->chosen[i], error);
		if (status == NX_OK && texts->second_chosen[i].length)
			status = nx_lease_write(server->leases, tx, &server->fields->family[i], &request,
						&texts->second_chosen[i], error);
	}
	return status;
}
