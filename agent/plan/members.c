/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plan/members.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"

void nx_members_init(struct nx_members *members, const struct nx_capabilities *capabilities)
{
	*members = (struct nx_members){.capabilities = capabilities};
}

void nx_entry_free(struct nx_entry *entry)
{
	if (!entry)
		return;
	free(entry->applied.prefixes);
	free(entry->record);
	free(entry);
}

void nx_members_clear(struct nx_members *members)
{
	struct nx_entry *entry, *next;

	HASH_CLEAR(by_key, members->by_key);
	HASH_ITER(by_id, members->by_id, entry, next)
	{
		HASH_DELETE(by_id, members->by_id, entry);
		nx_entry_free(entry);
	}
	members->count = 0;
}

struct nx_entry *nx_members_find(const struct nx_members *members, const char *id)
{
	struct nx_entry *entry;

	HASH_FIND(by_id, members->by_id, id, strlen(id), entry);
	return entry;
}

struct nx_entry *nx_members_find_key(const struct nx_members *members, const char *public_key)
{
	struct nx_entry *entry;

	HASH_FIND(by_key, members->by_key, public_key, strlen(public_key), entry);
	return entry;
}

static void entry_link(struct nx_members *members, struct nx_entry *entry)
{
	const struct nx_member *member = &entry->record->member;

	HASH_ADD_KEYPTR(by_id, members->by_id, member->id, strlen(member->id), entry);
	HASH_ADD_KEYPTR(by_key, members->by_key, member->public_key, strlen(member->public_key), entry);
	members->count++;
}

static void entry_unlink(struct nx_members *members, struct nx_entry *entry)
{
	HASH_DELETE(by_id, members->by_id, entry);
	HASH_DELETE(by_key, members->by_key, entry);
	members->count--;
}

/* May this record come in? */
static enum nx_status record_admit(const struct nx_members *members, const struct nx_record *record,
				   const struct nx_entry *entry, struct nx_error *error)
{
	const struct nx_entry *holder = nx_members_find_key(members, record->member.public_key);

	if (holder && holder != entry)
		return nx_fail(error, NX_CONFLICT, "public_key",
			       "device %s claims the public key of device %s: it is left out",
			       record->member.id, holder->record->member.id);
	if (!entry && members->count >= NX_MEMBERS_LIMIT)
		return nx_fail(error, NX_EXHAUSTED, NULL,
			       "the organization has more than %u devices: the rest is left out",
			       NX_MEMBERS_LIMIT);
	return NX_OK;
}

enum nx_status nx_members_put(struct nx_members *members, struct nx_record *record, struct nx_entry **out,
			      unsigned *effect, struct nx_error *error)
{
	struct nx_entry *entry = nx_members_find(members, record->member.id);
	enum nx_status status = record_admit(members, record, entry, error);

	if (status != NX_OK) {
		free(record);
		return status;
	}
	*effect = nx_record_compare(entry ? entry->record : NULL, record);
	if (entry) {
		record->member.direct = entry->record->member.direct;
		entry_unlink(members, entry);
		free(entry->record);
	} else {
		entry = nx_alloc(sizeof(*entry));
	}
	entry->record = record;
	entry->epoch = members->epoch;
	entry_link(members, entry);
	*out = entry;
	return NX_OK;
}

void nx_members_take(struct nx_members *members, struct nx_entry *entry)
{
	entry_unlink(members, entry);
	entry->gone = true;
}
