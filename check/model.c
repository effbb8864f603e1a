/* SPDX-License-Identifier: Apache-2.0 */
#include "check/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/memory.h"

static size_t place_first(const struct model *model, const struct nx_address *address)
{
	uint64_t half[2], hash;

	memcpy(half, address->bytes, sizeof(half));
	hash = half[0] * 0x9e3779b97f4a7c15u ^ half[1];
	hash = (hash ^ (hash >> 32)) * 0xbf58476d1ce4e5b9u;
	hash = (hash ^ (hash >> 29)) * 0x94d049bb133111ebu;
	return (size_t)(hash ^ (hash >> 32)) & (model->place_count - 1);
}

/* The place of the address, or the empty one where it would be. */
static size_t place_find(const struct model *model, const struct nx_address *address)
{
	size_t place = place_first(model, address);

	while (model->places[place] &&
	       nx_address_compare(&model->items[model->places[place] - 1], address) != 0)
		place = (place + 1) & (model->place_count - 1);
	return place;
}

bool model_has(const struct model *model, const struct nx_address *address)
{
	return model->count && model->places[place_find(model, address)];
}

static void model_grow(struct model *model)
{
	model->room = model->room ? 2 * model->room : 64;
	model->items = nx_realloc_array(model->items, model->room, sizeof(*model->items));
	model->place_count = 2 * model->room;
	free(model->places);
	model->places = nx_alloc_array(model->place_count, sizeof(*model->places));
	for (size_t i = 0; i < model->count; i++)
		model->places[place_find(model, &model->items[i])] = (uint32_t)i + 1;
}

void model_add(struct model *model, const struct nx_address *address)
{
	if (model->count == model->room)
		model_grow(model);
	model->items[model->count++] = *address;
	model->places[place_find(model, address)] = (uint32_t)model->count;
}

/* Those behind the hole that would no longer be found move into it. */
static void place_empty(struct model *model, size_t hole)
{
	size_t mask = model->place_count - 1;

	for (size_t place = (hole + 1) & mask; model->places[place]; place = (place + 1) & mask) {
		size_t wish = place_first(model, &model->items[model->places[place] - 1]);

		if (((place - wish) & mask) < ((place - hole) & mask))
			continue;
		model->places[hole] = model->places[place];
		hole = place;
	}
	model->places[hole] = 0;
}

bool model_remove(struct model *model, const struct nx_address *address)
{
	size_t place = model->count ? place_find(model, address) : 0;
	size_t index;

	if (!model->count || !model->places[place])
		return false;
	index = model->places[place] - 1;
	place_empty(model, place);
	if (index != --model->count) { /* the last one takes its number */
		model->places[place_find(model, &model->items[model->count])] = (uint32_t)index + 1;
		model->items[index] = model->items[model->count];
	}
	return true;
}

void model_clear(struct model *model)
{
	free(model->items);
	free(model->places);
	*model = (struct model){0};
}
