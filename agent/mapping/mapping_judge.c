/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/mapping/mapping_parts.h"
#include "base/address.h"

const char *nx_mapping_kind_name(enum nx_mapping_kind kind)
{
	static const char *const names[] = {
		[NX_MAPPING_UNKNOWN] = "unknown",
		[NX_MAPPING_INDEPENDENT] = "endpoint-independent",
		[NX_MAPPING_SYMMETRIC] = "symmetric",
	};

	return names[kind];
}

/* --- a round ------------------------------------------------------------------------------- */

struct nx_mapping_result nx_queries_judge(const struct nx_query *queries, size_t count)
{
	struct nx_mapping_result result = {0};
	size_t answers = 0, others = 0;

	for (size_t i = 0; i < count; i++) {
		if (queries[i].source.length && !result.source.length)
			result.source = queries[i].source;
		if (!queries[i].mapped.port)
			continue;
		if (!answers++) {
			result.mapped = queries[i].mapped;
			result.source = queries[i].source;
		} else if (nx_endpoint_compare(&queries[i].mapped, &result.mapped) != 0) {
			others++;
		}
	}
	if (others) {
		result.kind = NX_MAPPING_SYMMETRIC;
		result.mapped.port = 0;
	} else if (answers > 1) {
		result.kind = NX_MAPPING_INDEPENDENT;
	}
	return result;
}

struct nx_mapping_result nx_mapping_fold(const struct nx_mapping_result *before,
					 const struct nx_mapping_result *now)
{
	struct nx_mapping_result result = *now;

	result.suspect =
		now->kind == NX_MAPPING_UNKNOWN && (before->suspect || before->kind == NX_MAPPING_SYMMETRIC);
	if (now->mapped.address.length || !before->mapped.address.length)
		return result;
	/* Nobody answered. From another place than before, what was seen then is of no use. */
	result.mapped = before->mapped;
	if (!before->source.length || nx_address_compare(&before->source, &now->source) != 0)
		result.mapped.port = 0;
	return result;
}

bool nx_mapping_same(const struct nx_mapping_result *a, const struct nx_mapping_result *b)
{
	return a->kind == b->kind && nx_endpoint_compare(&a->mapped, &b->mapped) == 0 &&
	       nx_address_compare(&a->source, &b->source) == 0;
}
