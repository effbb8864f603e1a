/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host for an agent's plugin that is real and nobody else's: network, processes and /run of its own, in
 * which the plugin gets what nexd offers. All of it ends with the process, whatever the plugin has made
 * there.
 */
#ifndef NX_CHECK_NETNS_H
#define NX_CHECK_NETNS_H

#include "check/check.h"

/*
 * Go on in such a host: answers in a new process, while the old one waits for that and ends as it does.
 * False: it could not be made, and the check says why.
 */
bool netns_enter(struct check *check);
/* What the plugin gets there; *program is what stands behind its host handle. NULL: not in this build. */
const struct nx_agent_services *netns_services(const char *state_directory, void **program);
/* After the plugin is unloaded. */
void netns_release(void);

#endif
