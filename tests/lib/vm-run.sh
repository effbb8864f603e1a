#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# vm-run.sh [-m MiB] [-p CPUS] [-t SECONDS] [-a 'KERNEL ARGUMENTS'] [-o OUTDIR | -c COPIES]
#           [-l CONSOLE-LOG] DIR CMD [ARG...]
#
# Run CMD, a program of this machine, as root in a throw-away guest: kernel of DIR (see vm-prep.sh),
# root file system = this machine's root (read-only; writes go to a tmpfs in the guest), the same
# working directory. Output appears on standard output; the exit status is CMD's, or 124 when it
# timed out, 125 when the guest did not run it. OUTDIR is writable in the guest as /run/vm/out.
# Only PATH is carried over: vm-run.sh DIR env VARIABLE=value CMD.
#
# COPIES is a file with a path a line. The guest then keeps copies of these files and folders, and of the
# libraries that programs among them need, and lets go of this machine's root: virtiofs cannot be suspended.
#
# Needs root; the packages qemu-system-x86, cpio, util-linux.
set -eu
memory=1024 limit=120 arguments='' out='' log='' cpus=2 copies=''
while getopts m:t:a:o:c:l:p: option; do
	case $option in
	m) memory=$OPTARG ;;
	t) limit=$OPTARG ;;
	a) arguments=$OPTARG ;;
	o) out=$OPTARG ;;
	c) copies=$OPTARG ;;
	l) log=$OPTARG ;;
	p) cpus=$OPTARG ;;
	*) exit 125 ;;
	esac
done
shift $((OPTIND - 1))
dir=$(cd "$1" && pwd)
shift
version=$(cat "$dir/version")
[ -z "$out" ] || out=$(cd "$out" && pwd)
temporary=$(mktemp -d "${TMPDIR:-/tmp}/vm-run.XXXXXX")
: "${log:=$temporary/console}"

pids=
end()
{
	status=$?
	trap - EXIT
	# shellcheck disable=SC2086 # a list of process ids
	[ -z "$pids" ] || kill $pids 2>/dev/null || :
	wait
	rm -rf "$temporary"
	exit "$status"
}
trap end EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 141' PIPE
trap 'exit 143' TERM

# for a shell to read again
quote()
{
	for word; do
		printf "'%s' " "$(printf %s "$word" | sed "s/'/'\\\\''/g")"
	done
}

# --- the shared folders -------------------------------------------------------

# serve TAG SOURCE ro|rw : by virtiofsd, from a private mount namespace where SOURCE is read-only
serve()
{
	mkdir -p "$temporary/$1"
	cache=none
	[ "$3" = rw ] || cache=always
	# shellcheck disable=SC2016 # expanded over there
	unshare -m sh -c '
		mount --rbind "$1" "$2" && mount --make-rprivate "$2" || exit 1
		[ "$3" = rw ] || findmnt -Rrno TARGET "$2" | sort -r | while read -r target; do
			mount -o remount,bind,ro "$target" 2>/dev/null || :
		done
		ulimit -n "$(ulimit -H -n)" # it holds a descriptor for every file looked up
		exec "$4" --socket-path="$5" -o source="$2" -o cache="$6" -o sandbox=chroot --rlimit-nofile=0
		' serve "$2" "$temporary/$1" "$3" "$virtiofsd" "$temporary/$1.sock" "$cache" >"$temporary/$1.log" 2>&1 &
	pids="$pids $!"
	tries=200
	while [ ! -S "$temporary/$1.sock" ]; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || { cat "$temporary/$1.log" >&2; exit 125; }
		sleep 0.05
	done
	set -- "$1" "$temporary/$1.sock"
	devices="$devices -chardev socket,id=$1,path=$2 -device vhost-user-fs-pci,chardev=$1,tag=$1"
}

# share9p TAG SOURCE [OPTION] : by qemu itself, where the kernel has 9p
share9p()
{
	devices="$devices -virtfs local,path=$2,mount_tag=$1,security_model=none,multidevs=remap${3:+,$3}"
}

