/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must be put back when this host stops forwarding. It stands in a file in the agent's state directory
 * from before the first change until after the last one is undone, so that an agent that was killed knows
 * what its predecessor did.
 */
#ifndef RELAY_UNDO_H
#define RELAY_UNDO_H

#include <stdbool.h>
#include <stddef.h>

#include "plugins/relay/place.h"
#include "plugins/relay/setting.h"

/* The families, as places in `struct undo`. */
enum { UNDO_IPV4, UNDO_IPV6, UNDO_FAMILIES };

struct undo_value {
	char name[SETTING_ROOM];
	int value;
};

/* One family's forwarding switch. */
struct undo_switch {
	bool ours; /* it was off, and we turn it on */
	/* Values that turning the switch changes, or that we change with it, as they were, in the order in
	 * which to put them back. */
	struct undo_value *values;
	size_t count;
};

struct undo {
	char interface[16]; /* the tunnel's; "": there is nothing to undo */
	struct undo_switch switches[UNDO_FAMILIES];
	struct places places; /* where rules of ours may stand in the host's own firewall */
};

/* Remember a value as it is. False: no memory. */
bool undo_add(struct undo_switch *undo, const char *name, int value);
bool undo_has(const struct undo_switch *undo, const char *name);
void undo_forget_switches(struct undo *undo);
/* Empty it. */
void undo_clear(struct undo *undo);

/*
 * Read what was written. True with an empty one when there is no file. Of one of another boot of the machine
 * the settings are left out, which are gone with it; rules may have been saved and loaded again. False: the
 * file is damaged (errno is 0), or cannot be read (errno).
 */
bool undo_load(struct undo *undo, const char *directory);
/* Write it, whole or not at all. False: errno says why. */
bool undo_save(const struct undo *undo, const char *directory);
/* Remove the file; it need not be there. */
void undo_forget(const char *directory);

#endif
