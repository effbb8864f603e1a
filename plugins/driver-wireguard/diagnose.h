/* SPDX-License-Identifier: Apache-2.0 */
/* What keeps a tunnel from coming up, for a person: the checks "wireguard" and "port". */
#ifndef NX_WIREGUARD_DIAGNOSE_H
#define NX_WIREGUARD_DIAGNOSE_H

#include <nexodus/diagnosis.h>

#include "instance.h"

/* As `diagnose` of struct nx_driver_ops. */
void wg_diagnose(const struct wg_driver *driver, const struct nx_diagnosis *diagnosis);

#endif
