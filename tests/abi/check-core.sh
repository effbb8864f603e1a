#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The core knows no address family, no strategy and no driver: neither its sources, nor the symbols and the texts
# of what was built from them, say anything of IPv6 in the tunnel, of the default prefix or of WireGuard.
#
#	check-core.sh BUILD-DIRECTORY SOURCE-DIRECTORY
set -eu
build=$1 source=$2
failures=0

# refuse WHAT LINES: the offending lines, none is fine
refuse() {
	[ -n "$2" ] || return 0
	echo "check-core: $1:" >&2
	echo "$2" | sed 's/^/    /' >&2
	failures=$((failures + 1))
}

# search PATTERN FOLDER…: in sources, each line as file:number:text
search() {
	pattern=$1
	shift
	for folder; do
		[ -d "$source/$folder" ] || continue
		(cd "$source" && grep -rnE --include='*.c' --include='*.h' --include='CMakeLists.txt' "$pattern" "$folder") || true
	done
}

# The server's own sockets, for HTTP and STUN, may be of any family: that is the way to the service, not the mesh.
refuse "an address family named in the core" \
	"$(search 'AF_INET6|PF_INET6|IPPROTO_IPV6' server agent cli | grep -vE '^server/(http|stun)/' || true)"
# The command line names fields of the API, so it may end a name in a family's suffix; the others may not.
refuse "a field of one family named in the core" "$(search '_v6\b' server agent)"
refuse "the default prefix outside of its plugin" "$(search '"0?200::' server agent cli base)"
refuse "a strategy named in the core" "$(search '"(sequential|random|stable|external)"' server agent cli)"
refuse "a driver named in the core" "$(search '[Ww][Ii][Rr][Ee][Gg][Uu][Aa][Rr][Dd]' server agent cli)"

# The one file that may write the default prefix as a constant.
owners=$(cd "$source" && grep -rlE --include='*.c' --include='*.h' '"0?200::/64"' plugins | grep -v '/tests/' || true)
case $(echo "$owners" | wc -l):$owners in
1:plugins/ipam-v6/*) ;;
*) refuse "the default prefix not in exactly one file of ipam-v6" "${owners:-nowhere}" ;;
esac

# symbols TARGET-FOLDER: defined by the objects of the core
symbols() {
	find "$build/$1/CMakeFiles" -name '*.o' 2>/dev/null | sort | while read -r object; do
		nm -A --defined-only "$object" | grep -iE '(_|\b)(ipv6|inet6|v6|wireguard|ipam_v[46])(_|\b)' || true
	done
}
refuse "a symbol of the server that knows a family or a driver" "$(symbols server | grep -vE '/(http|stun)/' || true)"
refuse "a symbol of the agent that knows a family or a driver" "$(symbols agent)"

# Texts in what is loaded into memory (not in debugging information). Names of fields are not looked for here:
# the server carries the description of its API, which has all of them.
for program in server/nexodus-server agent/nexd; do
	[ -e "$build/$program" ] || continue
	refuse "a text in $program that knows a prefix or a driver" \
		"$(strings -d "$build/$program" | grep -iE '200::|wireguard' || true)"
done

echo "check-core: $failures failures"
[ "$failures" -eq 0 ]
