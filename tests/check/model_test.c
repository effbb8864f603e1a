/* SPDX-License-Identifier: Apache-2.0 */
/* The set of addresses that pools are held against, against a plain list. */
#include "check/model.h"
#include "check/number.h"
#include "tests/unit/unit.h"

enum { NUMBERS = 500, STEPS = 200000 };

static void steps_run(uint8_t length, check_number base)
{
	static bool present[NUMBERS];
	struct model model = {0};
	size_t count = 0;

	for (size_t i = 0; i < NUMBERS; i++)
		present[i] = false;
	for (size_t i = 0; i < STEPS; i++) {
		size_t number = unit_random() % NUMBERS;
		struct nx_address address = number_address(base + number, length);

		CU_ASSERT_EQUAL_FATAL(model_has(&model, &address), present[number]);
		if (unit_random() % 2) {
			CU_ASSERT_EQUAL_FATAL(model_remove(&model, &address), present[number]);
			count -= present[number];
			present[number] = false;
		} else if (!present[number]) {
			model_add(&model, &address);
			count++;
			present[number] = true;
		}
		CU_ASSERT_EQUAL_FATAL(model.count, count);
	}
	for (size_t i = 0; i < model.count; i++)
		CU_ASSERT_TRUE(present[(size_t)(number_of(&model.items[i]) - base)]);
	model_clear(&model);
}

static void test_short(void)
{
	steps_run(4, 0x0a000000);
}

static void test_long(void)
{
	steps_run(16, (check_number)0xfd00 << 112);
}

static void test_number(void)
{
	const struct nx_prefix prefix = {{4, {10, 0, 3, 0}}, 24};
	struct nx_address last = host_address(&prefix, host_last(&prefix));

	CU_ASSERT_EQUAL(host_bits(&prefix), 8);
	CU_ASSERT_EQUAL(number_of(&prefix.address), 0x0a000300);
	CU_ASSERT_EQUAL(last.bytes[3], 255);
	CU_ASSERT_EQUAL(last.bytes[2], 3);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"addresses of 4 bytes", test_short},
		{"addresses of 16 bytes", test_long},
		{"numbers", test_number},
		CU_TEST_INFO_NULL,
	};

	return unit_run("model", tests);
}
