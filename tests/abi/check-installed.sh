#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Install the tree, build an out-of-tree plugin against what was installed and nothing else (once by the
# CMake package, once by pkg-config), and let the installed server load it.
#
#	check-installed.sh BUILD-DIRECTORY SOURCE-DIRECTORY
set -eu
build=$1 source=$2
work=$(mktemp -d "${TMPDIR:-/tmp}/nexodus-installed.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP

say() { echo "check-installed: $*"; }
fail() { say "$*" >&2; exit 1; }

root=$work/root
cmake --install "$build" --prefix "$root" >"$work/install.log" || { cat "$work/install.log" >&2; fail "cmake --install failed"; }
for path in sbin/nexodus-server sbin/nexd bin/nexctl bin/nexodus-plugin-check include/nexodus/plugin.h \
	share/bash-completion/completions/nexctl share/man/man1/nexodus-plugin-check.1; do
	[ -e "$root/$path" ] || fail "$path is not installed"
done
config=$(find "$root" -name nexodus-plugin-config.cmake)
pc=$(find "$root" -name nexodus-plugin.pc)
plugins=$(dirname "$(dirname "$(find "$root" -path '*/server/ipam-v6.so')")")
[ -n "$config" ] && [ -n "$pc" ] && [ -n "$plugins" ] || fail "the CMake package, the .pc file or the plugins are missing"
for module in ipam-v4 ipam-v6 relay driver-wireguard; do
	for role in server agent; do
		[ -e "$plugins/$role/$module.so" ] || fail "$role/$module.so is not installed"
	done
done
for module in strategy-random strategy-stable strategy-external; do
	[ -e "$plugins/server/$module.so" ] || fail "server/$module.so is not installed"
done
say "installed: $(find "$root" -type f | wc -l) files"

# a copy, so that nothing of the source tree is in reach
cp -r "$source/tests/abi/example" "$work/example"
cmake -S "$work/example" -B "$work/by-cmake" -DCMAKE_BUILD_TYPE=Release \
	-Dnexodus-plugin_DIR="$(dirname "$config")" >"$work/cmake.log" 2>&1 &&
	cmake --build "$work/by-cmake" >>"$work/cmake.log" 2>&1 || { cat "$work/cmake.log" >&2; fail "the CMake package does not serve"; }
by_cmake=$(find "$work/by-cmake" -name example.so)
[ -n "$by_cmake" ] || fail "no example.so came out of the CMake build"

# pkg-config: the prefix is where it was installed to now
flags=$(pkg-config --define-variable=prefix="$root" --cflags "$pc")
# shellcheck disable=SC2086 # flags are words
cc -std=gnu17 -Wall -Wextra -Werror -fPIC -shared -fvisibility=hidden $flags \
	-o "$work/by-pkg-config.so" "$work/example/example.c" || fail "pkg-config's flags do not serve"

for module in "$by_cmake" "$work/by-pkg-config.so"; do
	install -m 755 "$module" "$plugins/server/example.so"
	"$root/sbin/nexodus-server" --check-config --state-directory="$work/state" --plugin-directory="$plugins" \
		--plugins='ipam-v4 relay driver-wireguard example' --set example.rack-label=shelf \
		>"$work/check.log" 2>&1 || { cat "$work/check.log" >&2; fail "the installed server refuses $module"; }
	grep -q 'shelf' "$work/check.log" || { cat "$work/check.log" >&2; fail "the plugin's configuration is not shown"; }
done
say "ok: an out-of-tree plugin builds against the installed tree and loads"
