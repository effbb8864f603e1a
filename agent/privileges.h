/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nexd may do on its host. Of all that root may, it needs CAP_NET_ADMIN (interfaces,
 * routes, the firewall, the settings below /proc/sys/net) and CAP_NET_RAW (packets from the
 * tunnel's port), and so do the programs it runs.
 */
#ifndef NX_AGENT_PRIVILEGES_H
#define NX_AGENT_PRIVILEGES_H

#include "base/error.h"

/*
 * Give up everything else for good, for this process and all that it will start: the permitted,
 * effective and bounding sets are cut, what is kept is made ambient, and no program that is
 * executed can gain more. The user stays who it is. Before the first thread and the first child.
 * Somebody who has less to begin with keeps what they have. NX_DENIED when the kernel refuses.
 */
enum nx_status nx_privileges_drop(struct nx_error *error);

#endif
