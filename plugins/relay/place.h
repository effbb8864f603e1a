/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chain of somebody else's firewall in which this host's agent has, or is to have, rules: who keeps it
 * (nf_tables, or the legacy tables of the kernel), and its name there.
 */
#ifndef RELAY_PLACE_H
#define RELAY_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
	PLACE_NAME_ROOM = 128, /* of a table or a chain, final NUL included */
	PLACES_MAXIMUM = 64,
};

struct place {
	bool legacy;	/* ip_tables or ip6_tables instead of nf_tables */
	char family[8]; /* "ip", "ip6" or, nf_tables only, "inet" */
	char table[PLACE_NAME_ROOM];
	char chain[PLACE_NAME_ROOM];
};

/* Places, none twice; empty when zeroed. */
struct places {
	struct place *list;
	size_t count;
};

/* False: another family, or a name that cannot stand in a ruleset: letters, digits, "_", "-", "." and "/",
 * the first of them a letter or "_". `out` is then untouched. */
bool place_make(struct place *out, bool legacy, const char *family, const char *table, const char *chain);
bool place_same(const struct place *a, const struct place *b);

/* As a line of a file, without its end: "nft inet filter forward". */
void place_print(FILE *out, const struct place *place);
bool place_read(struct place *out, const char *text);

/* Add, unless it is there. False: no memory, or too many. */
bool places_add(struct places *places, const struct place *place);
bool places_have(const struct places *places, const struct place *place);
void places_remove(struct places *places, size_t index);
/* Empty it. */
void places_clear(struct places *places);

#endif
