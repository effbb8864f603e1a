/* SPDX-License-Identifier: Apache-2.0 */
/* One device record: from JSON to a checked struct nx_member in a single block. */
#include "agent/plan/members.h"

#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/json.h"
#include "base/memory.h"

/* A record under construction: where its parts are before their sizes are known. */
struct draft {
	const char *id;
	const char *organization_id;
	const char *hostname;
	const char *public_key;
	struct nx_member_family *families;
	struct nx_member_family *seconds;
	struct nx_prefix *children;
	size_t child_count;
	size_t child_refusals;
};

static void draft_release(struct draft *draft)
{
	free(draft->families);
	free(draft->seconds);
	free(draft->children);
}

static bool text_printable(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text <= ' ' || *text == 0x7f)
			return false;
	}
	return true;
}

static enum nx_status identity_read(const struct nx_json *device, struct draft *draft, struct nx_error *error)
{
	draft->id = nx_json_member_string(device, "id", "");
	draft->organization_id = nx_json_member_string(device, "organization_id", "");
	draft->public_key = nx_json_member_string(device, "public_key", "");
	draft->hostname = nx_json_member_string(device, "hostname", "");
	if (!nx_uuid_check(draft->id))
		return nx_fail(error, NX_INVALID, "id", "a device without a proper id");
	if (*draft->organization_id && !nx_uuid_check(draft->organization_id))
		return nx_fail(error, NX_INVALID, "organization_id", "device %s: its organization is no id",
			       draft->id);
	if (!*draft->public_key || strlen(draft->public_key) >= NX_PUBLIC_KEY_TEXT ||
	    !text_printable(draft->public_key))
		return nx_fail(error, NX_INVALID, "public_key", "device %s: not a public key", draft->id);
	if (strlen(draft->hostname) > NX_HOSTNAME_LIMIT)
		return nx_fail(error, NX_INVALID, "hostname", "device %s: its name is too long", draft->id);
	return NX_OK;
}

/* Both of its operations, or none counts. */
static enum nx_status second_read(const struct nx_family *family, const struct nx_json *device,
				  const struct nx_member_family *first, struct nx_member_family *out,
				  struct nx_error *error)
{
	if (!first->present || !family->ops->read_second || !family->ops->addresses_apply)
		return NX_OK;
	return family->ops->read_second(family->instance, device, out, error);
}

static bool length_fit(const struct nx_family *family, const struct nx_member_family *facts)
{
	return !facts->present || facts->address.length == family->ops->address_length;
}

static enum nx_status families_read(const struct nx_capabilities *capabilities, const struct nx_json *device,
				    struct draft *draft, struct nx_error *error)
{
	draft->families = nx_alloc_array(capabilities->family_count, sizeof(*draft->families));
	draft->seconds = nx_alloc_array(capabilities->family_count, sizeof(*draft->seconds));
	for (size_t i = 0; i < capabilities->family_count; i++) {
		const struct nx_family *family = &capabilities->families[i];
		struct nx_member_family *facts = &draft->families[i];
		enum nx_status status = family->ops->read(family->instance, device, facts, error);

		if (status == NX_OK)
			status = second_read(family, device, facts, &draft->seconds[i], error);
		if (status != NX_OK)
			return status;
		/* Plans and claims rely on these, whatever plugin read them. */
		if (!length_fit(family, facts) || !length_fit(family, &draft->seconds[i]))
			return nx_fail(error, NX_INVALID, NULL, "device %s: its %s address is none",
				       draft->id, family->ops->label);
	}
	return NX_OK;
}

static bool prefix_listed(const struct draft *draft, const struct nx_prefix *prefix)
{
	for (size_t i = 0; i < draft->child_count; i++) {
		if (nx_prefix_compare(&draft->children[i], prefix) == 0)
			return true;
	}
	return false;
}

/* A default route is never a child prefix, nor are its halves: it would take this host's own traffic away.
 * Nor is what only its own link has, such as the address where clouds keep credentials. */
static bool child_read(const struct nx_capabilities *capabilities, const struct nx_json *value,
		       struct nx_prefix *out)
{
	const struct nx_family *family;
	const char *text = nx_json_string(value);
	struct nx_prefix parsed;

	if (!text || !nx_prefix_parse(text, &parsed) || parsed.bits < NX_CHILD_BITS_MINIMUM)
		return false;
	*out = nx_prefix_mask(&parsed);
	family = nx_family_of_length(capabilities, out->address.length);
	/* Only wide: whether the operator of this host wants that is asked where it is planned. */
	return !family || family->ops->network_check(family->instance, out, NULL) != NX_INVALID;
}

static enum nx_status children_read(const struct nx_capabilities *capabilities, const struct nx_json *device,
				    struct draft *draft, struct nx_error *error)
{
	const struct nx_json *list = nx_json_member(device, "child_prefix");
	size_t count = list && nx_json_type(list) == NX_JSON_ARRAY ? nx_json_length(list) : 0;

	if (count > NX_CHILD_PREFIXES_LIMIT)
		return nx_fail(error, NX_INVALID, "child_prefix", "device %s: more than %u child prefixes",
			       draft->id, NX_CHILD_PREFIXES_LIMIT);
	draft->children = nx_alloc_array(count, sizeof(*draft->children));
	for (const struct nx_json *value = count ? nx_json_first(list) : NULL; value;
	     value = nx_json_next(value)) {
		struct nx_prefix prefix;

		if (!child_read(capabilities, value, &prefix))
			draft->child_refusals++;
		else if (nx_family_of_length(capabilities, prefix.address.length) &&
			 !prefix_listed(draft, &prefix))
			draft->children[draft->child_count++] = prefix;
	}
	return NX_OK;
}

