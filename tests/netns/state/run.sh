#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Disks that are full and files that are damaged. A full disk ends no tunnel: the agent says so once and goes on, the
# server refuses changes in words and goes on reading, and both recover when there is room. What is damaged in the
# state directory, or is the server's database, is told with what to do; nothing is overwritten, and the tunnel stands
# meanwhile.
. "$(dirname "$0")/../scenario.sh"

# --- small disks -----------------------------------------------------------------------

disks=("$LAB_DIR/server/state" "$LAB_DIR/alpha/state")

disks_end()
{
	umount -ql "${disks[@]}" 2>/dev/null
}

# disk_make FOLDER KILOBYTES
disk_make()
{
	mkdir -p "$1" && mount -t tmpfs -o "mode=700,size=$2k" none "$1"
}

# disk_fill FOLDER: until nothing fits any more
disk_fill()
{
	cat /dev/zero >"$1/filler" 2>/dev/null
	! echo x 2>/dev/null >"$1/probe"
}

disk_free()
{
	rm -f "$1/filler" "$1/probe"
}

state_end()
{
	local status=$?
	disks_end
	(exit "$status")
	mesh_end
}

# --- what is said ----------------------------------------------------------------------

# count HOST WORDS: how often its log says so
count()
{
	grep -cF -- "$2" "$LAB_DIR/log/$1"
}

# rename_beta NAME: a change that every agent writes down
rename_beta()
{
	mesh_nexctl device update "$beta" --hostname "$1" >/dev/null
}

alpha_knows()
{
	mesh_says alpha peers ".[] | select(.hostname == \"$1\")"
}

disks_end
mesh_begin
trap state_end EXIT
echo "$scenario on Linux $(uname -r)"
need mesh_host alpha 1
need mesh_host beta 2
need disk_make "${disks[0]}" 2048
need disk_make "${disks[1]}" 128
state=${disks[1]}
need mesh_server_start
need mesh_key_create

# --- the agent's disk is full -----------------------------------------------------------

need disk_fill "$state"
mesh_enrol alpha
check "on a full disk, a new agent ends with exit code 1" ends_with 1 alpha
check "it says why" log_ends alpha "No space left on device"
disk_free "$state"
mesh_start alpha
mesh_enrol beta
need mesh_wait_running 1 alpha beta
b4=$(mesh_tunnel_address beta 4) b6=$(mesh_tunnel_address beta 6) beta=$(device_id beta)
check "with room, it runs: IPv4 flows" mesh_ping alpha "$b4" 10
check "with room, it runs: IPv6 flows" mesh_ping alpha "$b6" 10

need disk_fill "$state"
long=$(printf 'x%.0s' {1..200})
for i in 1 2 3 4 5 6 7 8; do need rename_beta "$i$long"; done
check_soon "on a full disk, a running agent follows all the same" 10 alpha_knows "8$long"
check_same "it says once that it cannot store what it knows" 1 "$(count alpha "the last known peers are not stored")"
check "IPv4 flows" mesh_ping alpha "$b4"
check "IPv6 flows" mesh_ping alpha "$b6"

mesh_stop alpha KILL
mesh_start alpha
check "killed and started again on the full disk, it runs" mesh_wait_running 1 alpha
check "IPv4 flows" mesh_ping alpha "$b4"
check "IPv6 flows" mesh_ping alpha "$b6"
for i in 1 2 3 4 5 6 7 8; do need rename_beta "$i$long"; done
check_soon "it follows" 10 alpha_knows "8$long"
disk_free "$state"
need rename_beta beta
check_soon "with room, it stores what it knows" 10 grep -q "\"hostname\":\"beta\"" "$state/devices.log"
check "it says so" grep -q "are stored again" "$LAB_DIR/log/alpha"

# --- what is damaged ---------------------------------------------------------------------

alpha=$(device_id alpha)
mesh_stop alpha KILL
need cp -a "$state" "$LAB_DIR/alpha/good"

restore()
{
	find "$state" -mindepth 1 -delete
	cp -a "$LAB_DIR/alpha/good/." "$state"
}

# refused WHAT WORDS: nexd on alpha must be, and must change nothing in its state directory; it is as before then
refused()
{
	local before
	before=$(contents)
	mesh_start alpha
	check "$1: refused with exit code 5" ends_with 5 alpha
	check "$1: and why, and what to do" log_ends alpha "$2"
	check_same "$1: nothing is lost" "$before" "$(contents)"
	restore
}

# contents: of all files but the lock, which holds the last process id
contents()
{
	(cd "$state" && find . ! -name lock -printf '%p %M %U %s\n' | sort &&
		find . -type f ! -name lock -exec sha256sum {} + | sort)
}

