/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STRATEGY_STABLE_BLAKE2S_TEST_H
#define STRATEGY_STABLE_BLAKE2S_TEST_H

/* Known answers. */
void test_blake2s(void);

#endif
