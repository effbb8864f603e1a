#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs in the container: the packages' life on one host, from installation to purge. The other host of the
# mesh is a network namespace beside it, whose nexd is started by hand.
set -u
LAB=life
. /tests/lib/netlab.sh
. /tests/lib/check.sh
LAB_DIR=$(mktemp -d)
umask 022
url=http://10.99.0.1:8080
network_capabilities=0000000000003000 # CAP_NET_ADMIN, CAP_NET_RAW
export DEBIAN_FRONTEND=noninteractive NEXCTL_SERVICE_URL=$url NEXCTL_USERNAME=admin \
	NEXCTL_PASSWORD_FILE=/var/lib/nexodus/admin-password

# --- tools ----------------------------------------------------------------------------

apt()
{
	apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 "$@"
}

unit() { systemctl show --value -p "$2" "$1"; }
main_pid() { unit "$1" MainPID; }
active() { [ "$(unit "$1" ActiveState)" = active ]; }
inactive() { [ "$(unit "$1" ActiveState)" = inactive ]; }
status_of() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }
no_such() { [ ! -e "$1" ]; }

# renewed UNIT PID: it runs, as another process than PID
renewed()
{
	active "$1" && [ "$(main_pid "$1")" != "$2" ]
}

# processes PROGRAM: on this host, not on the other one
processes()
{
	local pid mine
	mine=$(readlink /proc/self/ns/net)
	for pid in $(cd /proc && echo [0-9]*); do
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$1" ] && [ "$(readlink "/proc/$pid/ns/net")" = "$mine" ] &&
			! grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" && echo "$pid"
	done
}

capabilities()
{
	local pid
	for pid; do
		echo "$(status_of "$pid" CapPrm) $(status_of "$pid" CapEff) $(status_of "$pid" CapBnd) $(status_of "$pid" NoNewPrivs)"
	done | sort -u
}

running()
{
	local answer
	# Not a pipe: jq finds no fault with an empty input.
	answer=$(nexctl nexd status --output json) &&
		jq -e '.state == "running" and .peers.total >= 1' <<<"$answer"
}

# peer PROGRAM...: on the other host
peer()
{
	# shellcheck disable=SC2016 # expanded over there
	ip netns exec peer sh -c 'mount --bind /peer/wireguard /run/wireguard && exec "$@"' sh "$@"
}

pings()
{
	ping -qnc1 -W1 "$1"
}

# answered_in_order FILE: ping was answered each request, but perhaps the last one, which was under way when it ended
answered_in_order()
{
	awk '
		/ bytes from / && match($0, /icmp_seq=[0-9]+/) {
			number = substr($0, RSTART + 9, RLENGTH - 9) + 0
			if (number != last + 1) { print "after", last, "came", number; wrong = 1 }
			last = number
		}
		/ packets transmitted, / { print; sent = $1 }
		END { exit wrong || last < 20 || sent - last > 1 }' "$1"
}

# flooded WHAT CMD...: no ping of a flood in both families is lost meanwhile, and the interface is the same
flooded()
{
	local what=$1 family before pids=()
	shift
	before=$(cat /sys/class/net/wg0/ifindex)
	for family in 4 6; do
		ping -n -i 0.02 "${peer_address[$family]}" >"$LAB_DIR/flood.$family" 2>&1 &
		pids+=($!)
	done
	sleep 0.5
	check "$what" "$@"
	check_soon "$what: nexd is in touch with the service" 30 running
	kill -INT "${pids[@]}"
	wait "${pids[@]}"
	for family in 4 6; do
		check "$what: no IPv$family ping of the flood is lost" answered_in_order "$LAB_DIR/flood.$family"
	done
	check_same "$what: the interface is the same" "$before" "$(cat /sys/class/net/wg0/ifindex)"
}

# --- installation ---------------------------------------------------------------------