: >"$state/private.key"
refused "an empty private key" "Restore it from a backup"
head -c 44 /dev/urandom >"$state/private.key"
refused "garbage for a private key" "holds no WireGuard private key"
truncate -s 20 "$state/token"
refused "a token that was cut" "token is damaged"
: >"$state/token"
refused "an empty token" "Restore it from a backup"
rm "$state/token" && mkdir "$state/token"
refused "a folder instead of the token" "token is no regular file"
chmod 644 "$state/token"
refused "a token that others can read" "chmod 600 it"
chown 65534 "$state/token"
refused "a token of another user" "belongs to user 65534"
chown 65534 "$state/private.key"
refused "a private key of another user" "chown it"
echo '{"version":2,"who":"knows"}' >"$state/identity.json"
refused "an identity of a newer version" "install that version again"
lab_x alpha wg genkey >"$state/private.key"
refused "another private key" "this host is registered with the key"
check "meanwhile the tunnel stands: IPv4 flows" mesh_ping alpha "$b4"
check "meanwhile the tunnel stands: IPv6 flows" mesh_ping alpha "$b6"

head -c 100 /dev/urandom >"$state/identity.json"
before=$(sha256sum <"$state/identity.json")
mesh_start alpha
check "with a damaged identity, it runs" mesh_wait_running 1 alpha
check_same "as the same device" "$alpha" "$(device_id alpha)"
check_same "and the damaged file is kept" "$before" "$(sha256sum <"$state/identity.json.damaged-1")"
mesh_stop alpha KILL

size=$(stat -c %s "$state/devices.log")
truncate -s $((size - 50)) "$state/devices.log"
mesh_start alpha
check "with last known peers that were cut, it runs" mesh_wait_running 1 alpha
check "it says so" grep -q "the stored peers were cut or damaged" "$LAB_DIR/log/alpha"
check "IPv4 flows" mesh_ping alpha "$b4"
check "IPv6 flows" mesh_ping alpha "$b6"

# --- the server's disk is full ------------------------------------------------------------

devices=$(mesh_devices | jq -S 'map({id, hostname, tunnel_ip, tunnel_ip_v6})')
need disk_fill "${disks[0]}"
check "on a full disk, the server ends in order" mesh_server_stop
check "and starts again" mesh_server_start
need disk_fill "${disks[0]}"
for i in 1 2 3; do
	check_not "on a full disk, the server refuses a change" mesh_nexctl reg-key create
done
# A refusal has a body that a program can read.
# shellcheck disable=SC2016 # expanded over there
answer=$(ip netns exec "$LAB-server" bash -c 'exec 3<>"/dev/tcp/$0/8080" && printf \
	"POST /api/organizations HTTP/1.0\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"name\":\"x\"}" \
	"$1" >&3 && cat <&3' "$mesh_address" "$mesh_token")
check_same "with status 503" "HTTP/1.1 503" "${answer:0:12}"
check_same "and the reason, in JSON" "the disk of the database is full" \
	"$(tail -n 1 <<<"$answer" | jq -r .reason | cut -d: -f1)"
check_same "it logs that once" 1 "$(count server "the database takes no changes")"
check_same "it reads on" "$devices" "$(mesh_devices | jq -S 'map({id, hostname, tunnel_ip, tunnel_ip_v6})')"
check "the agents are in touch with it" mesh_wait_running 1 alpha beta
check "IPv4 flows" mesh_ping alpha "$b4"
check "IPv6 flows" mesh_ping alpha "$b6"
disk_free "${disks[0]}"
check_soon "with room, it takes changes again" 10 mesh_nexctl reg-key create
check "it logs that" grep -q "the database takes changes again" "$LAB_DIR/log/server"
need mesh_server_stop
need mesh_server_start
check_same "nothing is damaged: it starts again and knows what it knew" "$devices" \
	"$(mesh_devices | jq -S 'map({id, hostname, tunnel_ip, tunnel_ip_v6})')"
check "the agents come back" mesh_wait_running 1 alpha beta

# --- the server's database is damaged ------------------------------------------------------

check "the server ends in order" mesh_server_stop
need cp "${disks[0]}/nexodus.db" "$LAB_DIR/good.db"
need dd if=/dev/urandom of="${disks[0]}/nexodus.db" bs=1024 count=3 conv=notrunc status=none
before=$(sha256sum <"${disks[0]}/nexodus.db")
check_not "with a damaged database, the server does not start" mesh_server_start
check "it says why, and what to do" log_ends server "the database is damaged: stop the server, and restore the file"
check_same "and leaves it as it is" "$before" "$(sha256sum <"${disks[0]}/nexodus.db")"
check "IPv4 flows" mesh_ping alpha "$b4"
check "IPv6 flows" mesh_ping alpha "$b6"
need cp "$LAB_DIR/good.db" "${disks[0]}/nexodus.db"
check "with the backup, it starts" mesh_server_start
check "and the agents come back" mesh_wait_running 1 alpha beta
mesh_finish
