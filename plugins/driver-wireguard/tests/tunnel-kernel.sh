#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# tunnel-kernel.sh BUILD PROBE PLUGIN: tunnel.sh with the kernel's WireGuard: here if this kernel has
# it, otherwise in an emulated guest that boots Debian's packaged kernel.
set -eu
[ "$(id -u)" = 0 ] || { echo "skipped: not root"; exit 77; }
build=$1 probe=$2 plugin=$3
here=$(cd "$(dirname "$0")" && pwd)
lib=$here/../../../tests/lib
namespace=nxwg-try-$$

ip netns add "$namespace"
if ip -n "$namespace" link add wg0 type wireguard 2>/dev/null; then found=1; else found=; fi
ip netns delete "$namespace"
[ -z "$found" ] || exec bash "$here/tunnel.sh" "$probe" "$plugin" kernel

"$lib/vm-prep.sh" "$build/vm"
exec "$lib/vm-run.sh" -t 600 "$build/vm" env LAB_TIME_FACTOR=20 \
	bash "$here/tunnel.sh" "$probe" "$plugin" kernel