/* Copy `size` bytes to the block's next free place. */
static void *block_add(char **place, const void *data, size_t size)
{
	char *at = *place;

	if (size)
		memcpy(at, data, size);
	*place += size;
	return at;
}

static struct nx_record *record_make(const struct nx_capabilities *capabilities, const struct draft *draft)
{
	size_t families = capabilities->family_count * sizeof(*draft->families);
	size_t children = draft->child_count * sizeof(*draft->children);
	size_t texts = strlen(draft->id) + strlen(draft->hostname) + strlen(draft->public_key) + 3;
	struct nx_record *record = nx_alloc(sizeof(*record) + 2 * families + children + texts);
	char *place = (char *)(record + 1);
	struct nx_member *member = &record->member;

	/* Families hold 16-bit numbers, prefixes and texts bytes alone: this order keeps them aligned. */
	member->families = block_add(&place, draft->families, families);
	member->seconds = block_add(&place, draft->seconds, families);
	member->family_count = capabilities->family_count;
	member->child_prefixes = block_add(&place, draft->children, children);
	member->child_prefix_count = draft->child_count;
	member->id = block_add(&place, draft->id, strlen(draft->id) + 1);
	member->hostname = block_add(&place, draft->hostname, strlen(draft->hostname) + 1);
	member->public_key = block_add(&place, draft->public_key, strlen(draft->public_key) + 1);
	memcpy(record->organization_id, draft->organization_id, strlen(draft->organization_id) + 1);
	return record;
}

enum nx_status nx_record_read(const struct nx_capabilities *capabilities, const struct nx_json *device,
			      struct nx_record **out, struct nx_error *error)
{
	NX_CLEANUP(draft_release) struct draft draft = {0};
	enum nx_status status = identity_read(device, &draft, error);
	struct nx_record *record;

	if (status != NX_OK)
		return status;
	if (strcmp(nx_json_member_string(device, "driver", capabilities->driver_name),
		   capabilities->driver_name) != 0)
		return nx_fail(error, NX_UNSUPPORTED, "driver", "device %s uses another driver", draft.id);
	status = families_read(capabilities, device, &draft, error);
	if (status == NX_OK)
		status = children_read(capabilities, device, &draft, error);
	if (status != NX_OK)
		return status;
	record = record_make(capabilities, &draft);
	record->children_refused = draft.child_refusals;
	record->revision = nx_json_member_integer(device, "revision", 0);
	capabilities->relay->standing(capabilities->relay_instance, device, &record->member.standing);
	*out = record;
	return NX_OK;
}

/* --- what a change means ------------------------------------------------------ */

static bool family_same(const struct nx_member_family *a, const struct nx_member_family *b)
{
	if (nx_endpoint_compare(&a->endpoint, &b->endpoint) != 0 ||
	    nx_endpoint_compare(&a->mapped, &b->mapped) != 0)
		return false;
	if (a->present != b->present)
		return false;
	return !a->present || (nx_address_compare(&a->address, &b->address) == 0 &&
			       nx_prefix_compare(&a->organization, &b->organization) == 0);
}

static bool families_same(const struct nx_member *a, const struct nx_member *b)
{
	for (size_t i = 0; i < a->family_count; i++) {
		if (!family_same(&a->families[i], &b->families[i]) ||
		    !family_same(&a->seconds[i], &b->seconds[i]))
			return false;
	}
	return true;
}

static bool children_same(const struct nx_member *a, const struct nx_member *b)
{
	if (a->child_prefix_count != b->child_prefix_count)
		return false;
	for (size_t i = 0; i < a->child_prefix_count; i++) {
		if (nx_prefix_compare(&a->child_prefixes[i], &b->child_prefixes[i]) != 0)
			return false;
	}
	return true;
}

static bool standing_same(const struct nx_member *a, const struct nx_member *b)
{
	return a->standing.relay == b->standing.relay && a->standing.spoke == b->standing.spoke &&
	       a->standing.draining == b->standing.draining && strcmp(a->standing.via, b->standing.via) == 0;
}

static unsigned presence_effect(const struct nx_member *member)
{
	if (member->standing.relay || member->standing.spoke || member->child_prefix_count)
		return NX_EFFECT_PEER | NX_EFFECT_MESH;
	return NX_EFFECT_PEER;
}

unsigned nx_record_compare(const struct nx_record *before, const struct nx_record *after)
{
	if (!before || !after)
		return before || after ? presence_effect(before ? &before->member : &after->member)
				       : NX_EFFECT_NONE;
	const struct nx_member *a = &before->member;
	const struct nx_member *b = &after->member;

	if (!children_same(a, b) || !standing_same(a, b))
		return NX_EFFECT_PEER | NX_EFFECT_MESH;
	if (families_same(a, b) && strcmp(a->public_key, b->public_key) == 0)
		return NX_EFFECT_NONE;
	/* Whatever changes on a relay may change which one is preferred. */
	return NX_EFFECT_PEER | (a->standing.relay ? (unsigned)NX_EFFECT_MESH : 0);
}
