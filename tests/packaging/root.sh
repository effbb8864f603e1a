#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# root.sh DIRECTORY: a minimal Debian 12 that boots, and in its apt cache all that our packages and the test
# of them need, so that no network is needed there. Made once.
set -eu
root=$1
[ ! -e "$root/.complete" ] || exit 0
inside='systemd-sysv dbus iproute2 kmod'
# What shlibs and the packages' relations name, and what the test itself uses.
later='libcap2 libcjson1 libcurl4 libgnutls30 libinih1 libmicrohttpd12 libmnl0 libpq5 libsodium23 libsqlite3-0
	libuv1 nftables wireguard-go iputils-ping jq'

# Where this machine has its Debian from.
# shellcheck disable=SC2016 # apt's own variable
mirror_find()
{
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Codename: bookworm' \
		'Component: main' | head -n 1
}

mirror=$(mirror_find)
if [ -z "$mirror" ]; then
	apt-get -q update
	mirror=$(mirror_find)
fi
[ -n "$mirror" ] || { echo "root.sh: this machine has no apt source of Debian 12" >&2; exit 1; }

rm -rf "$root"
mkdir -p "$(dirname "$root")"
trap 'umount "$root/proc" 2>/dev/null || :' EXIT
trap 'exit 1' HUP INT TERM
debootstrap --variant=minbase --include="$(echo "$inside" | tr ' ' ,)" bookworm "$root" "$mirror"
mount -t proc proc "$root/proc"
# shellcheck disable=SC2086 # a list
chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --download-only --no-install-recommends $later
umount "$root/proc"
touch "$root/.complete"
