/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading answers of WireGuard's cross-platform configuration protocol
 * (https://www.wireguard.com/xplatform/): lines of key=value, then "errno=N" and
 * an empty line. Answers come in pieces of any size; a piece is never kept longer
 * than a line.
 */
#ifndef NX_WIREGUARD_UAPI_READ_H
#define NX_WIREGUARD_UAPI_READ_H

#include "device.h"

#define WG_UAPI_LINE 256	   /* longer than any line of the protocol */
#define WG_UAPI_ANSWER (64u << 20) /* bytes; some hundred thousand peers */

enum wg_uapi_state {
	WG_UAPI_MORE = 0, /* the answer is not complete */
	WG_UAPI_DONE,	  /* it is: `code` is valid */
	WG_UAPI_GARBAGE,  /* it is none, too large, or there is no memory: for good */
};

struct wg_uapi_reader {
	struct wg_device *device; /* NULL: the answer to a "set", which has but an errno */
	enum wg_uapi_state state;
	bool has_code;
	int code; /* an errno as a positive number; 0: done */
	size_t total;
	size_t length; /* of `line` */
	char line[WG_UAPI_LINE];
};

/* Begin; `device` is empty, or NULL. Wipe the reader when done: a "get" answers the private key. */
void wg_uapi_reader_start(struct wg_uapi_reader *reader, struct wg_device *device);
void wg_uapi_reader_wipe(struct wg_uapi_reader *reader);

enum wg_uapi_state wg_uapi_reader_feed(struct wg_uapi_reader *reader, const char *data, size_t length);

#endif
