#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# faults.sh PROGRAM POOLS PLUGINS: each plugin that is wrong on purpose is found out, by the check that looks for
# its fault and in words that name it. The one without a fault passes.
set -u
program=$1 pools=$2 plugins=$3
LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/nexodus-check.XXXXXX")
trap 'rm -rf "$LAB_DIR"' EXIT
. "$(dirname "$0")/../lib/check.sh"

# judge FILE OPTION...: what the program says, in $LAB_DIR/said, and its exit status
judge()
{
	"$program" --operations=20000 --seed=1 "${@:2}" "$1" >"$LAB_DIR/said" 2>"$LAB_DIR/errors"
	status=$?
}

# fails FILE CHECK WORDS [OPTION...]: that check fails, and says so with these words (an extended expression)
fails()
{
	local file=$1 check=$2 words=$3
	judge "$file" "${@:4}"
	if [ "$status" = 1 ] && grep -qE "^FAILED: $check: .*($words)" "$LAB_DIR/said"; then
		check_passed "$(basename "$file") fails $check"
	else
		check_failed "$(basename "$file")" "expected that $check fails with '$words', found status $status" \
			"$(grep -A9 ^FAILED "$LAB_DIR/said"; cat "$LAB_DIR/errors")"
	fi
}

# passes FILE CHECK: that check has nothing to say, whatever the others say
passes()
{
	check "$(basename "$1") passes $2" grep -qx "ok: $2" "$LAB_DIR/said"
}

judge "$pools/right.so"
check_same "the pool without a fault passes" 0 "$status"

fails "$pools/last.so" ipam/inet.exhaustion "expected an address, as 1 of the 2 .* are taken, found that it is exhausted"
fails "$pools/leak.so" ipam/inet.exhaustion "expected an address, .* found that it is exhausted"
passes "$pools/leak.so" ipam/inet.untouched
fails "$pools/network.so" ipam/inet.reserved "the network's address"
fails "$pools/device.so" ipam/inet.two-servers "expected a free address .* which is taken"
passes "$pools/device.so" ipam/inet.random
fails "$pools/outside.so" ipam/inet.sizes "expected a proposal inside 10.0.0.0/25, found 10.0.0.2"
passes "$pools/outside.so" ipam/inet.prefix-check
fails "$pools/wrap.so" ipam/inet.random "expected a free address of .*, which is taken"
fails "$pools/usage.so" ipam/inet.usage "expected 40 taken addresses .*, found 41"
fails "$pools/output.so" ipam/inet.untouched "pool_allocate leaves its output alone"
passes "$pools/output.so" ipam/inet.random
fails "$pools/leak-memory.so" ipam/inet.memory "bytes more in use"
passes "$pools/leak-memory.so" ipam/inet.random
fails "$pools/shared.so" ipam/inet.organizations "found conflict|which is taken|not taken|is exhausted"
fails "$pools/not-found.so" ipam/inet.release "expected not found .*, found success"
fails "$pools/host-bits.so" ipam/inet.prefix-check "refuses 10.0.0.1/30 as invalid"

# Relay policies, keys and drivers.
for name in policy keys tunnel; do
	judge "$pools/$name.so"
	check_same "$name without a fault passes" 0 "$status"
done
fails "$pools/standing.so" relay/none.records "a plain host's, found another"
fails "$pools/prefer.so" relay/none.prefer "found that .* prefers none of"
fails "$pools/carrier.so" relay/none.carrier "find the same carrier"
passes "$pools/carrier.so" relay/none.prefer
fails "$pools/room.so" relay/none.plan "written behind them"
passes "$pools/room.so" relay/none.carrier
fails "$pools/twice.so" relay/none.plan "expected each prefix at one peer, found .* at two"
fails "$pools/state.so" relay/none.plan "the same plan for .* twice"
fails "$pools/writes.so" relay/none.plan "plan\\(\\) wrote to it"
fails "$pools/key-output.so" driver/hex.garbage "the output is left alone"
fails "$pools/key-long.so" driver/hex.garbage "a text of 100000 bytes is refused"
fails "$pools/key-form.so" driver/hex.canonical "stays as it is"
passes "$pools/key-form.so" driver/hex.garbage
fails "$pools/key-mode.so" driver/none.key "tunnel-key in the state directory, found mode 0644"
fails "$pools/key-new.so" driver/none.key "expected the same key of a host twice"
fails "$pools/up-output.so" driver/none.refused "interface_up leaves its output alone"
passes "$pools/up-output.so" driver/none.key
fails "$pools/stands.so" driver/none.refused "no interface stands before one was made"
if [ "$(id -u)" = 0 ]; then
	fails "$pools/no-interface.so" driver/none.netns "the number of the interface, 0, found 1" --netns
	judge "$pools/tunnel.so" --netns
	check "where there is no tunnel, it is skipped" \
		grep -q "^skipped: driver/none.netns: this host cannot do it: there is no tunnel" "$LAB_DIR/said"
