# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# What the user commands in this folder share: messages, packages, builds. Source it from bash.

scripts_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source_dir=$(dirname "$scripts_dir")
export source_dir

# Colour only for a person: names of escape sequences, empty when FD is not a terminal.
# style_begin FD
style_begin()
{
	bold='' dim='' red='' green='' yellow='' reset=''
	if [ -t "$1" ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
		bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' yellow=$'\e[33m' reset=$'\e[0m'
	fi
}
style_begin 2

# Messages go to standard error: what a command answers stays alone on standard output.
step() { printf '%s==> %s%s\n' "$bold" "$*" "$reset" >&2; }
note() { printf '    %s\n' "$*" >&2; }
warn() { printf '%swarning: %s%s\n' "$yellow" "$*" "$reset" >&2; }
fail() { printf '%serror: %s%s\n' "$red" "$*" "$reset" >&2; exit 1; }

# need_root WHY
need_root()
{
	[ "$(id -u)" = 0 ] || fail "run me as root: I $1"
}

on_debian_12()
{
	[ -r /etc/os-release ] || return 1
	# shellcheck source=/dev/null
	(. /etc/os-release && [ "${ID:-}" = debian ] && [ "${VERSION_ID:-}" = 12 ])
}

# packages_of GROUP...: their names, one a line
packages_of()
{
	local group
	for group; do
		awk -v group="$group" '$1 == group { print $2 }' "$scripts_dir/packages.txt"
	done | sort -u
}

# packages_missing NAME...: those that are not installed
packages_missing()
{
	comm -23 <(printf '%s\n' "$@" | sort -u) \
		<(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
			awk '$2 == "installed" { print $1 }' | sort -u)
}

# Debian's postgresql makes and starts a cluster when it is installed. Ours are made and removed
# by the tests, so keep this machine free of one unless it has PostgreSQL already.
# postgresql_without_cluster DIRECTIVE-FILE
postgresql_without_cluster()
{
	mkdir -p "$(dirname "$1")"
	echo 'create_main_cluster = false' >"$1"
}

apt_install()
{
	local log=$1
	shift
	DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 \
		install --no-install-recommends "$@" >"$log" 2>&1 </dev/null
}

# Install what is missing of some groups of packages.txt; silent when nothing is.
# install_packages GROUP...
install_packages()
{
	local wanted missing log directive=/etc/postgresql-common/createcluster.d/nexodus-test.conf
	mapfile -t wanted < <(packages_of "$@")
	command -v dpkg-query >/dev/null ||
		fail "this is not Debian. Install the like of these, then run me again: ${wanted[*]}"
	mapfile -t missing < <(packages_missing "${wanted[@]}")
	[ ${#missing[@]} -gt 0 ] || return 0
	on_debian_12 || warn "the package names are those of Debian 12; this is another system"
	[ "$(id -u)" = 0 ] || fail "these packages are missing, and only root can install them: ${missing[*]}"

	step "Installing ${#missing[@]} packages"
	note "${missing[*]}" | fold -s -w 100 >&2
	log=$(mktemp "${TMPDIR:-/tmp}/nexodus-apt.XXXXXX")
	case " ${missing[*]} " in
	*' postgresql '*) postgresql_without_cluster "$directive" ;;
	esac
	# The lists of a machine may be missing or old; fetch them only if it does not work without.
	if ! apt_install "$log" "${missing[@]}"; then
		note "refreshing the package lists"
		apt-get -q -o DPkg::Lock::Timeout=120 update >>"$log" 2>&1 </dev/null || :
		if ! apt_install "$log" "${missing[@]}"; then
			tail -n 25 "$log" >&2
			rm -f "$directive" "$log"
			fail "apt-get could not install the packages above"
		fi
	fi
	rm -f "$directive" "$log"
}

# How many jobs this machine bears: one a core, but 1 GiB of memory each.
build_jobs()
{
	awk -v cores="$(nproc)" '/^MemAvailable:/ { jobs = int($2 / 1048576) }
		END { if (jobs > cores) jobs = cores; print jobs < 1 ? 1 : jobs }' /proc/meminfo
}

# Configure and build, a line of progress each; all of the output only if it fails.
# build_tree WHAT DIRECTORY CMAKE-ARGUMENT...
build_tree()
{
	local what=$1 directory=$2 begin=$SECONDS log
	shift 2
	mkdir -p "$directory"
	log=$directory/build.log
	step "Building: $what"
	if ! cmake -S "$source_dir" "$@" >"$log" 2>&1; then
		cat "$log" >&2
		fail "cmake could not configure $directory"
	fi
	if ! build_watched "$directory" "$log"; then
		grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking)' "$log" | tail -n 80 >&2
		fail "the build in $directory failed; all of it is in $log"
	fi
	note "done in $((SECONDS - begin)) s"
}

# On a terminal, one line that counts; else nothing until it is done.
build_watched()
{
	local line
	if [ -t 2 ]; then
		cmake --build "$1" -j "$(build_jobs)" 2>&1 | tee -a "$2" | while IFS= read -r line; do
			case $line in
			\[*/*\]*) printf '\r\e[K    %.90s' "$line" >&2 ;;
			esac
		done
		local status=${PIPESTATUS[0]}
		printf '\r\e[K' >&2
		return "$status"
	fi
	cmake --build "$1" -j "$(build_jobs)" >>"$2" 2>&1
}
