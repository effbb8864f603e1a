/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's forwarding, both families, on and back.
 *
 * Turning the switches changes more than themselves. IPv4 (ip-sysctl: "all configuration parameters" are
 * reset) sets every interface's forwarding, and all/accept_redirects. IPv6 sets every interface's forwarding,
 * and the kernel then drops default routes learnt from router advertisements and takes no new ones, but on
 * interfaces whose accept_ra is 2.
 */
#ifndef RELAY_SWITCH_H
#define RELAY_SWITCH_H

#include "plugins/relay/undo.h"

/*
 * Note in `undo` what turning forwarding on will change, and nothing twice. `*more` tells whether anything
 * was noted that the file does not hold. False: no memory.
 */
bool switches_note(struct undo *undo, const char *interface, bool *more);
/* Turn on what `undo` says is ours. False: errno, and `*name` is the setting that would not. */
bool switches_on(const struct undo *undo, const char **name);
/* The setting of a family's switch that is off; NULL when there is none. */
const char *switches_off(void);
/* Put back what was noted, but leave a family's switches that somebody else has turned off meanwhile, and
 * an accept_ra that is no longer as we left it. */
void switches_back(const struct undo *undo);

#endif
