/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/relay/undo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool undo_add(struct undo_switch *undo, const char *name, int value)
{
	struct undo_value *grown = reallocarray(undo->values, undo->count + 1, sizeof(*grown));

	if (!grown)
		return false;
	undo->values = grown;
	grown[undo->count].value = value;
	snprintf(grown[undo->count].name, sizeof(grown->name), "%s", name);
	undo->count++;
	return true;
}

bool undo_has(const struct undo_switch *undo, const char *name)
{
	for (size_t i = 0; i < undo->count; i++) {
		if (strcmp(undo->values[i].name, name) == 0)
			return true;
	}
	return false;
}

void undo_forget_switches(struct undo *undo)
{
	for (size_t i = 0; i < UNDO_FAMILIES; i++) {
		free(undo->switches[i].values);
		undo->switches[i] = (struct undo_switch){0};
	}
}

void undo_clear(struct undo *undo)
{
	undo_forget_switches(undo);
	places_clear(&undo->places);
	*undo = (struct undo){0};
}