fi
judge "$pools/no-interface.so"
check "without leave no interface is made" grep -q "^skipped: driver/none.netns: .*--netns" "$LAB_DIR/said"

# Strategies.
judge "$pools/next.so"
check_same "the strategy without a fault passes" 0 "$status"
fails "$pools/four.so" strategy/next.proposals "expected an address of 16 bytes .*, found one of 4"
fails "$pools/border.so" strategy/next.proposals "expected a proposal inside .*/20, found"
fails "$pools/reserved.so" strategy/next.proposals "expected an address for a host of .*, which is reserved"
fails "$pools/repeat.so" strategy/next.taken "expected another address at attempt 1, found .* again, which is taken"
passes "$pools/repeat.so" strategy/next.requests
fails "$pools/blind.so" strategy/next.last "expected a proposal inside|expected an address for a host|expected an address of 16"
fails "$pools/draws.so" strategy/next.exhaustion "expected an address, as [0-9]+ of the [0-9]+ of .* are taken, found that it is exhausted"
passes "$pools/draws.so" strategy/next.requests
fails "$pools/full.so" strategy/next.exhaustion "expected \`exhausted\`, as all 2 addresses of .* are taken, found"
passes "$pools/full.so" strategy/next.taken
fails "$pools/status.so" strategy/next.exhaustion "expected an address or \`exhausted\`, found conflict: all are taken"
fails "$pools/last-null.so" strategy/next.last "was killed by signal 6"
fails "$pools/last-outside.so" strategy/next.last "found invalid: it looks for addresses outside the prefix"
passes "$pools/last-outside.so" strategy/next.untouched
fails "$pools/name.so" strategy/next.requests "found invalid: the host's name is too long"
passes "$pools/name.so" strategy/next.exhaustion
fails "$pools/scribble.so" strategy/next.untouched "leaves its output alone when there is no address"
passes "$pools/scribble.so" strategy/next.exhaustion
fails "$pools/linear.so" strategy/next.growth "looks at 64 addresses at most, found [0-9]+ in a /"
passes "$pools/linear.so" strategy/next.exhaustion
fails "$pools/burn.so" strategy/next.growth "takes as long in a /16 as in a /24, found" --only=strategy/next.growth
fails "$pools/stuck.so" strategy/next.exhaustion "did not end within 1 seconds" --timeout=1 --only=strategy/next.exhaustion
fails "$pools/deaf.so" strategy/next.waiting "returns in 5 s when nobody waits any more, found" --only=strategy/next.waiting
fails "$pools/guesses.so" strategy/next.taken "expected another address at attempt 2, found .* again, which is taken"
fails "$pools/looks.so" strategy/next.proposals "was killed by signal|ended the program with status" \
	--only=strategy/next.proposals

# A crash, or one that hangs, is told with the calls that led to it, and takes nothing else with it.
fails "$pools/crash.so" ipam/inet.random "was killed by signal 6"
passes "$pools/crash.so" ipam/inet.untouched
check "the calls before the crash are told" grep -q "    pool_allocate().*: has not returned" "$LAB_DIR/said"
fails "$pools/hang.so" ipam/inet.exhaustion "did not end within 1 seconds" --timeout=1
passes "$pools/hang.so" ipam/inet.untouched
check "the calls before it hung are told" grep -q "    pool_allocate().*: has not returned" "$LAB_DIR/said"
fails "$pools/crash-load.so" life-cycle "was killed by signal 6"

# The descriptor.
fails "$pools/column.so" descriptor.columns "the column tunnel_ip of devices for the field \"tunnel_ip\", found none"
fails "$pools/column-type.so" descriptor.columns "to be TEXT NOT NULL with a DEFAULT, found BIGINT"
fails "$pools/down.so" descriptor.columns "drops the column ip_prefix of devices, found that it stays"
fails "$pools/key-twice.so" descriptor.configuration "\"note\" stands there twice"
fails "$plugins/bad-key.so" descriptor.configuration "12"
fails "$plugins/bad-migration.so" descriptor.migrations "expected migration 1, found number 2"
fails "$plugins/no-way-back.so" descriptor.migrations "found no \`down\`"
fails "$plugins/hollow-ops.so" descriptor.provides "expected \`device_check\`"
fails "$plugins/short-ops.so" descriptor.provides "expected \`device_check\`"
fails "$plugins/unknown-kind.so" descriptor.provides "teapot"
fails "$plugins/bad-column.so" descriptor.fields "note,DROP"
fails "$plugins/other-name.so" descriptor.texts "somebody-else"
check "what it provides is not tried then" grep -q "are left out" "$LAB_DIR/said"
fails "$plugins/failing-load.so" life-cycle "does not want to"
fails "$plugins/failing-reload.so" life-cycle "does not want to"
check_report
