/* SPDX-License-Identifier: Apache-2.0 */
/* BLAKE2s against answers of another implementation (Python's hashlib), whole and in pieces. */
#include "plugins/strategy-stable/tests/blake2s_test.h"

#include <CUnit/CUnit.h>
#include <stdio.h>

#include "plugins/strategy-stable/blake2s.h"

static void hex_write(const uint8_t bytes[static BLAKE2S_BYTES], char text[static 2 * BLAKE2S_BYTES + 1])
{
	for (size_t i = 0; i < BLAKE2S_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

/* Byte i of a message of n bytes is 7 i + n. */
static const struct {
	size_t length;
	const char *hash;
} rows[] = {
	{0, "69217a3079908094e11121d042354a7c1f55b6482ca1a51e1b250dfd1ed0eef9"},
	{1, "fc87f4f1d721942d282aa61989c069b290d1447d20d4b811430f47ea0edf9991"},
	{3, "ca943acca89a34cf4040cf8ea24147dd94ea62a49de8ef9a88af5272339927b3"},
	{63, "5c9eb3e5acf93799a68777f27cdde8e90cb16d511b7983a875ac5dbfa8aca778"},
	{64, "85de17b4e2581889b98b948346a970b5291b5d2a2a8ee75b1aa2bbb02b98b211"},
	{65, "1c1a9619a26d7cd550199567e5c316eb3db33d96c29790a6c68ba7f1ee8a8803"},
	{127, "440d16085a6e3685c5cbc450b56cb4cb71a3f707e5eae0d4ca18715a41583fc7"},
	{128, "46bf7abf397f8c8f86566279cba2505c9d255be7409760dc327ae520faaf356a"},
	{129, "030e44da1226be0765e3ff31a849aca32cb20222ac3dc32ff10670dc95b22534"},
	{200, "6b7b1be88a9b638f2cc3333bd6c6e70e138b8e62e308dbea4e761b12f76b758b"},
	{1000, "802d01c1238627f67baee29885006cfaab1f07890532935a1ae9354d318df150"},
};

void test_blake2s(void)
{
	uint8_t message[1000], out[BLAKE2S_BYTES];
	char text[2 * BLAKE2S_BYTES + 1];
	struct blake2s hash;

	blake2s_begin(&hash);
	blake2s_add(&hash, "abc", 3);
	blake2s_end(&hash, out);
	hex_write(out, text); /* RFC 7693, appendix B */
	CU_ASSERT_STRING_EQUAL(text, "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982");
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		for (size_t i = 0; i < rows[row].length; i++)
			message[i] = (uint8_t)(7 * i + rows[row].length);
		for (size_t piece = 1; piece <= 130; piece += piece < 3 ? 1 : 31) {
			blake2s_begin(&hash);
			for (size_t at = 0; at < rows[row].length; at += piece)
				blake2s_add(&hash, message + at,
					    at + piece < rows[row].length ? piece : rows[row].length - at);
			blake2s_end(&hash, out);
			hex_write(out, text);
			CU_ASSERT_STRING_EQUAL(text, rows[row].hash);
		}
	}
}
