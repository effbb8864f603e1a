/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/network/mtu.h"

void nx_mtu_take(struct nx_mtu *mtu, uint32_t path, uint32_t overhead)
{
	uint32_t room = path > overhead ? path - overhead : 0;

	if (room >= mtu->value)
		return;
	mtu->value = room;
	mtu->narrowest = path;
}

void nx_mtu_require(struct nx_mtu *mtu, uint32_t minimum)
{
	if (minimum > mtu->minimum)
		mtu->minimum = minimum;
}

void nx_mtu_settle(struct nx_mtu *mtu)
{
	mtu->short_path = mtu->value < mtu->minimum ? mtu->narrowest : 0;
	if (mtu->value < mtu->minimum)
		mtu->value = mtu->minimum;
}
