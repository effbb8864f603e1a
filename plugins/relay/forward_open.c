/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "plugins/relay/forward.h"
#include "plugins/relay/opening.h"

static struct opener opener_of(const struct forwarding *forwarding)
{
	return (struct opener){forwarding->services, forwarding->host, forwarding->undo.interface};
}

static enum nx_status undo_write(struct forwarding *forwarding, struct nx_error *error)
{
	const char *directory = forwarding->services->agent->state_directory(forwarding->host);

	forwarding->recorded = undo_save(&forwarding->undo, directory);
	if (forwarding->recorded)
		return NX_OK;
	return forwarding->services->fail(
		error, NX_INTERNAL, NULL,
		"cannot write %s/forwarding, without which rules could not be taken "
		"away again: %s",
		directory, strerror(errno));
}

/* Remember on disk, before anything is done there, where rules are to be. */
static enum nx_status places_note(struct forwarding *forwarding, const struct places *closed,
				  struct nx_error *error)
{
	struct places *noted = &forwarding->undo.places;
	size_t before = noted->count;

	for (size_t i = 0; i < closed->count; i++) {
		if (!places_add(noted, &closed->list[i]))
			return forwarding->services->fail(
				error, NX_UNSUPPORTED, NULL,
				"too many chains of the host's firewall drop what is "
				"forwarded");
	}
	if (forwarding->recorded && noted->count == before)
		return NX_OK;
	return undo_write(forwarding, error);
}

static void opened_log(const struct forwarding *forwarding, const struct place *place, bool in)
{
	forwarding->services->log(
		forwarding->host, NX_LOG_INFO,
		"%s chain %s of table %s %s (%s), which may drop what %s forwards",
		in ? "put rules into" : "took our rules out of", place->chain, place->family, place->table,
		place->legacy ? "legacy iptables" : "nf_tables", forwarding->undo.interface);
}

/* The first failure is answered, and the other places are opened all the same. */
static enum nx_status places_open(struct forwarding *forwarding, const struct places *closed, bool anew,
				  struct nx_error *error)
{
	struct opener opener = opener_of(forwarding);
	enum nx_status worst = NX_OK;

	for (size_t i = 0; i < closed->count; i++) {
		const struct place *place = &closed->list[i];
		bool changed = false;
		enum nx_status status = opening_set(&opener, place, &forwarding->wish, anew, &changed,
						    worst == NX_OK ? error : NULL);
		if (worst == NX_OK)
			worst = status;
		if (changed)
			opened_log(forwarding, place, true);
	}
	return worst;
}

/* Take our rules out of the places noted, but for those in `kept`, and forget them. */
static enum nx_status places_leave(struct forwarding *forwarding, const struct places *kept,
				   const struct places *gone, struct nx_error *error)
{
	struct opener opener = opener_of(forwarding);
	struct places *noted = &forwarding->undo.places;
	enum nx_status worst = NX_OK;

	for (size_t i = noted->count; i-- > 0;) {
		enum nx_status status = NX_OK;
		bool changed = false;
		if (places_have(kept, &noted->list[i]))
			continue;
		if (!places_have(gone, &noted->list[i]))
			status = opening_set(&opener, &noted->list[i], NULL, false, &changed,
					     worst == NX_OK ? error : NULL);
		if (changed)
			opened_log(forwarding, &noted->list[i], false);
		if (status == NX_OK)
			places_remove(noted, i);
		else if (worst == NX_OK)
			worst = status;
	}
	return worst;
}

static enum nx_status view_apply(struct forwarding *forwarding, const struct openings_view *view, bool anew,
				 struct nx_error *error)
{
	enum nx_status status = NX_OK;

	if (!view->table)
		status = firewall_set(forwarding->services, forwarding->host, &forwarding->wish, error);
	if (status == NX_OK)
		status = places_note(forwarding, &view->closed, error);
	if (status == NX_OK)
		status = places_open(forwarding, &view->closed, anew, error);
	return status;
}

enum nx_status forwarding_open(struct forwarding *forwarding, bool anew, struct nx_error *error)
{
	struct opener opener = opener_of(forwarding);
	struct openings_view view = {0};
	struct nx_error second;

	enum nx_status look =
		openings_look(&opener, &forwarding->wish, &forwarding->undo.places, &view, error);
	/* Without a look there is no telling whether our table stands. */
	view.table |= look != NX_OK;
	enum nx_status status = view_apply(forwarding, &view, anew, look == NX_OK ? error : &second);
	/* What was not seen may still be closed. */
	if (look == NX_OK && status == NX_OK) {
		size_t noted = forwarding->undo.places.count;
		status = places_leave(forwarding, &view.closed, &view.gone, error);
		if (status == NX_OK && forwarding->undo.places.count != noted)
			status = undo_write(forwarding, error);
	}
	openings_view_clear(&view);
	return look == NX_OK ? status : look;
}

enum nx_status forwarding_close(struct forwarding *forwarding, struct nx_error *error)
{
	struct opener opener = opener_of(forwarding);
	struct openings_view view = {0};
	struct nx_error ignored;

	if (!forwarding->undo.places.count)
		return NX_OK;
	/* What this does not learn, the attempt itself will tell. */
	(void)openings_look(&opener, NULL, &forwarding->undo.places, &view, &ignored);
	enum nx_status status = places_leave(forwarding, &view.closed, &view.gone, error);
	openings_view_clear(&view);
	return status;
}
