#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# program.sh PROGRAM POOLS PLUGINS PYTHON: the command line of nexodus-plugin-check, its exit statuses and its reports.
set -u
program=$1 pools=$2 plugins=$3 python=$4
LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/nexodus-check.XXXXXX")
trap 'rm -rf "$LAB_DIR"' EXIT
export TMPDIR=$LAB_DIR/tmp
mkdir "$TMPDIR"
. "$(dirname "$0")/../lib/check.sh"
abi=$(sed -nE 's/^#define NX_ABI_(MAJOR|MINOR) ([0-9]+)$/\2/p' "$(dirname "$0")/../../include/nexodus/plugin.h" | paste -sd .)

# exits STATUS WHAT OPTION...
exits()
{
	"$program" "${@:3}" >"$LAB_DIR/said" 2>"$LAB_DIR/errors"
	check_same "$2: exit status" "$1" $?
}

exits 0 "--help" --help
check "help tells of every option" grep -q -- --operations "$LAB_DIR/said"
exits 0 "--version" --version
exits 0 "--list" --list
check "the list has a check of pools" grep -qE "^ipam/\*\.two-servers +" "$LAB_DIR/said"
exits 2 "no file"
exits 2 "two files" "$pools/right.so" "$pools/right.so"
exits 2 "an unknown option" --frobnicate "$pools/right.so"
exits 2 "no number" --operations=many "$pools/right.so"
exits 2 "too large a number" --seed=18446744073709551616 "$pools/right.so"
exits 2 "no time" --timeout=0 "$pools/right.so"
exits 2 "an unknown form" --output=xml "$pools/right.so"
exits 2 "a setting without a value" --set=note "$pools/right.so"
exits 2 "a check that there is none of" --only=teapot "$pools/right.so"
check "which is said" grep -q "teapot" "$LAB_DIR/errors"

exits 3 "no such file" "$LAB_DIR/none.so"
check "which is said" grep -q "none.so: expected a plugin, found no such file" "$LAB_DIR/said"
echo "no library" >"$LAB_DIR/text.so"
exits 3 "no library" "$LAB_DIR/text.so"
exits 3 "no descriptor" "$plugins/no-descriptor.so"
exits 3 "another major" "$plugins/newer-major.so"
exits 3 "no role" "$plugins/no-role.so"
exits 3 "unresolved symbols" "$plugins/unresolved.so"
exits 3 "a crash while it is loaded" "$pools/crash-open.so"
check "which is said" grep -q "while it was loaded, was killed by signal 6" "$LAB_DIR/said"
cp "$pools/right.so" "$LAB_DIR/Right_1.so"
exits 3 "a name that is no plugin's" "$LAB_DIR/Right_1.so"

# Where it lies, others could write it: no failure, but it is said.
cp "$pools/right.so" "$LAB_DIR/right.so"
chmod 666 "$LAB_DIR/right.so"
exits 0 "a file that others can write" --operations=500 "$LAB_DIR/right.so"
check "which is said" grep -q "^note: file.access: .*mode 0666" "$LAB_DIR/said"

# The same seed is the same run; one check can be had alone.
exits 1 "a fault" --operations=5000 --seed=7 --only=ipam/inet.usage "$pools/usage.so"
grep -v "^$" "$LAB_DIR/said" >"$LAB_DIR/first"
check "the seed is told" grep -q "^seed 7, 5000 operations" "$LAB_DIR/first"
check_same "one check is told" 1 "$(grep -cE '^(ok|FAILED|skipped|note): ' "$LAB_DIR/first")"
exits 1 "the same fault" --operations=5000 --seed=7 --only=ipam/inet.usage "$pools/usage.so"
check_same "the same seed tells the same" "$(cat "$LAB_DIR/first")" "$(grep -v "^$" "$LAB_DIR/said")"

exits 1 "a setting that there is none of" --set=colour=red --operations=500 "$pools/right.so"
check "which is said" grep -q "colour" "$LAB_DIR/said"
exits 0 "a setting" --set=note=x --operations=500 "$pools/right.so"

# As JSON, whatever becomes of the plugin.
json()
{
	"$python" -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2], {"d": d}))' "$LAB_DIR/said" "$1"
}
exits 1 "JSON" --output=json --operations=5000 --seed=18446744073709551615 "$pools/usage.so"
check_same "it says what the plugin is" "usage server $abi" "$(json '" ".join((d["plugin"]["name"], d["plugin"]["role"], d["plugin"]["abi"]))')"
check_same "and the seed" 18446744073709551615 "$(json 'd["seed"]')"
check_same "and what failed" True "$(json '"ipam/inet.usage" in [c["check"] for c in d["checks"] if c["result"] == "failed"]')"
check_same "and counts" True "$(json 'd["passed"] + d["failed"] + d["skipped"] + d["notes"] == len(d["checks"])')"
exits 3 "JSON of no plugin" --output=json "$LAB_DIR/text.so"
check_same "it says why" True "$(json '"expected an ELF library" in d["refused"]')"
exits 1 "JSON of a crash" --output=json --operations=2000 --only=life-cycle "$pools/crash-load.so"
check_same "it says so" True "$(json '"signal 6" in d["checks"][0]["detail"]')"

"$program" "$pools/right.so" --operations=500 >/dev/full 2>"$LAB_DIR/errors"
check_same "a report that cannot be written is no success" 1 $?
check_same "nothing is left behind" "" "$(ls "$TMPDIR")"
check_report
