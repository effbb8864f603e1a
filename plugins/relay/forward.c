/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/relay/forward.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/relay/switch.h"

static const char *state_directory(const struct forwarding *forwarding)
{
	return forwarding->services->agent->state_directory(forwarding->host);
}

void forwarding_start(struct forwarding *forwarding)
{
	const struct nx_services *services = forwarding->services;

	if (undo_load(&forwarding->undo, state_directory(forwarding))) {
		forwarding->recorded = forwarding->undo.interface[0] != '\0';
		return;
	}
	services->log(forwarding->host, NX_LOG_WARNING,
		      "%s/forwarding, which tells what this host's forwarding was before, cannot be used "
		      "(%s): if a "
		      "previous run was killed, check net.ipv4.ip_forward, net.ipv6.conf.all.forwarding, "
		      "and the firewall for rules with a comment \"nexodus ...\"",
		      state_directory(forwarding), errno ? strerror(errno) : "it is damaged");
}

/* Note on disk what is about to change. Even where no switch has to be turned there is a table to remember.
 */
static enum nx_status undo_note(struct forwarding *forwarding, struct nx_error *error)
{
	struct undo *undo = &forwarding->undo;
	bool more;

	if (!switches_note(undo, undo->interface, &more))
		return forwarding->services->fail(error, NX_INTERNAL, NULL, "out of memory");
	forwarding->recorded =
		(forwarding->recorded && !more) || undo_save(undo, state_directory(forwarding));
	if (forwarding->recorded)
		return NX_OK;
	return forwarding->services->fail(
		error, NX_INTERNAL, NULL,
		"cannot write %s/forwarding, without which forwarding could not be put "
		"back: %s",
		state_directory(forwarding), strerror(errno));
}

static enum nx_status switches_turn(struct forwarding *forwarding, struct nx_error *error)
{
	const char *name;

	if (switches_on(&forwarding->undo, &name))
		return NX_OK;
	return forwarding->services->fail(error, NX_UNSUPPORTED, NULL,
					  "cannot turn forwarding on (/proc/sys/%s): %s", name,
					  strerror(errno));
}

/* --- seeing to it that it stays so ---------------------------------------------------------------- */

/* Say it once, however often it is found again. */
static void complain(struct forwarding *forwarding, const char *what, const char *message)
{
	if (strcmp(forwarding->complaint, message) == 0)
		return;
	snprintf(forwarding->complaint, sizeof(forwarding->complaint), "%s", message);
	if (*message)
		forwarding->services->log(forwarding->host, NX_LOG_WARNING, "%s: %s", what, message);
}

static const char firewall_drops[] = "the host's own firewall may drop what the tunnel forwards";

static void openings_see_to(struct forwarding *forwarding, bool anew)
{
	struct nx_error error = {0};

	complain(forwarding, firewall_drops,
		 forwarding_open(forwarding, anew, &error) == NX_OK ? "" : error.message);
}

/* Turn on again what somebody has turned off, and see to interfaces that came since. */
static enum nx_status switches_keep(struct forwarding *forwarding, struct nx_error *error)
{
	const char *off = switches_off();
	enum nx_status status = undo_note(forwarding, error);

	if (status == NX_OK)
		status = switches_turn(forwarding, error);
	if (status == NX_OK && off)
		forwarding->services->log(forwarding->host, NX_LOG_WARNING,
					  "somebody turned forwarding off (/proc/sys/%s), which this host "
					  "needs for the mesh: it is on again",
					  off);
	return status;
}

static void host_changed(void *context)
{
	struct forwarding *forwarding = context;
	struct nx_error error = {0}, second;

	if (switches_keep(forwarding, &error) == NX_OK) {
		openings_see_to(forwarding, false);
		return;
	}
	complain(forwarding, "this host may not forward what comes from the tunnel", error.message);
	(void)forwarding_open(forwarding, false, &second);
}

/* --- life ------------------------------------------------------------------------------------------ */

void forwarding_init(struct forwarding *forwarding, const struct nx_services *services, struct nx_host *host)
{
	*forwarding = (struct forwarding){.services = services, .host = host};
	forwarding->guard = (struct guard){
		.services = services,
		.host = host,
		.due = host_changed,
		.context = forwarding,
		.descriptor = -1,
	};
}

/* Keep the wish for as long as it is to be seen to. */
static enum nx_status wish_keep(struct forwarding *forwarding, const struct firewall_wish *wish,
				struct nx_error *error)
{
	struct nx_prefix *networks = NULL;

	if (wish->network_count) {
		networks = reallocarray(NULL, wish->network_count, sizeof(*networks));
		if (!networks)
			return forwarding->services->fail(error, NX_INTERNAL, NULL, "out of memory");
		memcpy(networks, wish->networks, wish->network_count * sizeof(*networks));
	}
	free(forwarding->networks);
	forwarding->networks = networks;
	forwarding->wish = *wish;
	forwarding->wish.networks = networks;
	forwarding->wish.interface = forwarding->undo.interface;
	return NX_OK;
}

enum nx_status forwarding_on(struct forwarding *forwarding, const struct firewall_wish *wish,
			     struct nx_error *error)
{
	enum nx_status status = NX_OK;

	if (forwarding->undo.interface[0] && strcmp(forwarding->undo.interface, wish->interface) != 0)
		status = forwarding_off(forwarding, error);
	if (status == NX_OK) {
		snprintf(forwarding->undo.interface, sizeof(forwarding->undo.interface), "%s",
			 wish->interface);
		status = undo_note(forwarding, error);
	}
	if (status == NX_OK)
		status = wish_keep(forwarding, wish, error);
	/* The table before the switches: the host is never open without it. */
	if (status == NX_OK)
		status = firewall_set(forwarding->services, forwarding->host, wish, error);
	if (status == NX_OK)
		status = switches_turn(forwarding, error);
	if (status != NX_OK)
		return status;
	openings_see_to(forwarding, true);
	guard_start(&forwarding->guard);
	return NX_OK;
}

enum nx_status forwarding_off(struct forwarding *forwarding, struct nx_error *error)
{
	if (!forwarding->undo.interface[0])
		return NX_OK;
	guard_stop(&forwarding->guard);
	switches_back(&forwarding->undo);
	enum nx_status status = forwarding_close(forwarding, error);
	if (status != NX_OK)
		return status;
	status = firewall_remove(forwarding->services, forwarding->host, forwarding->undo.interface, error);
	/* Without nft there is no table either. */
	if (status != NX_OK && status != NX_UNSUPPORTED)
		return status;
	undo_forget(state_directory(forwarding));
	undo_clear(&forwarding->undo);
	forwarding->recorded = false;
	forwarding->complaint[0] = '\0';
	return NX_OK;
}

void forwarding_free(struct forwarding *forwarding)
{
	guard_stop(&forwarding->guard);
	free(forwarding->networks);
	undo_clear(&forwarding->undo);
}
