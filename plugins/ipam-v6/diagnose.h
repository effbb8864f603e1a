/* SPDX-License-Identifier: Apache-2.0 */
/* What keeps IPv6 off a host, for a person: the checks "ipv6" and "mtu". */
#ifndef IPAM_V6_DIAGNOSE_H
#define IPAM_V6_DIAGNOSE_H

#include <nexodus/diagnosis.h>

/* As `diagnose` of struct nx_family_ops; `root` as in ipam_v6_supported(). */
void ipam_v6_diagnose(const char *root, const struct nx_diagnosis *diagnosis);

#endif
