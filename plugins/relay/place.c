/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/relay/place.h"

#include <stdlib.h>
#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"

static bool name_fit(const char *name)
{
	size_t length = strlen(name);

	return length >= 1 && length < PLACE_NAME_ROOM && strchr(LETTERS, name[0]) &&
	       strspn(name, LETTERS "0123456789-./") == length;
}

static bool family_fit(const char *family, bool legacy)
{
	return strcmp(family, "ip") == 0 || strcmp(family, "ip6") == 0 ||
	       (!legacy && strcmp(family, "inet") == 0);
}

bool place_make(struct place *out, bool legacy, const char *family, const char *table, const char *chain)
{
	if (!family_fit(family, legacy) || !name_fit(table) || !name_fit(chain))
		return false;
	out->legacy = legacy;
	snprintf(out->family, sizeof(out->family), "%s", family);
	snprintf(out->table, sizeof(out->table), "%s", table);
	snprintf(out->chain, sizeof(out->chain), "%s", chain);
	return true;
}

bool place_same(const struct place *a, const struct place *b)
{
	return a->legacy == b->legacy && strcmp(a->family, b->family) == 0 &&
	       strcmp(a->table, b->table) == 0 && strcmp(a->chain, b->chain) == 0;
}

void place_print(FILE *out, const struct place *place)
{
	fprintf(out, "%s %s %s %s", place->legacy ? "legacy" : "nft", place->family, place->table,
		place->chain);
}

bool place_read(struct place *out, const char *text)
{
	char keeper[8], family[8], table[PLACE_NAME_ROOM], chain[PLACE_NAME_ROOM];

	if (sscanf(text, "%7s %7s %127s %127s", keeper, family, table, chain) != 4)
		return false;
	bool legacy = strcmp(keeper, "legacy") == 0;
	return (legacy || strcmp(keeper, "nft") == 0) && place_make(out, legacy, family, table, chain);
}

bool places_have(const struct places *places, const struct place *place)
{
	for (size_t i = 0; i < places->count; i++) {
		if (place_same(&places->list[i], place))
			return true;
	}
	return false;
}

bool places_add(struct places *places, const struct place *place)
{
	if (places_have(places, place))
		return true;
	if (places->count >= PLACES_MAXIMUM)
		return false;
	struct place *grown = reallocarray(places->list, places->count + 1, sizeof(*grown));
	if (!grown)
		return false;
	places->list = grown;
	grown[places->count++] = *place;
	return true;
}

void places_remove(struct places *places, size_t index)
{
	places->count--;
	memmove(&places->list[index], &places->list[index + 1],
		(places->count - index) * sizeof(*places->list));
}

void places_clear(struct places *places)
{
	free(places->list);
	*places = (struct places){0};
}
