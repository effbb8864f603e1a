/* SPDX-License-Identifier: Apache-2.0 */
/* What keeps a host that is to forward from forwarding, for a person: the checks "forwarding" and "firewall".
 */
#ifndef RELAY_DIAGNOSE_H
#define RELAY_DIAGNOSE_H

#include <nexodus/diagnosis.h>
#include <nexodus/agent.h>
#include <nexodus/plugin.h>

/* `forwards`: the host is to forward, whatever `diagnosis` says of child prefixes. */
void relay_diagnose(const struct nx_services *services, struct nx_host *host, bool forwards,
		    const struct nx_diagnosis *diagnosis);

/*
 * Does a ruleset, as `nft list ruleset` prints it, drop what the host forwards? A table of which a chain that
 * hooks "forward" has the policy drop does, unless a rule in it is marked as ours. Its name goes to `table`.
 */
bool relay_ruleset_drops(const char *ruleset, const char *interface, char *table, size_t room);

#endif
