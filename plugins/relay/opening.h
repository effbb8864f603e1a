/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Openings in the firewall of the host. A packet that any chain on the forward hook drops is lost, whatever
 * a table of ours says. So where a chain may drop what the tunnel forwards, rules of ours stand at its
 * beginning (in Docker's DOCKER-USER, where that chain goes there first), which accept that and nothing else:
 *
 *	from the tunnel into the tunnel (a relay); from the tunnel to the networks that this host advertises,
 *	and from those into the tunnel
 *
 * Each rule carries the comment "nexodus <interface>", by which it is found again and removed exactly.
 * Other rules are neither changed nor moved.
 */
#ifndef RELAY_OPENING_H
#define RELAY_OPENING_H

#include "plugins/relay/firewall.h"
#include "plugins/relay/place.h"

enum { OPENING_MARK_ROOM = 32 };

/* Whose rules, and by whose services. */
struct opener {
	const struct nx_services *services;
	struct nx_host *host;
	const char *interface; /* judged by firewall_name_fit */
};

/* What a look at the firewall found. Empty when zeroed. */
struct openings_view {
	struct places closed; /* chains that may drop: where rules are to be */
	struct places gone;   /* of the places asked for, those that are no more */
	bool table;	      /* our own table stands */
};

/*
 * Look where rules are to be for `wish` (NULL: nowhere), and which of `known` are gone. Runs nft, and the
 * legacy programs where the kernel has legacy tables. On a failure the view holds what was learnt so far.
 */
enum nx_status openings_look(const struct opener *opener, const struct firewall_wish *wish,
			     const struct places *known, struct openings_view *out, struct nx_error *error);
void openings_view_clear(struct openings_view *view);

/*
 * Have the rules for `wish` in that place, none for NULL. With `anew` all of ours there are replaced, in one
 * transaction; else only when their number is not right. `*changed` tells whether anything was done.
 */
enum nx_status opening_set(const struct opener *opener, const struct place *place,
			   const struct firewall_wish *wish, bool anew, bool *changed,
			   struct nx_error *error);

/* --- parts, for the two keepers of chains (opening_nft.c, opening_legacy.c) ---------------------- */

/* "nexodus <interface>" */
void opening_mark(const struct opener *opener, char out[static OPENING_MARK_ROOM]);
/* How many rules `wish` means in a chain of that family. */
size_t opening_count(const struct firewall_wish *wish, const char *family);
/* Write one line for each rule, as nft -f or iptables-restore reads it. */
void opening_write(FILE *out, const struct opener *opener, const struct place *place,
		   const struct firewall_wish *wish);
/* A program's output, for free(); at most some megabytes, more is a failure. */
enum nx_status opening_output(const struct opener *opener, const char *const *arguments, char **out,
			      struct nx_error *error);

enum nx_status opening_nft_look(const struct opener *opener, const struct firewall_wish *wish,
				const struct places *known, struct openings_view *out,
				struct nx_error *error);
enum nx_status opening_nft_set(const struct opener *opener, const struct place *place,
			       const struct firewall_wish *wish, bool anew, bool *changed,
			       struct nx_error *error);
enum nx_status opening_legacy_look(const struct opener *opener, const struct firewall_wish *wish,
				   const struct places *known, struct openings_view *out,
				   struct nx_error *error);
enum nx_status opening_legacy_set(const struct opener *opener, const struct place *place,
				  const struct firewall_wish *wish, bool anew, bool *changed,
				  struct nx_error *error);

#endif
