#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a program says about its options, as a sample configuration or as a manual page: so that these
# are in step with it. Writes OUT.
#
#	generate.sh sample|keys|options|checks|commands PROGRAM PLUGIN-DIRECTORY INSTALLED-DIRECTORY TEMPLATE OUT
#
# In the template, @VERSION@ is the program's, @DATE@ that of SOURCE_DATE_EPOCH or today, and the line
# @GENERATED@ becomes
#	sample     each key, commented out, with its summary
#	keys       the same for a manual page
#	options    what --help says of options, for a manual page
#	checks     the same, and the checks that --list has
#	commands   what --help says of commands and their options, for a manual page
set -eu
kind=$1 program=$2 plugins=$3 installed=$4 template=$5 out=$6
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/nexodus-generate.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# Nothing of this machine's own configuration may show.
program()
{
	env -i LC_ALL=C.UTF-8 "$program" "$@"
}

configuration()
{
	set -- --check-config --config=/dev/null --plugin-directory="$plugins"
	case $program in
	*/nexd) set -- "$@" --service-url=http://localhost ;;
	esac
	program "$@"
}

case $kind in
sample | keys)
	configuration >"$work/said"
	awk -v installed="$installed" -v kind="$kind" -f "$here/keys.awk" "$work/said" >"$work/part"
	;;
options)
	program --help --plugin-directory="$plugins" >"$work/said"
	awk -v installed="$installed" -v built="$plugins" -f "$here/options.awk" "$work/said" >"$work/part"
	;;
checks)
	program --help >"$work/said"
	awk -v built= -f "$here/options.awk" "$work/said" >"$work/part"
	program --list >"$work/said"
	awk -f "$here/checks.awk" "$work/said" >>"$work/part"
	;;
commands)
	program --help >"$work/said"
	awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1, $2 }' "$work/said" |
		while read -r noun verb; do
			echo "@command"
			program "$noun" "$verb" --help
		done >"$work/all"
	awk '/^Options of every command:/ { print "@every"; on = 1 } on' "$work/said" >>"$work/all"
	awk -f "$here/commands.awk" "$work/all" >"$work/part"
	;;
esac
[ -s "$work/part" ]
version=$(program --version)
date=$(date -u ${SOURCE_DATE_EPOCH:+-d "@$SOURCE_DATE_EPOCH"} +%Y-%m-%d)
sed -e "s/@VERSION@/${version##* }/; s/@DATE@/$date/" -e "/^@GENERATED@\$/{
r $work/part
d
}" "$template" >"$work/page"
cp "$work/page" "$out"
