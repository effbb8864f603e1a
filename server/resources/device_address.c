/* SPDX-License-Identifier: Apache-2.0 */
/* A device's addresses, family by family. */
#include <string.h>

#include "base/address.h"
#include "server/resources/device.h"
#include "server/resources/lease.h"

static struct nx_lease_request lease_request(const struct nx_value *record)
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
	struct nx_lease_request request = lease_request(record);
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
	struct nx_lease_request request = lease_request(record);
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
		nx_prefix_format(&prefix, texts->prefix[i]);
		record[family->device_prefix] = NX_TEXT(texts->prefix[i]);
		status = family_choose(server, tx, &source, wanted && wanted[i].length ? &wanted[i] : NULL,
				       record, texts, error);
	}
	return status;
}

enum nx_status nx_device_addresses_write(struct nx_server *server, struct nx_tx *tx,
					 const struct nx_value *record, const struct nx_device_texts *texts,
					 struct nx_error *error)
{
	struct nx_lease_request request = lease_request(record);
	enum nx_status status = NX_OK;

	for (size_t i = 0; status == NX_OK && i < server->fields->family_count; i++) {
		if (texts->chosen[i].length)
			status = nx_lease_write(server->leases, tx, &server->fields->family[i], &request,
						&texts->chosen[i], error);
	}
	return status;
}