installed()
{
	apt install wireguard-go nftables iputils-ping jq /packages/old/*.deb
}

server_installed()
{
	local pid
	check_soon "the server runs" 20 active nexodus-server
	pid=$(main_pid nexodus-server)
	check_same "as a user of its own" nexodus "$(ps_user "$pid")"
	check_same "without a capability, and none to be had" "0000000000000000 0000000000000000 0000000000000000 1" \
		"$(capabilities "$pid")"
	check_same "it tells what it does" "listening on 127.0.0.1:8080" "$(unit nexodus-server StatusText)"
	check_same "its state is its own" "700 nexodus nexodus" "$(stat -c '%a %U %G' /var/lib/nexodus)"
	check_same "so is the administrator's password" "600 nexodus nexodus" \
		"$(stat -c '%a %U %G' /var/lib/nexodus/admin-password)"
	check_same "its configuration is root's, and it may read it" "640 root nexodus" \
		"$(stat -c '%a %U %G' /etc/nexodus/server.conf)"
	check "the sample configuration is a good one" nexodus-server --check-config
}

ps_user() { stat -c %U "/proc/$1"; }

agent_installed()
{
	check "an agent without a service is not started" inactive nexd
	check_not "and has not failed" systemctl is-failed --quiet nexd
	check "it will start at boot" systemctl is-enabled --quiet nexd nexodus-server
	check_same "its configuration is root's, and it may read it" "640 root nexd" \
		"$(stat -c '%a %U %G' /etc/nexodus/nexd.conf)"
}

files_installed()
{
	local file
	for file in /usr/share/man/man8/nexodus-server.8.gz /usr/share/man/man8/nexd.8.gz \
		/usr/share/man/man1/nexctl.1.gz /usr/share/man/man5/nexd.conf.5.gz \
		/usr/share/man/man5/nexodus-server.conf.5.gz /usr/share/bash-completion/completions/nexctl \
		/usr/share/man/man1/nexodus-plugin-check.1.gz /usr/share/doc/nexodus-plugin-dev/guide.md.gz \
		/usr/share/doc/nexodus-plugin-dev/driver.md.gz \
		/usr/share/doc/nexodus-server/ipam.md.gz /usr/share/doc/nexd/ways.md.gz \
		/usr/share/doc/nexodus-plugin-dev/examples/driver-vxlan/CMakeLists.txt /usr/include/nexodus/plugin.h; do
		[ -e "$file" ] || dpkg --listfiles nexd nexctl nexodus-server nexodus-plugin-dev | grep -qx "$file" ||
			{ echo "$file is missing"; return 1; }
	done
}

# --- a mesh of two --------------------------------------------------------------------

underlay()
{
	ip link set lo up
	ip netns add peer && ip link add eth0 type veth peer name eth0 netns peer &&
		ip address add 10.99.0.1/24 dev eth0 && ip link set eth0 up &&
		ip -n peer link set lo up && ip -n peer address add 10.99.0.2/24 dev eth0 &&
		ip -n peer link set eth0 up
}

configured()
{
	sed -i '0,/^#listen = .*/s//listen = 10.99.0.1:8080, 127.0.0.1:8080/' /etc/nexodus/server.conf &&
		systemctl restart nexodus-server &&
		NEXCTL_TOKEN='' nexctl reg-key create --output json | jq -er .key >"$LAB_DIR/key" &&
		install -m 0640 -g nexd "$LAB_DIR/key" /etc/nexodus/registration-key &&
		sed -i -e "s|^#service-url = .*|service-url = $url|" \
			-e 's|^#registration-key-file = .*|registration-key-file = /etc/nexodus/registration-key|' \
			-e 's/^#relay-node/relay-node/' /etc/nexodus/nexd.conf
}

peer_start()
{
	mkdir -p /peer/wireguard
	peer nexd --config=/dev/null --service-url="$url" --registration-key-file="$LAB_DIR/key" --hostname=peer \
		--state-directory=/peer/state --control-socket=/peer/nexd.sock >"$LAB_DIR/peer.log" 2>&1 &
}

