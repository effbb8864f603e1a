/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NX_WIREGUARD_FUZZ_H
#define NX_WIREGUARD_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's entry; must abort or return 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
