/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plan/claims.h"

#include <stdlib.h>

#include "agent/plan/plan.h"
#include "base/memory.h"

/* Widths are parts of all addresses of a family, which are this, were it one more. */
#define WIDTH_BITS 63u
#define WIDTH_LIMIT (UINT64_C(1) << (WIDTH_BITS - 6))

/* A prefix of 18 bytes without padding is its own hash key, once its unused bytes are 0. */
_Static_assert(sizeof(struct nx_prefix) == NX_ADDRESS_BYTES + 2, "struct nx_prefix has padding");

static struct nx_prefix prefix_key(const struct nx_prefix *prefix)
{
	struct nx_prefix key = {.bits = prefix->bits, .address.length = prefix->address.length};

	memcpy(key.address.bytes, prefix->address.bytes, prefix->address.length);
	return key;
}

static struct nx_claim *claim_find(const struct nx_claims *claims, const struct nx_prefix *key)
{
	struct nx_claim *claim;

	HASH_FIND(hh, claims->table, key, sizeof(*key), claim);
	return claim;
}

static struct nx_claim *claim_get(struct nx_claims *claims, const struct nx_prefix *prefix)
{
	struct nx_prefix key = prefix_key(prefix);
	struct nx_claim *claim = claim_find(claims, &key);

	if (!claim) {
		claim = nx_alloc(sizeof(*claim));
		claim->prefix = key;
		HASH_ADD(hh, claims->table, prefix, sizeof(key), claim);
	}
	return claim;
}

static void claim_touch(struct nx_claims *claims, struct nx_claim *claim)
{
	if (claim->touched)
		return;
	claim->touched = true;
	claim->next_touched = claims->touched;
	claims->touched = claim;
}

void nx_claims_clear(struct nx_claims *claims)
{
	struct nx_claim *claim, *next;

	HASH_ITER(hh, claims->table, claim, next)
	{
		HASH_DELETE(hh, claims->table, claim);
		free(claim);
	}
	*claims = (struct nx_claims){0};
}

static bool claim_stronger(const struct nx_claim *claim, uint8_t rank, const struct nx_entry *entry)
{
	if (rank != claim->rank)
		return rank < claim->rank;
	return strcmp(entry->record->member.id, claim->owner->record->member.id) < 0;
}

/* The owner asks again, perhaps with a weaker right than before. */
static void claim_renew(struct nx_claims *claims, struct nx_claim *claim, uint8_t rank)
{
	if (rank > claim->rank && claim->contested)
		claims->reopened = true;
	claim->rank = rank;
}

/* What is narrower than the unit is as good as nothing. */
static uint64_t prefix_width(const struct nx_prefix *prefix)
{
	return prefix->bits <= WIDTH_BITS ? UINT64_C(1) << (WIDTH_BITS - prefix->bits) : 0;
}

/* Is there room for a prefix that nobody has? */
static bool width_take(struct nx_claims *claims, struct nx_claim *claim, bool accepted)
{
	uint64_t *used = &claims->width[claim->prefix.address.length];
	uint64_t width = accepted ? 0 : prefix_width(&claim->prefix);

	if (width > WIDTH_LIMIT || *used > WIDTH_LIMIT - width) {
		claims->crowded = true;
		return false;
	}
	claim->width = width;
	*used += width;
	return true;
}

static void width_give(struct nx_claims *claims, struct nx_claim *claim)
{
	claims->width[claim->prefix.address.length] -= claim->width;
	claims->reopened |= claims->crowded && claim->width;
	claim->width = 0;
}

enum nx_claim_result nx_claims_take(struct nx_claims *claims, struct nx_entry *entry,
				    const struct nx_prefix *prefix, bool accepted, struct nx_entry **loser)
{
	struct nx_claim *claim = claim_get(claims, prefix);
	uint8_t rank = nx_member_owns(&entry->record->member, prefix) ? 0 : 1;

	*loser = NULL;
	if (claim->owner == entry) {
		claim_renew(claims, claim, rank);
		return NX_CLAIM_TAKEN;
	}
	if (claim->owner) {
		claim->contested = true;
		if (!claim_stronger(claim, rank, entry))
			return NX_CLAIM_LOST;
		*loser = claim->owner;
	} else if (!width_take(claims, claim, accepted || rank == 0)) {
		claim_touch(claims, claim);
		return NX_CLAIM_WIDE;
	}
	claim->owner = entry;
	claim->rank = rank;
	if (!claim->installed || claim->stale)
		claim_touch(claims, claim);
	return NX_CLAIM_TAKEN;
}

void nx_claims_give(struct nx_claims *claims, const struct nx_entry *entry, const struct nx_prefix *prefix)
{
	struct nx_prefix key = prefix_key(prefix);
	struct nx_claim *claim = claim_find(claims, &key);

	if (!claim || claim->owner != entry)
		return;
	if (claim->contested)
		claims->reopened = true;
	width_give(claims, claim);
	claim->contested = false;
	claim->owner = NULL;
	claim_touch(claims, claim);
}

void nx_claims_observe(struct nx_claims *claims, const struct nx_prefix *prefix, bool stale)
{
	struct nx_claim *claim = claim_get(claims, prefix);

	claim->installed = true;
	claim->stale = stale;
	claim_touch(claims, claim);
}

static bool claim_adds(const struct nx_claim *claim)
{
	return claim->owner && (!claim->installed || claim->stale);
}

static bool claim_removes(const struct nx_claim *claim)
{
	return !claim->owner && claim->installed;
}

void nx_claims_routes(const struct nx_claims *claims, uint8_t length, struct nx_route_changes *out)
{
	size_t adds = 0, removes = 0;

	for (const struct nx_claim *claim = claims->touched; claim; claim = claim->next_touched) {
		if (claim->prefix.address.length != length)
			continue;
		adds += claim_adds(claim);
		removes += claim_removes(claim);
	}
	*out = (struct nx_route_changes){
		.add = nx_alloc_array(adds, sizeof(*out->add)),
		.remove = nx_alloc_array(removes, sizeof(*out->remove)),
	};
	for (const struct nx_claim *claim = claims->touched; claim; claim = claim->next_touched) {
		if (claim->prefix.address.length != length)
			continue;
		if (claim_adds(claim))
			out->add[out->add_count++] = claim->prefix;
		else if (claim_removes(claim))
			out->remove[out->remove_count++] = claim->prefix;
	}
}

void nx_route_changes_release(struct nx_route_changes *changes)
{
	free(changes->add);
	free(changes->remove);
	*changes = (struct nx_route_changes){0};
}

void nx_claims_settle(struct nx_claims *claims)
{
	struct nx_claim *next;

	for (struct nx_claim *claim = claims->touched; claim; claim = next) {
		next = claim->next_touched;
		claim->touched = false;
		claim->stale = false;
		claim->installed = claim->owner != NULL;
		if (claim->owner)
			continue;
		/* The analyzer takes a table without an element for one that has some. */
		HASH_DELETE(hh, claims->table, claim); /* NOLINT(clang-analyzer-core.NullDereference) */
		free(claim);
	}
	claims->touched = NULL;
}
