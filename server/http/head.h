/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the headers of a request say about where it ends. libmicrohttpd 0.9.75 takes
 * two Content-Length headers, and Content-Length beside Transfer-Encoding, and lets
 * names end in blanks; whoever stands in front of the server may read such a request
 * differently and be made to pass on a second, hidden one. RFC 9112 §6.3 has it
 * refused and the connection closed.
 */
#ifndef NX_SERVER_HTTP_HEAD_H
#define NX_SERVER_HTTP_HEAD_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

struct nx_head {
	const char *flaw; /* why it is refused; NULL when it is not */
	bool chunked;
	bool expects;	 /* the client waits for 100 Continue */
	uint64_t length; /* as announced; 0 when nothing was */
};

/* In the first call of the access handler, HTTP thread. */
struct nx_head nx_head_judge(struct MHD_Connection *mhd, const char *version);

#endif
