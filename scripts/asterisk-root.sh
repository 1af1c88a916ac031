#!/bin/sh
# Build a root folder with a real Asterisk for development and tests.
#
#   scripts/asterisk-root.sh [22|16] [DIR]
#
#   22 (default)  Debian sid's Asterisk; when sid cannot be had, Debian 11's Asterisk 16 is taken and that is said
#   16            Debian 11's
#   DIR           default: $CALLCENTER_ASTERISK_ROOT, else .cache/asterisk<version> in the repository
#
# About 35 s and 340 MB. A complete root is used again; an incomplete one is made anew. The last line on stdout
# is "asterisk VERSION DIR". Nothing is mounted here: the tests do that in mount namespaces of their own.
set -eu

version=${1:-22}
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
root=${2:-${CALLCENTER_ASTERISK_ROOT:-$here/.cache/asterisk$version}}

say() { printf 'asterisk-root: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

case $version in
    22 | 16) ;;
    *) fail "unknown version '$version': say 22 or 16" ;;
esac
case $root in
    /*) ;;
    *) root=$PWD/$root ;;
esac

version_in() { # the major version of the Asterisk in a root, from its package list
    sed -n '/^Package: asterisk$/,/^$/s/^Version: \([0-9]*:\)\{0,1\}\([0-9]*\).*/\2/p' "$1/var/lib/dpkg/status" | head -n 1
}

if [ -e "$root/.complete" ]; then
    found=$(version_in "$root")
    say "using Asterisk $found in $root"
    echo "asterisk $found $root"
    exit 0
fi

[ "$(id -u)" = 0 ] || fail "making a root folder needs root (sudo $0 $version $root); the recorded traffic in tests/traces needs none"
command -v mmdebstrap > /dev/null 2>&1 ||
    fail "mmdebstrap is missing: apt-get install -y mmdebstrap (the recorded traffic in tests/traces runs without)"
# In a chroot the propagation of the root cannot be changed, because it is no mount point; a namespace is to be had all the same.
command -v unshare > /dev/null 2>&1 && unshare -m --propagation unchanged true 2> /dev/null ||
    fail "this machine does not allow mount namespaces (a container without CAP_SYS_ADMIN?): Asterisk cannot be run here"

# Two test runs at once: the second waits and finds it made.
mkdir -p "$(dirname -- "$root")"
exec 9> "$root.lock"
flock 9
if [ -e "$root/.complete" ]; then
    exec 9>&-
    exec "$0" "$version" "$root"
fi

# A folder that holds something else is not ours to delete.
if [ -d "$root" ] && [ -n "$(ls -A "$root")" ]; then
    [ -e "$root/.building" ] || fail "$root is not empty and was not made by this script; name another folder"
    rm -rf --one-file-system "$root"
fi

build() { # SUITE: 0 when the root is there
    mkdir -p "$root"
    rm -rf --one-file-system "$root.new"
    say "building from Debian $1 (about 35 s)"
    mmdebstrap --quiet --variant=apt --aptopt='Apt::Install-Recommends "false"' \
        --aptopt='Acquire::Check-Valid-Until "false"' \
        --include=asterisk,asterisk-core-sounds-en-gsm "$1" "$root.new" >&2 9>&- || {
        rm -rf --one-file-system "$root.new"
        return 1
    }
    rmdir "$root"
    mv "$root.new" "$root"
    : > "$root/.building"
}

if [ "$version" = 22 ] && build sid; then
    :
elif build bullseye; then
    [ "$version" = 16 ] || say "Debian sid could not be had: this is Asterisk 16 of Debian 11 instead"
else
    fail "neither sid nor bullseye could be had: is the Debian mirror of this machine reachable (apt-get update)?"
fi

# Without these names each look-up blocks the SIP stack for seconds, and calls die.
{
    echo "127.0.0.1 localhost"
    echo "127.0.0.1 $(hostname)"
    echo "127.0.0.1 A.ROOT-SERVERS.NET"
} > "$root/etc/hosts"
# Mount points; the folders themselves come from each run (see tests/e2e/asterisk/server.py).
mkdir -p "$root/run/asterisk" "$root/proc" "$root/dev"
chroot "$root" chown -R asterisk:asterisk /var/lib/asterisk /var/log/asterisk /var/spool/asterisk /run/asterisk

found=$(version_in "$root")
[ -n "$found" ] || fail "there is no Asterisk in $root"
rm -f "$root/.building"
: > "$root/.complete"
say "Asterisk $found is ready in $root"
echo "asterisk $found $root"
