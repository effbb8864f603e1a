# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# Virtual hosts = network namespaces, joined by switches = bridges in namespaces of their own.
# Nothing touches the machine's real interfaces: no veth ever ends in the root namespace. Each
# host has a /run of its own, so that sockets of well-known names do not clash.
#
# Every name starts with $LAB, so that labs of different names stand side by side. Two labs of the
# same name exclude each other: the second one refuses while the first one lives, and sweeps up
# what it left behind if it was killed.
#
#	LAB=demo; . netlab.sh; lab_begin || exit
#	lab_switch net; lab_host a; lab_plug net a eth0 10.0.0.1/24
#	lab_x a ip address
#
# Needs root; packages iproute2, procps, util-linux.

# Namespaces are named $LAB-HOST. Interface names end at 15 bytes, so keep both short.
: "${LAB:?the name of the lab}"
# Where hosts keep their files; all of it goes with the lab.
LAB_DIR=${TMPDIR:-/tmp}/netlab-$LAB
# Waits are this many times longer, for slow machines such as an emulated one.
: "${LAB_TIME_FACTOR:=1}"

# --- life of a lab ------------------------------------------------------------

# lab_begin : take the name, sweep leftovers, clean up at exit. 1 when the name is in use.
lab_begin()
{
	if lab_owner_lives; then
		echo "lab $LAB is in use by process $(cut -d' ' -f1 "$LAB_DIR/owner"): stop it first" >&2
		return 1
	fi
	lab_sweep
	# A folder of this name in /tmp may be anybody's: only one that we make is ours.
	mkdir -m 711 "$LAB_DIR" || return 1
	echo "$$ $(lab_process_start $$)" >"$LAB_DIR/owner"
	lab_write_enter >"$LAB_DIR/enter" && chmod 755 "$LAB_DIR/enter"
	trap lab_end EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 141' PIPE
	trap 'exit 143' TERM
}

# lab_end : stop and remove everything of this lab, keeping the exit status
lab_end()
{
	lab_status=$?
	trap - EXIT
	trap '' HUP INT PIPE TERM
	lab_sweep
	return "$lab_status"
}

# lab_process_start PID : in clock ticks since boot; tells a process from a later one of the same
# id. Nothing for one that has ended, reaped or not.
lab_process_start()
{
	sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 !~ /[ZX]/ { print $20 }'
}

lab_owner_lives()
{
	[ -O "$LAB_DIR" ] && [ -r "$LAB_DIR/owner" ] || return 1
	read -r lab_pid lab_start <"$LAB_DIR/owner"
	[ "$lab_pid" != $$ ] && [ -n "$lab_start" ] && [ "$(lab_process_start "$lab_pid")" = "$lab_start" ]
}

lab_namespaces()
{
	ip netns list 2>/dev/null | awk -v prefix="$LAB-" 'index($1, prefix) == 1 { print $1 }'
}

# lab_pids : processes in our namespaces, none else's
lab_pids()
{
	for lab_ns in $(lab_namespaces); do ip netns pids "$lab_ns"; done 2>/dev/null
}

lab_signal()
{
	lab_signalled=$(lab_pids)
	# shellcheck disable=SC2086 # a list of process ids
	[ -z "$lab_signalled" ] || kill "-$1" $lab_signalled 2>/dev/null || :
}

lab_is_still()
{
	[ -z "$(lab_pids)" ]
}

# lab_sweep : ask processes to end, then make them; then names and files
lab_sweep()
{
	lab_signal TERM
	if ! lab_wait 5 lab_is_still; then
		lab_signal KILL
		lab_wait 2 lab_is_still || :
	fi
	for lab_ns in $(lab_namespaces); do ip netns del "$lab_ns"; done
	if [ -d "$LAB_DIR" ] && [ ! -L "$LAB_DIR" ] && [ -O "$LAB_DIR" ]; then rm -rf "$LAB_DIR"; fi
}

# lab_wait SECONDS CMD... : poll until CMD succeeds; 1 when it did not in time
lab_wait()
{
	# A slow machine is not to be kept busy with asking.
	if [ "$LAB_TIME_FACTOR" -gt 1 ]; then
		lab_tries=$(($1 * LAB_TIME_FACTOR)) lab_pause=1
	else
		lab_tries=$(($1 * 20)) lab_pause=0.05
	fi
	shift
	until "$@" >/dev/null 2>&1; do
		lab_tries=$((lab_tries - 1))
		[ "$lab_tries" -gt 0 ] || return 1
		sleep "$lab_pause"
	done
}

# --- hosts and cables ---------------------------------------------------------

# lab_has_v6 : the kernel knows IPv6 at all (it may be booted without)
lab_has_v6()
{
	[ -e /proc/net/if_inet6 ]
}

# lab_host NAME : an empty host with lo up
lab_host()
{
	mkdir -p "$LAB_DIR/$1/run"
	ip netns add "$LAB-$1" && ip -n "$LAB-$1" link set lo up || return
	! lab_has_v6 || ip netns exec "$LAB-$1" sysctl -qw \
		net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0
}

