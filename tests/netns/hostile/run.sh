#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A server that has fallen into wrong hands tries to take over its hosts' traffic: its database says that members lead to
# everything, to the hosts' own networks and gateway, and to a thousand parts of the Internet; that members have addresses
# and keys that cannot be; at last that a host itself has an address of the underlay. Then whoever answers in its place
# sends garbage. Nothing of it gets onto a host: its routes outside the mesh are as they were, the log says what was left
# out and why, honest members reach each other all the while, and all is well once the database is right again.
. "$(dirname "$0")/../scenario.sh"

# --- the server's database --------------------------------------------------------------

# sql [STATEMENT...]: while the server is down
sql()
{
	sqlite3 -bail "$LAB_DIR/server/state/nexodus.db" "$@"
}

# next: the organization's next revision, for what has changed in it
next="UPDATE organizations SET revision = revision + 1 WHERE id = (SELECT organization_id FROM devices LIMIT 1);"
revision="(SELECT o.revision FROM organizations o WHERE o.id = organization_id)"

# claim HOST COLUMN VALUE [COLUMN VALUE]...: the statements that make the database say so of the device
claim()
{
	local host=$1 set=
	shift
	while [ $# -gt 1 ]; do
		set="$set, $1 = '$2'"
		shift 2
	done
	echo "$next UPDATE devices SET revision = $revision$set WHERE hostname = '$host';"
}

# invent HOST NUMBER [COLUMN VALUE]...: of a member that nobody has ever met, with addresses of that number
invent()
{
	local host=$1 number=$2
	shift 2
	echo "$next INSERT INTO devices (id, public_key, hostname, tunnel_ip, tunnel_ip_v6, revision,
			organization_id, user_id, driver, created_at, organization_prefix, organization_prefix_v6)
		SELECT printf('ffffffff-0000-7000-8000-%012x', $number), '$(printf '%032d' "$number" | base64)', '$host',
			'100.100.66.$number', '200::66:$number', $revision,
			organization_id, user_id, driver, created_at, organization_prefix, organization_prefix_v6
		FROM devices WHERE hostname = 'mallory';"
	claim "$host" "$@"
}

# parts NUMBER: 256 parts of the Internet, as the database keeps them
parts()
{
	printf '[%s]' "$(seq -s , -f "\"$1.%g.0.0/16\"" 0 255)"
}

# server_says: the statements on standard input, in a server that everyone has come back to
server_says()
{
	need mesh_server_stop
	need sql
	need mesh_server_start
}

# --- what must not change ----------------------------------------------------------------

# outside HOST: its routes and rules, without those into the tunnel
outside()
{
	local family
	for family in 4 6; do
		ip -n "$LAB-$1" "-$family" route show table all | grep -v ' dev wg0 '
		ip -n "$LAB-$1" "-$family" rule
	done
}

# inside HOST: what is routed into the tunnel
inside()
{
	local family
	for family in 4 6; do
		ip -n "$LAB-$1" "-$family" -o route show table main dev wg0 | cut -d ' ' -f 1
	done | grep -v '^fe80:' | sort
}

