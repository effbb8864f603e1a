#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What each built plugin exports and what it needs: exactly nexodus_plugin(), nothing of the other role's
# libraries, and bound as strictly as it was compiled to be.
#
#	check-exports.sh BUILD-DIRECTORY
set -eu
build=$1
failures=0
modules=0

fail() {
	echo "check-exports: $*" >&2
	failures=$((failures + 1))
}

# Names that a compiler adds to whatever it instruments.
exports() {
	nm -D --defined-only --format=posix "$1" | cut -d ' ' -f 1 |
		grep -vE '^(__asan_|__odr_asan|__ubsan_|__tsan_|__sanitizer_|__gcov_|__llvm_|__start_|__stop_)' || true
}

needs() {
	readelf -dW "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
}

# check_needs FILE PATTERN WHY: no library that matches
check_needs() {
	found=$(needs "$1" | grep -E "$2" | tr '\n' ' ' || true)
	[ -z "$found" ] || fail "$1: expected not to need $3, found: $found"
}

check_module() {
	found=$(exports "$1" | tr '\n' ' ')
	[ "$found" = "nexodus_plugin " ] ||
		fail "$1: expected to export nexodus_plugin alone, found: ${found:-nothing}"
	readelf -dW "$1" | grep -qE 'FLAGS.*NOW' || fail "$1: expected BIND_NOW, found lazy binding"
	! readelf -dW "$1" | grep -qE 'RPATH|RUNPATH|TEXTREL' ||
		fail "$1: expected no RPATH, RUNPATH or TEXTREL, found: $(readelf -dW "$1" | grep -E 'RPATH|RUNPATH|TEXTREL')"
	readelf -lW "$1" | grep -q GNU_RELRO || fail "$1: expected RELRO, found none"
	! readelf -lW "$1" | grep -E 'GNU_STACK' | grep -q 'RWE' || fail "$1: expected a stack that is not executable"
	# what the host keeps to itself must not be had behind its back
	check_needs "$1" '^libcjson' "the host's JSON library"
}

for module in "$build"/plugins/server/*.so; do
	[ -e "$module" ] || continue
	modules=$((modules + 1))
	check_module "$module"
	check_needs "$module" '^lib(mnl|uv)' "libraries of agents"
	# nor does the server ask anybody over HTTP, but for the one plugin that is there to do it
	case $module in
	*/strategy-external.so) ;;
	*) check_needs "$module" '^libcurl' "a client of HTTP" ;;
	esac
done
for module in "$build"/plugins/agent/*.so; do
	[ -e "$module" ] || continue
	modules=$((modules + 1))
	check_module "$module"
	check_needs "$module" '^lib(pq|sqlite3|microhttpd)' "libraries of servers"
done
[ ! -e "$build/server/nexodus-server" ] || check_needs "$build/server/nexodus-server" '^lib(mnl|uv|curl)' "libraries of agents"
[ ! -e "$build/agent/nexd" ] || check_needs "$build/agent/nexd" '^lib(pq|sqlite3|microhttpd)' "libraries of servers"

[ "$modules" -gt 0 ] || fail "no plugin found below $build/plugins"
echo "check-exports: $modules modules, $failures failures"
[ "$failures" -eq 0 ]
