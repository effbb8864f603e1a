/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers at the configuration socket. The first byte says how long the pieces are
 * that the answer comes in (0: whole), and by its highest bit whether it answers a
 * "set"; the rest is the answer. Pieces must not matter.
 */
#include <stdlib.h>
#include <string.h>

#include "../uapi_read.h"
#include "fuzz.h"

#define SET_ANSWER 0x80u

static enum wg_uapi_state read_in_pieces(struct wg_device *device, const uint8_t *data, size_t length,
					 size_t piece)
{
	struct wg_uapi_reader reader;
	enum wg_uapi_state state = WG_UAPI_MORE;

	wg_uapi_reader_start(&reader, device);
	while (length) {
		size_t step = piece && piece < length ? piece : length;

		state = wg_uapi_reader_feed(&reader, (const char *)data, step);
		data += step;
		length -= step;
	}
	wg_uapi_reader_wipe(&reader);
	return state;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wg_device pieces WG_AUTO_DEVICE = {0};
	struct wg_device whole WG_AUTO_DEVICE = {0};
	bool of_set;

	if (!size)
		return 0;
	of_set = data[0] & SET_ANSWER;
	if (read_in_pieces(of_set ? NULL : &pieces, data + 1, size - 1, data[0] & ~SET_ANSWER) !=
		    read_in_pieces(of_set ? NULL : &whole, data + 1, size - 1, 0) ||
	    pieces.peer_count != whole.peer_count || pieces.listen_port != whole.listen_port)
		abort();
	return 0;
}
