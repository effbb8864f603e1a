/* SPDX-License-Identifier: Apache-2.0 */
/* Can this host do IPv6 at all? */
#ifndef IPAM_V6_SUPPORT_H
#define IPAM_V6_SUPPORT_H

#include <stdbool.h>

/*
 * Look at /proc below `root` ("" for the real one): the kernel's IPv6 as a whole, then the switches of all
 * interfaces and of `interface`, or, before it exists, of interfaces yet to come. False with the reason for a
 * person.
 */
bool ipam_v6_supported(const char *root, const char *interface, char reason[static 160]);
/* Which disable_ipv6 below net.ipv6.conf switches IPv6 off: "all", `interface` or "default"; NULL: none does.
 */
const char *ipam_v6_switch(const char *root, const char *interface);

#endif
