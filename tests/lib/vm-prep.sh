#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# vm-prep.sh DIR [META-PACKAGE]
#
# Make DIR ready for vm-run.sh: fetch a Debian kernel package (not installed: no hook runs, /boot is
# left alone), unpack it under DIR/kernel, and build DIR/initrd, a tiny initramfs that holds static
# busybox and just the modules needed to mount this machine's root over virtiofs (cloud kernel) or
# 9p (linux-image-amd64). Fetches once; a second call only renews the initramfs.
#
# Needs the packages busybox-static, cpio, kmod.
set -eu
meta=${2:-linux-image-cloud-amd64}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "${1:?usage: vm-prep.sh DIR [META-PACKAGE]}"
cd "$1"
dir=$(pwd)
exec 9>lock
flock 9

kernel_package()
{
	apt-cache depends "$meta" 2>/dev/null | awk '/Depends: linux-image-/ { print $2; exit }'
}

# Lists older than the archive name a kernel that is no longer there: refresh them, once.
fetch()
{
	rm -f ./*.deb
	package=$(kernel_package)
	[ -n "$package" ] && apt-get -q -o APT::Sandbox::User=root download "$package" >fetch.log 2>&1
}

if [ ! -d kernel ]; then
	if ! fetch; then
		apt-get -q -o DPkg::Lock::Timeout=120 update >fetch.log 2>&1 || :
		fetch || { cat fetch.log >&2; echo "vm-prep: cannot fetch $meta" >&2; exit 1; }
	fi
	rm -rf kernel.new
	dpkg-deb -x "$package"_*.deb kernel.new
	rm -f "$package"_*.deb fetch.log
	depmod -b "$dir/kernel.new" "$(ls kernel.new/lib/modules)"
	mv kernel.new kernel
fi

version=$(ls kernel/lib/modules)
busybox=$(command -v busybox)
if ldd "$busybox" >/dev/null 2>&1; then
	echo 'vm-prep: busybox is not static: install busybox-static' >&2
	exit 1
fi
rm -rf root
mkdir -p root/bin root/mod root/proc root/sys root/dev root/lower root/rw root/root
cp "$busybox" root/bin/busybox
: >root/mod/order
for module in virtio_pci virtiofs 9p 9pnet_virtio overlay; do
	modprobe -d "$dir/kernel" -S "$version" --show-depends "$module" 2>/dev/null || :
done | while read -r how path _; do
	name=${path##*/}
	[ "$how" = insmod ] && [ ! -e "root/mod/$name" ] || continue
	cp "$path" root/mod/
	echo "$name" >>root/mod/order
done
cp "$here/vm-init.sh" root/init
chmod 755 root/init
(cd root && find . | cpio -o -H newc --quiet | gzip -1) >initrd.new
mv initrd.new initrd
cp "kernel/boot/vmlinuz-$version" vmlinuz
rm -rf root
echo "$version" >version
