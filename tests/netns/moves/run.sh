#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The service has a name. When one family of its addresses is swallowed on the way, hosts use the other one without
# waiting long; when it moves to another address, they find it there, and their tunnels lose nothing meanwhile; when
# it speaks TLS with a certificate of a private authority, hosts that do not know that authority, or whose clock
# is not within the certificate's time, say what to do about it.
. "$(dirname "$0")/../scenario.sh"

name=mesh.test

# names HOST ADDRESS...: what the name of the service means there
names()
{
	local host=$1 address
	shift
	{
		echo "127.0.0.1 localhost"
		for address; do echo "$address $name"; done
	} >"$LAB_DIR/hosts.$host"
}

# Each nexd sees the names of its host; the bind mount is in the mount namespace that it has to itself.
wrap_nexd()
{
	cat >"$LAB_DIR/nexd" <<-END
		#!/bin/sh
		for option; do
			case \$option in --hostname=*) mount --bind "$LAB_DIR/hosts.\${option#*=}" /etc/hosts ;; esac
		done
		exec "$mesh_nexd" "\$@"
	END
	chmod 700 "$LAB_DIR/nexd"
	mesh_nexd=$LAB_DIR/nexd
}

# streams_to HOST ADDRESS: its connection to the service
streams_to()
{
	ip netns exec "$LAB-$1" ss -Hnt state established dst "$2" | grep -q :8080
}

said()
{
	grep -qF "$2" "$LAB_DIR/log/$1"
}

# --- one family is swallowed ----------------------------------------------------------------

echo "$scenario on Linux $(uname -r)"
mesh_begin
wrap_nexd
listen=$mesh_address:8080
! lab_has_v6 || listen="$listen, [fd99::254]:8080"
need mesh_server_start --listen="$listen"
need mesh_key_create
need mesh_host alpha 1
need mesh_host beta 2
if lab_has_v6; then
	for host in alpha beta; do names $host fd99::254 "$mesh_address"; done
	need ip netns exec "$LAB-server" nft -f - <<-END
		table inet swallow {
			chain in {
				type filter hook input priority filter; policy accept;
				ip6 saddr fd99::1 tcp dport 8080 drop
				ip saddr 10.99.0.2 tcp dport 8080 drop
			}
		}
	END
else
	for host in alpha beta; do names $host "$mesh_address"; done
fi
for host in alpha beta; do mesh_enrol $host --service-url=http://$name:8080; done
check_soon "IPv6 is swallowed on the way: connected within 5 seconds" 5 mesh_is_running alpha 1
check "over IPv4" streams_to alpha "$mesh_address"
check_soon "IPv4 is swallowed on the way: connected within 5 seconds" 5 mesh_is_running beta 1
! lab_has_v6 || check "over IPv6" streams_to beta '[fd99::254]'

# --- the service moves ------------------------------------------------------------------------

b4=$(mesh_tunnel_address beta 4) b6=$(mesh_tunnel_address beta 6)
check "the tunnel works" mesh_ping alpha "$b4" 10
! lab_has_v6 || check "in IPv6 too" mesh_ping alpha "$b6" 10
# shellcheck disable=SC2086 # one or two
flood_start alpha $b4 $b6
check "the server ends in order" mesh_server_stop
need ip -n "$LAB-server" address del "$mesh_address/24" dev eth0
need ip -n "$LAB-server" address add 10.99.0.200/24 dev eth0
! lab_has_v6 || need ip -n "$LAB-server" address del fd99::254/64 dev eth0
check_soon "the hosts notice" 5 mesh_says alpha status '.connected | not'
mesh_address=10.99.0.200 mesh_url=http://10.99.0.200:8080
need mesh_server_start
! lab_has_v6 || need ip netns exec "$LAB-server" nft delete table inet swallow
for host in alpha beta; do names $host $mesh_address; done
for host in alpha beta; do
	check_soon "another address: $host finds it" 20 mesh_is_running $host 1
	check "and is connected to it" streams_to $host $mesh_address
