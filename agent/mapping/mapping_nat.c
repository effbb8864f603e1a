/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/mapping/mapping_nat.h"

#include "base/address.h"

static bool untranslated(const struct nx_mapping_result *result)
{
	return result->kind != NX_MAPPING_SYMMETRIC && result->mapped.port &&
	       nx_address_compare(&result->mapped.address, &result->source) == 0;
}

enum nx_nat nx_mapping_nat(const struct nx_mapping_view *views, size_t count)
{
	bool symmetric = false, suspect = false, independent = false, own = false, reachable = false;

	for (size_t i = 0; i < count; i++) {
		const struct nx_mapping_view *view = &views[i];

		symmetric |= !view->fixed && view->result.kind == NX_MAPPING_SYMMETRIC;
		suspect |= !view->fixed && view->result.suspect && !untranslated(&view->result);
		independent |= view->result.kind == NX_MAPPING_INDEPENDENT;
		own |= view->fixed || untranslated(&view->result);
		reachable |= view->fixed || (untranslated(&view->result) && view->public);
	}
	if (symmetric)
		return reachable ? NX_NAT_NONE : NX_NAT_SYMMETRIC;
	/* What one family tells of itself does not clear the other. */
	if (suspect && !reachable)
		return NX_NAT_UNKNOWN;
	if (own)
		return NX_NAT_NONE;
	return independent ? NX_NAT_INDEPENDENT : NX_NAT_UNKNOWN;
}
