/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's numeric settings, files below /proc/sys, named by their path there: "net/ipv4/ip_forward". */
#ifndef RELAY_SETTING_H
#define RELAY_SETTING_H

#include <stdbool.h>

/* The longest name, final NUL included. */
enum { SETTING_ROOM = 64 };

/* False: there is no such setting, or it is no number (errno says why). */
bool setting_read(const char *name, int *out);
/* False: errno says why. */
bool setting_write(const char *name, int value);

/* Call `each` with the name of `setting` of each interface below `directory` ("net/ipv4/conf"), of "default"
 * too, but not of "all". It stops where `each` answers false, and answers that. */
bool setting_interfaces(const char *directory, const char *setting,
			bool (*each)(void *context, const char *name), void *context);

#endif