virtiofsd=
for candidate in /usr/libexec/virtiofsd /usr/lib/qemu/virtiofsd; do
	[ ! -x "$candidate" ] || virtiofsd=$candidate
done
devices=
if [ -n "$virtiofsd" ] && [ "${VM_SHARE:-auto}" != 9p ]; then
	share=virtiofs
	devices="-object memory-backend-memfd,id=ram,size=${memory}M,share=on -machine memory-backend=ram"
	serve hostroot / ro
	[ -z "$out" ] || serve out "$out" rw
elif [ -d "$dir/kernel/lib/modules/$version/kernel/fs/9p" ]; then
	share=9p
	share9p hostroot / readonly=on
	[ -z "$out" ] || share9p out "$out"
else
	echo 'vm-run: no virtiofsd, and this kernel has no 9p' >&2
	exit 125
fi

# --- the command, as a second cpio archive behind the initramfs ----------------

# closure : the files below the paths on standard input, and the libraries that they need, by names without a
# symbolic link in the folder
closure()
{
	while read -r path; do find "$path" -type f -o -type l; done | while read -r file; do
		printf '%s\n' "$file"
		case $file in
		*/bin/* | */sbin/* | *.so | *.so.* | */server/* | */agent/* | */cli/*)
			ldd "$file" 2>/dev/null | sed -nE 's,.*[[:space:]](/[^ ]+) \(0x.*,\1,p' ;;
		esac
	done | sort -u | while read -r file; do
		printf '%s/%s\n' "$(realpath "${file%/*}")" "${file##*/}"
	done | sed 's,^/,,' | sort -u
}

mkdir "$temporary/cpio"
[ -z "$copies" ] || closure <"$copies" >"$temporary/cpio/copies"
{
	echo "export PATH=$(quote "$PATH") HOME=/root TERM=dumb LANG=C.UTF-8"
	echo "cd $(quote "$(pwd)")"
	echo "exec $(quote "$@")"
} >"$temporary/cpio/cmd"
{
	echo "VM_SHARE=$share"
	echo "VM_MODULES=$(quote "$dir/kernel/lib/modules/$version")"
	echo "VM_OUT=$(quote "$out")"
	echo "VM_DIRECTORY=$(quote "$(pwd)")"
} >"$temporary/cpio/cmd.env"
cp "$dir/initrd" "$temporary/initrd"
truncate -s $((($(stat -c %s "$temporary/initrd") + 511) / 512 * 512)) "$temporary/initrd"
(cd "$temporary/cpio" && find . -type f | cpio -o -H newc --quiet) >>"$temporary/initrd"

# --- boot ----------------------------------------------------------------------

# Most of what emulation does here is to translate programs that start. What is translated can be used again where a
# program lies at the same addresses as before (norandmaps), and is shorter for a processor that has no wide vectors.
accelerator=tcg,thread=multi
[ ! -w /dev/kvm ] || [ -z "${VM_KVM:-}" ] || accelerator=kvm
: >"$temporary/status"
# shellcheck disable=SC2086 # lists of arguments
timeout -k 5 "$limit" qemu-system-x86_64 -M pc -accel "$accelerator" \
	-cpu qemu64 -smp "$cpus" -m "$memory" \
	-nodefaults -no-user-config -display none -monitor none -no-reboot $devices ${VM_QEMU:-} \
	-kernel "$dir/vmlinuz" -initrd "$temporary/initrd" \
	-append "console=ttyS0 quiet mitigations=off norandmaps panic=-1 oops=panic $arguments" \
	-serial "file:$log" -serial stdio -serial "file:$temporary/status" </dev/null &
qemu=$!
pids="$pids $qemu"
result=0
wait "$qemu" || result=$?
if [ "$result" = 124 ]; then
	echo "vm-run: timed out after $limit s; the console's last lines:" >&2
	tail -n 5 "$log" >&2
	exit 124
fi
status=$(sed -n 's/^status \([0-9]*\).*/\1/p' "$temporary/status")
if [ -z "$status" ]; then
	echo "vm-run: no status from the guest (qemu $result): $(cat "$temporary/status")" >&2
	tail -n 20 "$log" >&2
	exit 125
fi
exit "$status"
