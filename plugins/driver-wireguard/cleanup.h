/* SPDX-License-Identifier: Apache-2.0 */
/* What goes out of scope is closed, freed or wiped. */
#ifndef NX_WIREGUARD_CLEANUP_H
#define NX_WIREGUARD_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void wg_cleanup_close(const int *descriptor)
{
	if (*descriptor >= 0)
		close(*descriptor);
}

static inline void wg_cleanup_free(void *pointer_to_pointer)
{
	free(*(void **)pointer_to_pointer);
}

#define WG_AUTO_CLOSE __attribute__((cleanup(wg_cleanup_close)))
#define WG_AUTO_FREE __attribute__((cleanup(wg_cleanup_free)))

#endif