peer_addresses()
{
	local family
	for family in 4 6; do
		peer_address[$family]=$(ip -n peer -j "-$family" address show dev wg0 scope global |
			jq -er '.[0].addr_info[0].local') || return
	done
}

# tables_readable: by a process with the groups of nexd, and as little else
tables_readable()
{
	local groups
	groups=$(status_of "$(main_pid nexd)" Groups | tr -s ' ' , | sed 's/,$//')
	[ ! -e /proc/net/ip_tables_names ] ||
		setpriv --reuid nexd --regid nexd --groups "$groups" --bounding-set=-all --inh-caps=-all \
			cat /proc/net/ip_tables_names
}

tells_running() { [ "$(unit nexd StatusText)" = "running on wg0" ]; }

agent_runs()
{
	local go
	check_same "as a user of its own" nexd "$(ps_user "$(main_pid nexd)")"
	check_same "with what it needs, and no more to be had" \
		"$network_capabilities $network_capabilities $network_capabilities 1" "$(capabilities "$(main_pid nexd)")"
	go=$(processes wireguard-go)
	check "wireguard-go carries the tunnel here" test -n "$go"
	# shellcheck disable=SC2086 # a list
	check_same "with no more than nexd" \
		"$network_capabilities $network_capabilities $network_capabilities 1" "$(capabilities $go)"
	check "it may read which tables of iptables there are" tables_readable
	check_same "its state is its own" "700 nexd nexd" "$(stat -c '%a %U %G' /var/lib/nexd)"
	check_same "its socket is for the group nexctl" "660 nexd nexctl" "$(stat -c '%a %U %G' /run/nexd/nexd.sock)"
	check_soon "it tells how it stands" 20 tells_running
	useradd --system --groups nexctl asker
	useradd --system stranger
	check "a member of the group may ask it" setpriv --reuid asker --regid asker --init-groups nexctl nexd status
	check_not "somebody else may not" setpriv --reuid stranger --regid stranger --init-groups nexctl nexd status
}

# --- restarts -------------------------------------------------------------------------

restarted()
{
	local before
	before=$(main_pid "$1")
	systemctl restart "$1" && renewed "$1" "$before"
}

# killed UNIT SIGNAL: that signal, and systemd starts it again
killed()
{
	local before
	before=$(main_pid "$1")
	kill "-$2" "$before" && lab_wait 40 renewed "$1" "$before"
}

# watched UNIT SECONDS
watched()
{
	mkdir -p "/run/systemd/system/$1.service.d"
	printf '[Service]\nWatchdogSec=%s\n' "$2" >"/run/systemd/system/$1.service.d/watchdog.conf"
	systemctl daemon-reload && systemctl restart "$1"
}

unwatched()
{
	rm -r "/run/systemd/system/$1.service.d"
	systemctl daemon-reload && systemctl restart "$1"
}

# outlives UNIT: it runs on as the same process, although it is watched closely
outlives()
{
	local before
	before=$(main_pid "$1")
	sleep 5
	[ "$(main_pid "$1")" = "$before" ]
}

reloaded()
{
	local before
	before=$(main_pid "$1")
	systemctl reload "$1" && [ "$(main_pid "$1")" = "$before" ] && lab_wait 10 active "$1"
}

restarts()
{
	check "the server reloads" reloaded nexodus-server
	check "nexd reloads" reloaded nexd
	flooded "nexd restarted" restarted nexd
	flooded "nexd killed" killed nexd KILL
	flooded "the server killed" killed nexodus-server KILL
	check "the server, closely watched" watched nexodus-server 2
	check "lives" outlives nexodus-server
	flooded "and is started again when it hangs" killed nexodus-server STOP
	check "the server watched as usual" unwatched nexodus-server
	check "nexd, closely watched" watched nexd 2
	check "lives" outlives nexd
	flooded "and is started again when it hangs, its tunnel untouched" killed nexd STOP
	flooded "nexd watched as usual" unwatched nexd
}

