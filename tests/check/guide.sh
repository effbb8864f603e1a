#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# guide.sh BUILD SOURCE PYTHON: what docs/plugins/guide.md shows is true. The tree is installed somewhere, the files of
# the guide are written as it has them, its commands are run in its order, and a server gives addresses with the plugins
# that come out. Its table of refusals quotes what the programs say. What strategies.md adds to it compiles as well.
#
# In the guide, "<!-- file: NAME -->" before a block appends that to the file, "<!-- run -->" has it run by a shell.
set -u
build=$1 source=$2 python=$3
guide=$source/docs/plugins/guide.md
LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/nexodus-guide.XXXXXX")
trap 'rm -rf "$LAB_DIR"' EXIT
trap 'exit 1' INT TERM HUP
. "$(dirname "$0")/../lib/check.sh"
root=$LAB_DIR/root work=$LAB_DIR/work
mkdir -p "$work" "$LAB_DIR/bin" "$LAB_DIR/steps"

check "the tree can be installed" cmake --install "$build" --prefix "$root"
config=$(find "$root" -name nexodus-plugin-config.cmake)
plugins=$(dirname "$(dirname "$(find "$root" -path '*/server/ipam-v6.so')")")

# As if it had been installed where it says: only the paths differ.
cat >"$LAB_DIR/bin/pkg-config" <<END
#!/bin/sh
PKG_CONFIG_PATH=$(dirname "$(find "$root" -name nexodus-plugin.pc)") exec $(command -v pkg-config) --define-variable=prefix="$root" "\$@"
END
chmod 755 "$LAB_DIR/bin/pkg-config"
export PATH=$LAB_DIR/bin:$root/bin:$root/sbin:$PATH
export CMAKE_PREFIX_PATH=${config%/lib*} DESTDIR=$LAB_DIR/installed
export NEXODUS_PLUGIN_DIRECTORY=$plugins NEXODUS_STATE_DIRECTORY=$LAB_DIR/state

# The blocks, in their order: files as they stand, commands as steps.
awk -v work="$work" -v steps="$LAB_DIR/steps" '
	/^<!-- file: .* -->$/ { file = work "/" $3; next }
	/^<!-- run -->$/ { file = sprintf("%s/%02d", steps, ++count); next }
	/^```/ && inside { inside = 0; if (index(file, work) == 1) print "" >file; file = ""; next }
	/^```/ { inside = 1; next }
	inside && file { print >file }
' "$guide"

# compiles FILE: without a warning, by itself
compiles()
{
	# shellcheck disable=SC2046 # flags are words
	cc -std=gnu17 -Wall -Wextra -Werror -fsyntax-only $(pkg-config --cflags nexodus-plugin) "$work/$1"
}
for file in hello.c strategy-named.c ipam-scatter.c; do
	check "$file compiles without a warning" compiles "$file"
done
# The piece of a strategy that waits, with what is around it there.
{
	echo "#include <nexodus/strategy.h>"
	echo "enum nx_status choose(void *instance, const struct nx_strategy_request *request, struct nx_address *out,"
	echo "		      struct nx_error *error);"
	sed -n '/^```c$/,/^```$/{/^```/d;p}' "$source/docs/plugins/strategies.md"
	echo "const struct nx_strategy_ops *piece = &ops;"
} >"$work/waits.c"
check "strategies.md has code" test "$(grep -c NX_STRATEGY_BLOCKING "$work/waits.c")" = 1
check "and it compiles without a warning" compiles waits.c
check "the files for CMake and for the server are there" test -s "$work/CMakeLists.txt" -a -s "$work/server.conf"

# A server of this tree may be one with AddressSanitizer, which the last step brings along itself.
sanitized()
{
	ldd "$root/bin/nexodus-plugin-check" | grep -q libasan
}

ran=0
for step in "$LAB_DIR"/steps/*; do
	if sanitized && grep -q LD_PRELOAD "$step"; then
		sed -i 's/^LD_PRELOAD=$([^)]*) //' "$step"
	fi
	# A million calls are for authors; here a few tell enough.
	sed -i -E 's/nexodus-plugin-check ([^-])/nexodus-plugin-check --operations=50000 \1/' "$step"
	check "step $((ran += 1)): $(head -n 1 "$step")" bash -euo pipefail -c "cd '$work' && . '$step'"
	if grep -q 'cmake --install' "$step"; then
		module=$(find "$DESTDIR" -name ipam-scatter.so)
		check "it is installed for the server" test "$(basename "$(dirname "$module")")" = server
		check "in the server's folder" install -m 644 "$module" "$plugins/server/ipam-scatter.so"
		check "and the strategy" test -e "$(dirname "$module")/strategy-named.so"
	fi
done
check_same "all steps were run" "$(grep -c '^<!-- run -->$' "$guide")" "$ran"
check "the configuration is taken" grep -q "100.64.0.0/16" <(nexodus-server --config="$work/server.conf" --check-config)

check "the strategy is where a server finds it" test -e "$plugins/server/strategy-named.so"
check "a server gives addresses with them" env NEXODUS_BUILD_DIR="$build" GUIDE_PLUGINS="$plugins" \
	PYTHONPATH="$source/tests/api" "$python" "$(dirname "$0")/guide_server.py"

# What refusals say is quoted as it is said: each stands in a text of the loader.
cat "$source"/base/loader*.c | tr '\n' ' ' | sed -E 's/"[[:space:]]*"//g' >"$LAB_DIR/messages"
quoted=0
while IFS= read -r text; do
	quoted=$((quoted + 1))
	check "refusals say: $text" grep -qF -- "$text" "$LAB_DIR/messages"
done < <(sed -n '/^## What refusals mean/,/^## Where/s/^| `\([^`]*\)` |.*/\1/p' "$guide")
check "the table of refusals was read" test "$quoted" -gt 10
check_report
