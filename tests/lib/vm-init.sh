#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
#
# init of the test guest: the host's root directory read-only below, tmpfs above, run one command.
# Where there is /copies, copies of what that lists instead, and nothing of the host's.
# ttyS0 is the console, ttyS1 takes the command's output, ttyS2 its status. /cmd, /cmd.env and /copies
# come in a second cpio archive (see vm-run.sh).
bb=/bin/busybox
$bb mount -t proc proc /proc
$bb mount -t sysfs sys /sys
$bb mount -t devtmpfs dev /dev

fail()
{
	echo "vm-init: $*"
	echo "init-failed $*" >/dev/ttyS2
	$bb sleep 0.2
	$bb poweroff -f
}

for t in 1 2; do $bb stty -F /dev/ttyS$t raw -echo; done
while read -r module; do $bb insmod "/mod/$module" || fail "insmod $module"; done </mod/order
. /cmd.env # VM_SHARE VM_MODULES VM_OUT VM_DIRECTORY

# share TAG DIR OPTIONS
share()
{
	$bb mkdir -p "$2"
	case $VM_SHARE in
	virtiofs) $bb mount -t virtiofs -o "$3" "$1" "$2" ;;
	*) $bb mount -t 9p -o "$3,trans=virtio,version=9p2000.L,msize=512000" "$1" "$2" ;;
	esac || fail "mount $1"
}

cache=
[ "$VM_SHARE" = virtiofs ] || cache=,cache=loose
share hostroot /lower "ro$cache"
root_lay_over()
{
	$bb mount -t tmpfs -o size=75% rw /rw && $bb mkdir -p /rw/u /rw/w
	$bb mount -t overlay -o lowerdir=/lower,upperdir=/rw/u,workdir=/rw/w overlay /root || fail overlay
	modules=/root/lib/modules/$($bb uname -r)
	$bb mkdir -p "$modules" && $bb mount -o bind "/root$VM_MODULES" "$modules" || fail modules
}

root_copy()
{
	$bb mount -t tmpfs -o size=75% root /root && $bb mkdir -p "/root$VM_DIRECTORY" || fail tmpfs
	for d in bin sbin lib lib64; do $bb mkdir -p /root/usr/$d && $bb ln -s usr/$d /root/$d; done
	for d in etc proc sys dev run tmp; do $bb mkdir -p /root/$d; done
	$bb chmod 1777 /root/tmp
	$bb chroot /lower /bin/busybox cpio -oL -H newc </copies | (cd /root && $bb cpio -id) || fail copies
	$bb mkdir -p /root/lib/modules && $bb cp -r "/lower$VM_MODULES" /root/lib/modules/ || fail modules
	$bb umount /lower || fail umount
	for d in /sys/bus/virtio/devices/*; do echo 1 >"$($bb readlink -f "$d")/../remove"; done
}

if [ -e /copies ]; then root_copy; else root_lay_over; fi
for d in proc sys dev; do
	$bb mkdir -p /root/$d && $bb mount -o bind /$d /root/$d || fail "bind $d"
done
$bb mkdir -p /root/dev/pts /root/dev/shm /root/dev/net
# tun.ko makes the node only once it is loaded; opening the node loads it
[ -e /root/dev/net/tun ] || $bb mknod -m 600 /root/dev/net/tun c 10 200
[ -e /root/dev/fd ] || $bb ln -s /proc/self/fd /root/dev/fd
$bb mount -t devpts -o ptmxmode=666 devpts /root/dev/pts
# The host's /tmp is below, to be read; what the guest writes stays above, in memory.
for d in dev/shm run; do $bb mount -t tmpfs -o mode=755 tmpfs /root/$d; done
$bb chmod 1777 /root/dev/shm
$bb mkdir -p /root/sys/fs/cgroup && $bb mount -t cgroup2 cgroup2 /root/sys/fs/cgroup
$bb mkdir -p /root/run/lock /root/run/netns /root/run/vm
[ -z "$VM_OUT" ] || share out /root/run/vm/out rw
$bb cp /cmd /bin/busybox /root/run/vm/
$bb ip link set lo up
$bb hostname guest

$bb cat >/root/run/vm/stage2 <<'END'
bb=/run/vm/busybox
read -r up _ </proc/uptime
echo "vm-init: command starts at $up"
/bin/sh /run/vm/cmd </dev/null >/dev/ttyS1 2>&1
rc=$?
read -r up _ </proc/uptime
echo "vm-init: command ended with $rc at $up"
echo "status $rc" >/dev/ttyS2
$bb sync
$bb poweroff -f
END
# Not a chroot in a child: process 1 shares its root with the kernel's threads, and only after
# switch_root does module loading on demand find /sbin/modprobe and /lib/modules.
exec $bb switch_root /root /run/vm/busybox sh /run/vm/stage2
