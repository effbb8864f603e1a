#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# units.sh BUILD: systemd understands every line of the units, and finds their sandboxes tight.
set -u
build=$1
LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/nexodus-units.XXXXXX")
trap 'rm -rf "$LAB_DIR"' EXIT
. "$(dirname "$0")/../lib/check.sh"
root=$LAB_DIR/root

DESTDIR=$root cmake --install "$build" >"$LAB_DIR/log" 2>&1 || { cat "$LAB_DIR/log"; exit 1; }
units=$(dirname "$(find "$root" -name nexd.service)")
# What the units start beside our programs.
mkdir -p "$root/bin" "$root/etc" && cp /bin/true "$root/bin/sh" && cp /bin/true "$root/bin/grep"

for unit in nexodus-server nexd; do
	check "$unit.service is understood" systemd-analyze verify --recursive-errors=no --man=no --root="$root" \
		"${units#"$root"}/$unit.service"
	check_same "not a word about it" "" "$(grep -v "^$" "$LAB_DIR/check.out")"
done
check "the server's exposure is at most 1.5" systemd-analyze security --offline=true --threshold=15 \
	"$units/nexodus-server.service"
tail -n 1 "$LAB_DIR/check.out"
check "nexd's is at most 2.5" systemd-analyze security --offline=true --threshold=25 "$units/nexd.service"
tail -n 1 "$LAB_DIR/check.out"
check "the users can be made" systemd-sysusers --root="$root" \
	"$(find "$root" -path '*sysusers.d/nexodus-server.conf')" "$(find "$root" -path '*sysusers.d/nexd.conf')"
check_report
