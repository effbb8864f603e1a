/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/relay/switch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;      /* the switch */
	const char *directory; /* the interfaces' settings */
} families[UNDO_FAMILIES] = {
	[UNDO_IPV4] = {"net/ipv4/ip_forward", "net/ipv4/conf"},
	[UNDO_IPV6] = {"net/ipv6/conf/all/forwarding", "net/ipv6/conf"},
};

static const char accept_redirects[] = "net/ipv4/conf/all/accept_redirects";

enum {
	RA_ACCEPT = 1,	      /* accept_ra: unless forwarding */
	RA_ACCEPT_ALWAYS = 2, /* even when forwarding */
};

struct note {
	struct undo_switch *undo;
	const char *interface;
	bool first; /* the switch is still off */
	bool more;
};

static bool note_value(struct note *note, const char *name, int value)
{
	note->more = true;
	return undo_add(note->undo, name, value);
}

/* An interface that forwards already would be switched off with the others. */
static bool note_forwarding(void *context, const char *name)
{
	int value;

	return !setting_read(name, &value) || value == 0 || note_value(context, name, value);
}

/* Is it the tunnel's, or the loopback's? No router advertises itself there. */
static bool never_advertised(const struct note *note, const char *name)
{
	const char *const others[] = {note->interface, "lo"};
	char own[SETTING_ROOM];

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		snprintf(own, sizeof(own), "net/ipv6/conf/%s/accept_ra", others[i]);
		if (strcmp(own, name) == 0)
			return true;
	}
	return false;
}

/* Did the interface forward before? Then it took no advertisements, and goes on without. */
static bool forwarded_before(const struct note *note, const char *name)
{
	char forwarding[SETTING_ROOM];

	snprintf(forwarding, sizeof(forwarding), "%.*s/forwarding", (int)(strrchr(name, '/') - name), name);
	return undo_has(note->undo, forwarding);
}

/*
 * What will be 2 is noted, the default among it, from which interfaces that come later inherit. So is what
 * is 2 to begin with: any other 2 is inherited from ours.
 */
static bool note_advertisements(void *context, const char *name)
{
	struct note *note = context;
	int value;

	if (!setting_read(name, &value) || undo_has(note->undo, name) || never_advertised(note, name) ||
	    forwarded_before(note, name))
		return true;
	if (value != RA_ACCEPT && !(note->first && value == RA_ACCEPT_ALWAYS))
		return true;
	return note_value(note, name, value);
}

/* What a family's switch changes by being turned: noted once, while it still is off. */
static bool note_switch(struct note *note, size_t family)
{
	int value;

	if (note->undo->ours || !setting_read(families[family].name, &value) || value != 0)
		return true;
	note->undo->ours = true;
	note->first = note->more = true;
	if (family == UNDO_IPV4 && setting_read(accept_redirects, &value) &&
	    !note_value(note, accept_redirects, value))
		return false;
	return setting_interfaces(families[family].directory, "forwarding", note_forwarding, note);
}

bool switches_note(struct undo *undo, const char *interface, bool *more)
{
	*more = false;
	for (size_t i = 0; i < UNDO_FAMILIES; i++) {
		struct note note = {.undo = &undo->switches[i], .interface = interface};
		if (!note_switch(&note, i))
			return false;
		/* Interfaces that came later are seen to as well. */
		if (i == UNDO_IPV6 && note.undo->ours &&
		    !setting_interfaces(families[i].directory, "accept_ra", note_advertisements, &note))
			return false;
		*more |= note.more;
	}
	return true;
}

static bool is_accept_ra(const char *name)
{
	const char *last = strrchr(name, '/');

	return last && strcmp(last, "/accept_ra") == 0;
}

/* Advertisements first: turning the switch drops the default routes of those who are not at 2 by then. */
static void advertisements_keep(const struct undo_switch *undo)
{
	int value;

	for (size_t i = 0; i < undo->count; i++) {
		/* An interface that is gone has nothing to keep. */
		if (is_accept_ra(undo->values[i].name) && setting_read(undo->values[i].name, &value) &&
		    value == RA_ACCEPT)
			setting_write(undo->values[i].name, RA_ACCEPT_ALWAYS);
	}
}

bool switches_on(const struct undo *undo, const char **name)
{
	for (size_t i = 0; i < UNDO_FAMILIES; i++) {
		int value;
		if (!undo->switches[i].ours)
			continue;
		advertisements_keep(&undo->switches[i]);
		if (setting_read(families[i].name, &value) && value != 0)
			continue;
		/* A family may have left the kernel's view since (its module, our namespace): then it is off.
		 */
		if (!setting_write(families[i].name, 1) && errno != ENOENT) {
			*name = families[i].name;
			return false;
		}
	}
	return true;
}

const char *switches_off(void)
{
	int value;

	for (size_t i = 0; i < UNDO_FAMILIES; i++) {
		if (setting_read(families[i].name, &value) && value == 0)
			return families[i].name;
	}
	return NULL;
}

static const char default_accept_ra[] = "net/ipv6/conf/default/accept_ra";

/* An interface that came later inherited our 2: give it the default as it was. */
static bool inheritance_back(void *context, const char *name)
{
	const struct undo_switch *const *undo = context;
	int value;

	if (setting_read(name, &value) && value == RA_ACCEPT_ALWAYS && !undo_has(*undo, name))
		setting_write(name, RA_ACCEPT);
	return true;
}

static bool undo_holds(const struct undo_switch *undo, const char *name, int value)
{
	for (size_t i = 0; i < undo->count; i++) {
		if (strcmp(undo->values[i].name, name) == 0)
			return undo->values[i].value == value;
	}
	return false;
}

/* Only the accept_ra, which are ours whoever has turned the switch, or only all others. */
static void values_back(const struct undo_switch *undo, bool advertisements)
{
	int value;

	for (size_t i = 0; i < undo->count; i++) {
		const struct undo_value *noted = &undo->values[i];
		if (is_accept_ra(noted->name) != advertisements || !setting_read(noted->name, &value) ||
		    (advertisements && value != RA_ACCEPT_ALWAYS))
			continue;
		if (value != noted->value)
			setting_write(noted->name, noted->value);
	}
}

static void switch_back(const struct undo_switch *undo, const char *name)
{
	int value;

	if (!undo->ours || !setting_read(name, &value))
		return;
	if (value != 0) {
		setting_write(name, 0);
		values_back(undo, false);
	}
	values_back(undo, true);
	if (undo_holds(undo, default_accept_ra, RA_ACCEPT))
		setting_interfaces(families[UNDO_IPV6].directory, "accept_ra", inheritance_back, &undo);
}

void switches_back(const struct undo *undo)
{
	for (size_t i = 0; i < UNDO_FAMILIES; i++)
		switch_back(&undo->switches[i], families[i].name);
}
