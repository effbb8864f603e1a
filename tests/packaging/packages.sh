#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# packages.sh SOURCE WORK: build the Debian packages twice, the second time with a higher version, and live a
# life with them in a minimal Debian 12 that is booted with systemd: see life.sh.
set -u
source=$1 work=$2
here=$(cd "$(dirname "$0")" && pwd)
root=${XDG_CACHE_HOME:-$work}/nexodus-debian-12
if [ "$(id -u)" != 0 ]; then
	echo "SKIPPED: booting a container needs root"
	exit 77
fi

# quietly WHAT CMD...: its words only if it fails
quietly()
{
	local what=$1
	shift
	if ! "$@" >"$work/log" 2>&1; then
		tail -n 40 "$work/log"
		echo "FAILED: $what"
		exit 1
	fi
	echo "ok: $what"
}

packages_build()
{
	"$source/packaging/build-debs" "${@:2}" "$work/debs" || return
	mkdir -p "$work/$1" && mv "$work"/debs/*.deb "$work/$1"
}

mkdir -p "$work"
rm -rf "$work/old" "$work/new"
version=$(sed -n '1s/.*(\(.*\)).*/\1/p' "$source/packaging/debian/changelog")
if ! grep -q "^project(nexodus VERSION $version " "$source/CMakeLists.txt"; then
	echo "FAILED: the changelog's version, $version, is not the project's"
	exit 1
fi
quietly "a minimal Debian 12 can be had" "$here/root.sh" "$root"
quietly "the packages build" packages_build old
quietly "and build with a higher version" packages_build new -v "$version+upgrade"
quietly "lintian finds nothing in them" lintian --allow-root --fail-on error,warning "$work"/old/*.deb
exec "$here/../lib/nspawn-run.sh" -t "${PACKAGES_LIMIT:-400}" -b "$work:/packages" -b "$here/..:/tests" "$root" \
	bash /tests/packaging/life.sh
