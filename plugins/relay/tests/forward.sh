#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Shows that a host's forwarding is turned on as wished, that packets go where they should and nowhere else, and that
# everything is byte for byte as before afterwards: when stopped, and when killed and started again.
# Usage: forward.sh PROBE SOURCE-DIRECTORY-OF-THE-SHARED-TESTS
probe=$1
space=relay-forward-$$
. "$2/check.sh"
state=$directory/state
mkdir -m 700 "$state"

# The host: wg0 leads to two peers (through one veth: what comes out of it may go back), eth0 to its own network.
peer=$space-peer lan=$space-lan
check_more() {
	ip netns del "$peer" 2>/dev/null
	ip netns del "$lan" 2>/dev/null
	check_cleanup
}
trap check_more EXIT
ip netns add "$peer" && ip netns add "$lan" || exit 1

sh -e <<SETUP || exit 1
for n in $space $peer $lan; do
	ip -n \$n link set lo up
	ip netns exec \$n sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
done
ip -n $space link add wg0 type veth peer name wg0 netns $peer
ip -n $space link add eth0 type veth peer name eth0 netns $lan
ip -n $space link add eth1 type veth peer name eth1 netns $lan
for n in $space $peer; do ip -n \$n link set wg0 up; done
for n in $space $lan; do ip -n \$n link set eth0 up; ip -n \$n link set eth1 up; done
ip -n $space address add 100.100.0.1/24 dev wg0
ip -n $space address add fd00:7::1/64 dev wg0 nodad
ip -n $space address add 172.17.20.1/24 dev eth0
ip -n $space address add fd20::1/64 dev eth0 nodad
ip -n $space address add 172.17.30.1/24 dev eth1
ip -n $peer address add 100.100.0.2/24 dev wg0
ip -n $peer address add fd00:7::2/64 dev wg0 nodad
ip -n $peer route add 172.17.0.0/16 via 100.100.0.1
ip -n $peer route add fd20::/64 via fd00:7::1
ip -n $lan address add 172.17.20.9/24 dev eth0
ip -n $lan address add fd20::9/64 dev eth0 nodad
ip -n $lan address add 172.17.30.9/24 dev eth1
ip -n $lan route add 100.100.0.0/16 via 172.17.20.1
ip -n $lan route add fd00:7::/64 via fd20::1
SETUP

# What must be as before: every setting of the two families, and everybody's rules. A hardened host: redirects off,
# one interface that forwarded already, one that takes no advertisements; and a firewall of its own.
inside sysctl -qw net.ipv4.conf.all.accept_redirects=0 net.ipv4.conf.eth1.forwarding=1 \
	net.ipv6.conf.eth1.accept_ra=0 net.ipv6.conf.wg0.accept_ra=1 net.ipv6.conf.eth0.accept_ra=1
inside nft -f - <<'NFT'
table inet operators {
	chain input {
		type filter hook input priority filter; policy accept;
		tcp dport 22 counter packets 0 bytes 0 accept
	}
}
table ip nexodus { comment "not ours" ; }
NFT
picture() {
	inside sysctl -a 2>/dev/null | grep -E '^net\.ipv[46]\.(conf|ip_forward)'
	inside nft list ruleset
}
value() { inside cat "/proc/sys/$1"; }
run() { inside "$probe" "$state"; }
reaches() { ip netns exec "$1" ping -qnc1 -W1 "$2" >/dev/null 2>&1 && echo yes || echo no; }
files() { ls "$state"; }

picture >"$directory/before"
expect "nothing is forwarded at first" "no no" "$(reaches "$peer" 172.17.20.9) $(reaches "$peer" fd20::9)"
expect "a host that forwards nothing runs nothing and writes nothing" "ok
ok, 0 programs" "$(printf 'forward wg0 -\nstop\n' | run)$(files)"

# --- a relay that also advertises a network of each family; left as if killed
expect "on" "ok
ok" "$(printf 'forward wg0 relay 172.17.20.0/24 fd20::/64\nforward wg0 relay 172.17.20.0/24 fd20::/64\n' | run)"
expect "both families forward" "1 1" "$(value net/ipv4/ip_forward) $(value net/ipv6/conf/all/forwarding)"
expect "advertisements are still taken where they were" "2 0 1" \
	"$(value net/ipv6/conf/eth0/accept_ra) $(value net/ipv6/conf/eth1/accept_ra) $(value net/ipv6/conf/wg0/accept_ra)"
expect "one table" "table inet nexodus_wg0" "$(inside nft list tables | grep nexodus_)"
expect "the file is the owner's alone" "600" "$(stat -c %a "$state/forwarding")"
expect "the network is reached in both families" "yes yes" "$(reaches "$peer" 172.17.20.9) $(reaches "$peer" fd20::9)"
expect "and reaches the mesh" "yes yes" "$(reaches "$lan" 100.100.0.2) $(reaches "$lan" fd00:7::2)"
expect "a network that is not advertised is not" "no" "$(reaches "$peer" 172.17.30.9)"

# --- the next run adopts what stands, and changes what is wished
expect "killed, started, another list: on without a break" "ok" \
	"$(echo forward wg0 relay 172.17.30.0/24 | run)"
expect "as wished now" "no yes" "$(reaches "$peer" 172.17.20.9) $(reaches "$peer" 172.17.30.9)"

# --- interfaces that come later are seen to
inside ip link add late0 type veth peer name late1
expect "again" "ok" "$(echo forward wg0 relay 172.17.20.0/24 | run)"
expect "a late interface takes advertisements" 2 "$(value net/ipv6/conf/late0/accept_ra)"
inside ip link del late0