version() { dpkg-query -W -f '${Version}' "$1"; }

upgraded()
{
	local server agent before
	server=$(main_pid nexodus-server) agent=$(main_pid nexd) before=$(version nexd)
	apt install /packages/new/*.deb && [ "$(version nexd)" != "$before" ] &&
		renewed nexodus-server "$server" && renewed nexd "$agent"
}

# --- what the sandbox lets through ------------------------------------------------------

relays()
{
	[ "$(sysctl_of net/ipv4/ip_forward)" = 1 ] && [ "$(sysctl_of net/ipv6/conf/all/forwarding)" = 1 ] &&
		nft list table inet nexodus_wg0
}

sysctl_of() { cat "/proc/sys/$1"; }

relaying()
{
	check_soon "nexd, a relay, forwards, and has its firewall" 20 relays
	check "nexd restarted" restarted nexd
	check "it still does, at once" relays
	check "nexd stopped" systemctl stop nexd
	check_same "forwarding is as before" "0 0" "$(sysctl_of net/ipv4/ip_forward) $(sysctl_of net/ipv6/conf/all/forwarding)"
	check_not "and its firewall is gone" nft list table inet nexodus_wg0
	check "the interface is gone" no_such /sys/class/net/wg0
	check_same "and no process is left" "" "$(processes wireguard-go)"
	check "nexd started" systemctl start nexd
	check_soon "it is in touch with the service again" 30 running
}

# --- the end --------------------------------------------------------------------------

remains()
{
	find / -xdev \( -path /proc -o -path /sys -o -path /packages -o -path /tests -o -path /peer \) -prune -o \
		\( -name '*nexodus*' -o -name 'nexd*' -o -name 'nexctl*' \) -print |
		grep -vE "^($LAB_DIR|/tmp/systemd-private|/var/tmp/systemd-private|/var/cache/apt|/var/log)"
}

ending()
{
	check "removed" apt remove nexd nexodus-server nexctl nexodus-plugin-dev
	check "the interface is gone" no_such /sys/class/net/wg0
	check_same "no process is left" "" "$(processes nexd; processes nexodus-server; processes wireguard-go)"
	check "what cannot be made again is kept" test -e /var/lib/nexodus/nexodus.db -a -e /var/lib/nexd/token \
		-a -e /etc/nexodus/nexd.conf
	check "installed again" apt install /packages/new/*.deb
	check_soon "nexd is the same device" 30 running
	check "purged" apt purge nexd nexodus-server nexctl nexodus-plugin-dev
	check_same "nothing is left" "" "$(remains)"
	check_same "no unit has failed" "" "$(systemctl --failed --no-legend --plain)"
}

declare -A peer_address=()
finish()
{
	[ "$checks_failed" = 0 ] || journalctl --no-pager -u nexd -u nexodus-server | tail -n "${JOURNAL_LINES:-60}"
	check_report
}
trap 'kill $(ip netns pids peer) 2>/dev/null' EXIT

check "installed" installed
[ "$checks_failed" = 0 ] || { finish; exit 1; }
server_installed
agent_installed
check "manual pages, completion and headers are there" files_installed
check "a plugin that is installed can be checked" sh -c "nexodus-plugin-check --operations=20000 /usr/lib/*/nexodus/server/ipam-v6.so"
check "an underlay" underlay
check "configured" configured
check "nexd started" systemctl start nexd
check "another host" peer_start
check_soon "nexd has registered, and knows the other" 30 running
check "the other's addresses" peer_addresses
[ "$checks_failed" = 0 ] || { cat "$LAB_DIR/peer.log"; finish; exit 1; }
for family in 4 6; do
	check_soon "IPv$family flows" 20 pings "${peer_address[$family]}"
done
agent_runs
restarts
flooded "upgraded" upgraded
relaying
ending
finish