# lab_switch NAME : an underlay segment
lab_switch()
{
	lab_host "$1" && ip -n "$LAB-$1" link add br0 type bridge forward_delay 0 &&
		ip -n "$LAB-$1" link set br0 up || return
	# Where br_netfilter is loaded, a switch would go through the machine's firewall.
	ip netns exec "$LAB-$1" sysctl -eqw \
		net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0
}

# lab_plug SWITCH HOST IFNAME [ADDR...] : a cable; at the switch's end it is named HOST.IFNAME
lab_plug()
{
	lab_s=$LAB-$1 lab_h=$LAB-$2 lab_port=$2.$3 lab_i=$3
	shift 3
	ip -n "$lab_h" link add "$lab_i" type veth peer name "$lab_port" netns "$lab_s" &&
		ip -n "$lab_s" link set "$lab_port" master br0 up &&
		ip -n "$lab_h" link set "$lab_i" up || return
	for lab_address; do
		lab_address_add "$lab_h" "$lab_i" "$lab_address" || return
	done
}

# lab_address_add NAMESPACE IFNAME ADDR/LENGTH : v6 without "tentative"; not at all without v6
lab_address_add()
{
	case $3 in
	*:*) ! lab_has_v6 || ip -n "$1" address add "$3" dev "$2" nodad ;;
	*) ip -n "$1" address add "$3" dev "$2" ;;
	esac
}

# lab_v6 HOST on|off : the switch that an administrator would use, on every interface
lab_v6()
{
	ip netns exec "$LAB-$1" sysctl -qw "net.ipv6.conf.all.disable_ipv6=$([ "$2" = off ] && echo 1 || echo 0)"
}

# --- commands in hosts --------------------------------------------------------

# What runs in the host before the command proper. `ip netns exec` has made a mount namespace of
# its own, so a bind mount is seen by this command and its children alone.
# shellcheck disable=SC2016 # expanded over there
lab_enter='mount --bind "$0" /run && exec "$@"'

# lab_x HOST CMD... : run CMD in HOST
lab_x()
{
	lab_h=$1
	shift
	ip netns exec "$LAB-$lab_h" sh -c "$lab_enter" "$LAB_DIR/$lab_h/run" "$@"
}

# lab_bg HOST LOG CMD... : start CMD in HOST; its process id is in LAB_LAST. Not through lab_x:
# the id must be the command's, not a subshell's. Descriptor 9 is a script's own way to say something
# whatever happens, and nothing that a command may keep open.
lab_bg()
{
	lab_h=$1 lab_log=$2
	shift 2
	ip netns exec "$LAB-$lab_h" sh -c "$lab_enter" "$LAB_DIR/$lab_h/run" "$@" >>"$lab_log" 2>&1 </dev/null 9>&- &
	# shellcheck disable=SC2034 # the caller's
	LAB_LAST=$!
}

# lab_stop PID [SIGNAL] : end a child of ours and wait for it; its exit status
lab_stop()
{
	kill "-${2:-TERM}" "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

# The script "enter" in the lab's folder does for people what lab_x does here.
lab_write_enter()
{
	cat <<END
#!/bin/sh
# enter HOST [CMD...] : a command, or a shell, in a host of lab $LAB
h=\${1:?host}; shift; [ \$# -gt 0 ] || set -- "\${SHELL:-/bin/sh}"
exec ip netns exec "$LAB-\$h" sh -c '$lab_enter' "$LAB_DIR/\$h/run" "\$@"
END
}

# --- things hosts may have ----------------------------------------------------

# lab_tunnel HOST IFNAME [ADDR...] : a WireGuard interface by hand: the kernel's if it can, else
# wireguard-go, which goes to the background only once its socket listens
lab_tunnel()
{
	lab_w=$1 lab_i=$2
	shift 2
	if ! ip -n "$LAB-$lab_w" link add "$lab_i" type wireguard 2>/dev/null; then
		lab_x "$lab_w" wireguard-go "$lab_i" >"$LAB_DIR/$lab_w/wireguard-go.log" 2>&1 </dev/null || return
	fi
	for lab_address; do
		lab_address_add "$LAB-$lab_w" "$lab_i" "$lab_address" || return
	done
}

# lab_nat ROUTER WANIF KIND [UNSOLICITED] : source NAT out of WANIF.
#   KIND: "" keeps the source port (one mapping for every destination),
#         fully-random picks a new port for each destination (symmetric).
#   UNSOLICITED: drop (default, as home routers do) or accept.
# nft 1.0.6 wants a newline or ';' after the brace that closes a chain.
lab_nat()
{
	ip netns exec "$LAB-$1" sysctl -eqw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	ip netns exec "$LAB-$1" nft -f - <<END
table inet labnat
delete table inet labnat
table inet labnat {
	chain post {
		type nat hook postrouting priority srcnat; policy accept;
		oifname "$2" masquerade $3
	}
	chain in {
		type filter hook input priority filter; policy accept;
		iifname "$2" meta l4proto { tcp, udp } ct state new ${4:-drop}
	}
	chain thru {
		type filter hook forward priority filter; policy accept;
		iifname "$2" ct state new drop
	}
}
END
}