# --- killed, and started as a host that forwards nothing
expect "off at the next start" "ok" "$(echo forward wg0 - | run)"
picture >"$directory/after"
expect "all as before" "" "$(diff "$directory/before" "$directory/after")"
expect "no file is left" "" "$(files)"

# --- stopped in order
expect "on and stopped" "ok
ok, 3 programs" "$(printf 'forward wg0 relay\nstop\n' | run)"
picture >"$directory/after"
expect "all as before, again" "" "$(diff "$directory/before" "$directory/after")"

# --- killed, and then stopped without a word in between
expect "on" ok "$(echo forward wg0 relay | run)"
expect "stopped" "ok, 1 programs" "$(echo stop | run)"
picture >"$directory/after"
expect "all as before, once more" "" "$(diff "$directory/before" "$directory/after")"

# --- killed between the note on disk and the first change; and with the table gone
expect "on" ok "$(echo forward wg0 relay | run)"
inside sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.all.accept_redirects=0 net.ipv4.conf.eth1.forwarding=1
inside nft delete table inet nexodus_wg0
expect "off" "ok" "$(echo forward wg0 - | run)"
picture >"$directory/after"
expect "what somebody else turned off stays so" "" "$(diff "$directory/before" "$directory/after")"

expect "on" ok "$(echo forward wg0 relay | run)"
inside sysctl -qw net.ipv6.conf.all.forwarding=0
inside ip link add late0 type veth peer name late1
expect "off" "ok" "$(echo forward wg0 - | run)"
expect "what came later takes advertisements as others do" 1 "$(value net/ipv6/conf/late0/accept_ra)"
inside ip link del late0
picture >"$directory/after"
expect "advertisements are taken as before, whoever turned the switch off" "" \
	"$(diff "$directory/before" "$directory/after")"
expect "on" ok "$(echo forward wg0 relay | run)"
inside sysctl -qw net.ipv6.conf.eth0.accept_ra=0
expect "off" "ok" "$(echo forward wg0 - | run)"
expect "what somebody else set meanwhile stays so" 0 "$(value net/ipv6/conf/eth0/accept_ra)"
inside sysctl -qw net.ipv6.conf.eth0.accept_ra=1

# --- a host that forwards already keeps doing so
inside sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
picture >"$directory/before"
expect "on and stopped on a router" "ok
ok, 3 programs" "$(printf 'forward wg0 relay\nstop\n' | run)"
picture >"$directory/after"
expect "a router stays one" "" "$(diff "$directory/before" "$directory/after")"
inside sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0

# --- a firewall of the host's own that drops what is forwarded, in two tables, one as Docker makes it
inside nft -f - <<'NFT'
table inet filter {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established,related accept
	}
}
table ip filter {
	chain DOCKER-USER {
		counter return
	}
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
		counter jump DOCKER-USER
	}
}
NFT
picture() {
	inside sysctl -a 2>/dev/null | grep -E '^net\.ipv[46]\.(conf|ip_forward)'
	inside nft -s list ruleset
}
openings() { inside nft list chain "$@" | grep -c 'comment "nexodus wg0"'; }
picture >"$directory/before"
expect "on" ok "$(echo forward wg0 relay 172.17.20.0/24 fd20::/64 | run)"
expect "the network is reached in both families" "yes yes" "$(reaches "$peer" 172.17.20.9) $(reaches "$peer" fd20::9)"
expect "and reaches the mesh" "yes yes" "$(reaches "$lan" 100.100.0.2) $(reaches "$lan" fd00:7::2)"
expect "a network that is not advertised is not" "no" "$(reaches "$peer" 172.17.30.9)"
expect "rules of ours stand in the chain that drops, and in Docker's before it" "5 3 0" \
	"$(openings inet filter forward) $(openings ip filter DOCKER-USER) $(openings ip filter FORWARD)"
expect "killed and started: none twice" ok "$(echo forward wg0 relay 172.17.20.0/24 fd20::/64 | run)"
expect "as many as before" "5 3 0" \
	"$(openings inet filter forward) $(openings ip filter DOCKER-USER) $(openings ip filter FORWARD)"
expect "another list" ok "$(echo forward wg0 - 172.17.20.0/24 | run)"
expect "fewer rules" "2 2" "$(openings inet filter forward) $(openings ip filter DOCKER-USER)"
expect "killed, and started as a host that forwards nothing" ok "$(echo forward wg0 - | run)"
picture >"$directory/after"
expect "the rules of others are as before" "" "$(diff "$directory/before" "$directory/after")"
expect "on, and a table goes meanwhile" ok "$(echo forward wg0 relay | run)"
inside nft delete table inet filter
expect "off all the same" ok "$(echo forward wg0 - | run)"
expect "and nothing of ours stays" 0 "$(inside nft list ruleset | grep -c nexodus_wg0)"
inside nft delete table ip filter

# --- another interface than before, and a damaged file
expect "on" ok "$(echo forward wg0 relay | run)"
expect "the interface's name changes" ok "$(echo forward wg1 relay | run)"
expect "the table goes with it" "table inet nexodus_wg1" "$(inside nft list tables | grep nexodus_)"
printf 'boot x\n' >"$state/forwarding"
expect "a damaged file is told" 1 "$(echo forward wg1 relay | run 2>&1 | grep -c 'it is damaged')"
expect "and off takes the table away" "ok
ok
" "$(printf 'forward wg1 relay\nforward wg1 -\n' | run)
$(inside nft list tables | grep nexodus_)"
check_end