done
sleep 3 # a loss may come late
# shellcheck disable=SC2086 # one or two
flooded "all that while" $b4 $b6

# --- TLS ------------------------------------------------------------------------------------------

# certificate FILE FROM: of the service, valid from a date on (YYYYMMDD)
certificate()
{
	: >"$LAB_DIR/ca.index"
	openssl ca -batch -notext -config "$LAB_DIR/ca.conf" -in "$LAB_DIR/tls.csr" -out "$1" \
		-startdate "${2}000000Z" -enddate 20991231000000Z
}

authority()
{
	cat >"$LAB_DIR/ca.conf" <<-END
		[ca]
		default_ca = mine
		[mine]
		certificate = $LAB_DIR/ca.pem
		private_key = $LAB_DIR/ca.key
		database = $LAB_DIR/ca.index
		new_certs_dir = $LAB_DIR
		rand_serial = yes
		default_md = sha256
		policy = any
		x509_extensions = names
		[any]
		commonName = supplied
		[names]
		subjectAltName = DNS:$name, IP:$mesh_address
	END
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30000 -subj "/CN=private authority" \
		-keyout "$LAB_DIR/ca.key" -out "$LAB_DIR/ca.pem" &&
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" \
			-keyout "$LAB_DIR/tls.key" -out "$LAB_DIR/tls.csr"
}

serves_tls()
{
	NEXCTL_CA_FILE=$LAB_DIR/ca.pem mesh_devices
}

need authority >"$LAB_DIR/log/openssl" 2>&1
need certificate "$LAB_DIR/good.pem" 20200101 >>"$LAB_DIR/log/openssl" 2>&1
need certificate "$LAB_DIR/early.pem" 20980101 >>"$LAB_DIR/log/openssl" 2>&1
need cp "$LAB_DIR/good.pem" "$LAB_DIR/tls.pem"
check "the server ends in order" mesh_server_stop
lab_bg server "$LAB_DIR/log/server" "$mesh_server" --listen="$mesh_address:8080" \
	--state-directory="$LAB_DIR/server/state" --plugin-directory="$mesh_plugins" \
	--tls-certificate="$LAB_DIR/tls.pem" --tls-key="$LAB_DIR/tls.key"
# shellcheck disable=SC2034 # mesh.sh reads it
mesh_server_pid=$LAB_LAST mesh_url=https://$mesh_address:8080
need lab_wait 20 serves_tls
names gamma $mesh_address
need mesh_host gamma 3

mesh_enrol gamma --service-url=https://$name:8080
check_soon "an authority that the host does not know: nexd says what to do" 10 \
	said gamma "name its authority's certificate with --ca-file"
check_not "and does not go on with it" mesh_says gamma status .connected
check "nexd ends in order" mesh_stop gamma

mesh_enrol gamma --service-url=https://$name:8080 --ca-file="$LAB_DIR/ca.pem"
check_soon "with --ca-file it is connected" 10 mesh_is_running gamma

need cp "$LAB_DIR/early.pem" "$LAB_DIR/tls.pem"
need kill -HUP "$mesh_server_pid"
check "nexd ends in order" mesh_stop gamma
need mesh_start gamma
check_soon "a clock before the certificate's time: nexd says what to do" 10 \
	said gamma "is this host's clock behind?"
need cp "$LAB_DIR/good.pem" "$LAB_DIR/tls.pem"
need kill -HUP "$mesh_server_pid"
check_soon "when they agree again it is connected, without a restart" 30 mesh_is_running gamma

need mesh_stop gamma
mesh_enrol gamma --service-url=https://other.test:8080 --ca-file="$LAB_DIR/ca.pem"
echo "$mesh_address other.test" >>"$LAB_DIR/hosts.gamma"
check_soon "a name that is not the certificate's: nexd says so" 10 said gamma "is service-url the name"
mesh_finish
