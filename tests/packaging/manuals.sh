#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# manuals.sh BUILD: each option that a program tells of stands in its manual page; each key stands in the page
# of the configuration file and in the sample, which the program takes, as it does what is installed in etc.
set -u
build=$1
LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/nexodus-manuals.XXXXXX")
trap 'rm -rf "$LAB_DIR"' EXIT
. "$(dirname "$0")/../lib/check.sh"
pages=$build/packaging
config=$(dirname "$0")/../../packaging/config

# plain PAGE: without the marks of troff
plain()
{
	sed -e 's/\\f[BIR]//g' -e 's/\\-/-/g' "$pages/$1"
}

options_of()
{
	"$@" --help | grep -oE -- '--[a-z[][][a-z0-9-]*' | sed 's/^--\[no-]/--[no-]/' | sort -u
}

# documented PAGE WORD...
documented()
{
	local page=$1 word missing=
	shift
	plain "$page" >"$LAB_DIR/page"
	for word; do
		grep -qF -- "$word" "$LAB_DIR/page" || missing+=" $word"
	done
	check_same "$page tells of all $# of them" "" "$missing"
	[ $# -gt 5 ] || check_failed "$page" "there must be more than $#"
}

keys_of()
{
	env -i "$@" --check-config --config=/dev/null --plugin-directory="$build/plugins" |
		sed -nE 's/^([a-z0-9-]+) = .*/\1/p' | grep -vx config
}

mapfile -t options < <(options_of "$build/server/nexodus-server" --plugin-directory="$build/plugins")
documented nexodus-server.8 "${options[@]}"
mapfile -t options < <(options_of "$build/agent/nexd" --plugin-directory="$build/plugins")
documented nexd.8 "${options[@]}"
mapfile -t options < <(
	"$build/cli/nexctl" --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1, $2 }' |
		while read -r noun verb; do
			echo "$noun $verb"
			options_of "$build/cli/nexctl" "$noun" "$verb"
		done | sort -u)
documented nexctl.1 "${options[@]}"

mapfile -t options < <(options_of "$build/check/nexodus-plugin-check")
documented nexodus-plugin-check.1 "${options[@]}"
mapfile -t options < <("$build/check/nexodus-plugin-check" --list | awk '{ print $1 }')
documented nexodus-plugin-check.1 "${options[@]}"

mapfile -t keys < <(keys_of "$build/server/nexodus-server")
documented nexodus-server.conf.5 "${keys[@]}"
documented nexodus-server.conf "${keys[@]/#/#}"
mapfile -t keys < <(keys_of "$build/agent/nexd" --service-url=http://localhost)
documented nexd.conf.5 "${keys[@]}"
documented nexd.conf "${keys[@]/#/#}"

# With every key set, the plugins taken from where they were built.
sed -E -e 's/^#([a-z0-9-]+ = )/\1/' -e "s|^plugin-directory = .*|plugin-directory = $build/plugins|" \
	"$pages/nexodus-server.conf" >"$LAB_DIR/server.conf"
sed -E -e 's/^#([a-z0-9-]+ = )/\1/' -e "s|^plugin-directory = .*|plugin-directory = $build/plugins|" \
	-e 's|^service-url = .*|service-url = http://localhost|' "$pages/nexd.conf" >"$LAB_DIR/nexd.conf"
check "the server takes its sample, all of it set" \
	"$build/server/nexodus-server" --check-config --config="$LAB_DIR/server.conf"
check "nexd takes its sample, all of it set" "$build/agent/nexd" --check-config --config="$LAB_DIR/nexd.conf"

# What is installed in etc, its suggestions followed; those that exclude each other are left alone.
sed -E -e '/^#(store|database|tls-[a-z]+) = /!s/^#([a-z0-9-]+ = )/\1/' "$config/nexodus-server.conf" >"$LAB_DIR/server.conf"
sed -E -e 's/^#([a-z0-9-]+ = )/\1/' "$config/nexd.conf" >"$LAB_DIR/nexd.conf"
check "the server takes its configuration" "$build/server/nexodus-server" --check-config \
	--config="$LAB_DIR/server.conf" --plugin-directory="$build/plugins"
echo nxk_example >"$LAB_DIR/key"
check "nexd takes its configuration" "$build/agent/nexd" --check-config --config="$LAB_DIR/nexd.conf" \
	--plugin-directory="$build/plugins" --registration-key-file="$LAB_DIR/key"
check_report