# leaves_by HOST INTERFACE ADDRESS...: all packets to there take that interface
leaves_by()
{
	local host=$1 interface=$2
	shift 2
	[ "$(printf 'route get %s\n' "$@" | ip -n "$LAB-$host" -o -batch - | grep -c " dev $interface ")" = $# ]
}

# keeps WHAT: alpha has lost nothing of what it has outside the mesh, and nothing goes into the mesh that should not
keeps()
{
	check_same "$1: alpha's routes and rules outside the mesh are as they were" "$outside" "$(outside alpha)"
	check "$1: what is for elsewhere stays outside" leaves_by alpha eth0 \
		8.8.8.8 2a00::8 169.254.169.254 192.0.2.1 "$mesh_address" fd99::254 10.99.0.2 fd99::2
	check "$1: alpha reaches its gateway" mesh_ping alpha "$mesh_address"
}

# reach WHAT 4|6...: alpha and beta reach each other
reach()
{
	local what=$1 family
	shift
	for family; do
		check "$what: alpha reaches beta, IPv$family" mesh_ping alpha "$(mesh_tunnel_address beta "$family")" 20
		check "$what: beta reaches alpha, IPv$family" mesh_ping beta "$(mesh_tunnel_address alpha "$family")" 20
	done
}

# tunnels_to HOST ENDPOINT
tunnels_to()
{
	lab_x "$1" wg show wg0 endpoints | grep -F "$2"
}

scenario_begin
need mesh_host alpha 1
need mesh_host beta 2
need mesh_host mallory 3
for host in alpha beta; do
	need ip -n "$LAB-$host" route add default via "$mesh_address"
	need ip -n "$LAB-$host" route add default via fd99::254
	mesh_enrol "$host"
done
mesh_enrol mallory
need mesh_wait_running 2 alpha beta mallory
reach "an honest server" 4 6
outside=$(outside alpha)
inside=$(inside alpha)
a4=$(mesh_tunnel_address alpha 4)
a6=$(mesh_tunnel_address alpha 6)
endpoint4=$(mesh_device alpha local_ip)
endpoint6=$(mesh_device alpha local_ip_v6)

# --- members that lead everywhere --------------------------------------------------------

everything='"0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"'
links='"127.0.0.0/8", "169.254.169.254/32", "224.0.0.0/4", "fe80::/64", "ff00::/8"'
server_says <<-END
	$(claim mallory child_prefix "[$everything, $links]")
	$(invent everywhere 1 organization_prefix 0.0.0.0/0 tunnel_ip 8.8.8.8 organization_prefix_v6 ::/0 tunnel_ip_v6 2a00::8)
	$(invent neighbour 2 child_prefix '["10.99.0.0/24", "fd99::/64", "10.99.0.254/32", "fd99::254/128", "10.0.0.0/8"]')
	$(invent wide 3 child_prefix '["8.0.0.0/8", "2a00::/32", "192.0.0.0/8"]')
	$(invent twin 4 tunnel_ip "$a4" tunnel_ip_v6 "$a6")
	$(invent outsider 5 tunnel_ip 10.1.2.3 tunnel_ip_v6 fd99::77)
	$(invent keyless 6 public_key 'not a key')
	$(invent mirror 7 local_ip "$endpoint4" local_ip_v6 "$endpoint6")
	$(invent honest 8 child_prefix '["10.8.0.0/16", "fd08::/64"]')
	$(for number in 20 21 22 23 24; do invent "parts$number" "$number" child_prefix "$(parts "$number")"; done)
END
# routes_16: how many networks of that width lead into the tunnel
routes_16()
{
	inside alpha | grep -c '/16$'
}
has_all()
{
	has_route alpha 4 10.8.0.0/16 && has_route alpha 6 fd08::/64 && has_route alpha 6 200::66:24 && [ "$(routes_16)" -ge 1024 ]
}
check_soon "networks that nothing speaks against are routed" 60 has_all
keeps "members that lead everywhere"
check_same "members that lead everywhere: of them only what is theirs is routed" "$(sort <<-END
	$inside
	$(printf '100.100.66.%s\n' 2 3 7 8 20 21 22 23 24)
	$(printf '200::66:%s\n' 2 3 7 8 20 21 22 23 24)
	10.8.0.0/16
	fd08::/64
END
)" "$(inside alpha | grep -v '^2[0-4]\.')"
check_same "of many parts of the Internet, no more than a 64th of it is" 1024 "$(routes_16)"
reach "members that lead everywhere" 4 6
for words in "a link's own" "0.0.0.0/0 is too large for an organization" "outside the mesh, is in it" "a part of the Internet" \
	"it is this host's own tunnel address" "lies outside the organization's prefix" "not a public key" \
	"a large part of the Internet"; do
	check_soon "alpha is told: $words" 10 log_has alpha "$words"
done
check_soon "beta is told: another device has the same address" 10 log_has beta "another device has the same address"
check "beta's tunnel leads to alpha's endpoint" tunnels_to beta "$endpoint4"
check_not "no tunnel leads alpha to itself, IPv4" tunnels_to alpha "$endpoint4"
check_not "no tunnel leads alpha to itself, IPv6" tunnels_to alpha "$endpoint6"

# --- a host that is to be somebody else ----------------------------------------------------

server_says <<<"$(claim alpha organization_prefix 10.99.0.0/24 tunnel_ip 10.99.0.77)"
check_soon "an address of the underlay: alpha is told" 30 log_has alpha "a network that this host is connected to"
check_soon "an address of the underlay: IPv4 of the mesh ends on alpha" 30 has_no_family alpha 4
keeps "an address of the underlay"
reach "an address of the underlay: the other family goes on" 6

# --- the truth again ------------------------------------------------------------------------

# Nobody is told who is gone: all have to read everything anew.
server_says <<-END
	$(claim alpha organization_prefix 100.100.0.0/16 tunnel_ip "$a4")
	$(claim mallory child_prefix null)
	DELETE FROM devices WHERE id LIKE 'ffffffff-%';
	$next
	UPDATE organizations SET forgotten = revision;
END
as_before()
{
	[ "$inside" = "$(inside alpha)" ]
}
check_soon "with the truth told again, alpha has all of its routes and no other" 60 as_before
keeps "the truth again"
reach "the truth again" 4 6

# --- garbage --------------------------------------------------------------------------------

lab_bg server "$LAB_DIR/garbage" python3 "$(dirname "$0")/garbage.py" "$mesh_address" 8080
garbage=$LAB_LAST
need lab_wait 20 grep -q waiting "$LAB_DIR/garbage"
need mesh_server_stop
# All ways have been taken, and what has no end was ended by the hosts.
garbage_had()
{
	[ "$(grep ' begins$' "$LAB_DIR/garbage" | sort -u | wc -l)" = 5 ] &&
		grep -q '^a head without end is cut off' "$LAB_DIR/garbage" &&
		grep -q '^a line without end is cut off' "$LAB_DIR/garbage"
}
check_soon "garbage: the hosts ask again and again, and cut off what has no end" 120 garbage_had
lab_stop "$garbage" KILL
check "garbage: alpha has all of its routes and no other" as_before
keeps "garbage"
reach "garbage" 4 6
need mesh_server_start
check "the server is back, and so are all hosts" mesh_wait_running 2 alpha beta mallory
reach "in the end" 4 6
mesh_finish
