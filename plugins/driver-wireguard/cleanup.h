/* SPDX-License-Identifier: Apache-2.0 */
/* What goes out of scope is closed. (Keys and devices: see key.h and device.h.) */
#ifndef NX_WIREGUARD_CLEANUP_H
#define NX_WIREGUARD_CLEANUP_H

#include <unistd.h>

static inline void wg_cleanup_close(const int *descriptor)
{
	if (*descriptor >= 0)
		close(*descriptor);
}

#define WG_AUTO_CLOSE __attribute__((cleanup(wg_cleanup_close)))

#endif
