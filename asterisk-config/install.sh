#!/bin/sh
# Put this configuration into an Asterisk configuration folder and write its site/ part (addresses, ports,
# generated secrets). Secrets are made once and kept: a second run changes nothing that exists.
#
#   sudo ./install.sh                                   for /etc/asterisk
#   ./install.sh --target DIR --ami-port 5039 ...       elsewhere (the tests do this)
#
# At the end it prints the object for CALLCENTER_PBXES; it holds the secrets, so mind where it goes.
set -eu
umask 027

target=/etc/asterisk
ami_bind=127.0.0.1
ami_port=5038
sip_bind=0.0.0.0:5060
rtp=10000-20000
agents="1001 1002 1003 1004 1005 1006 1007 1008"
trunk_host=
trunk_header=
phones_at=
owner=
monitor=/var/spool/asterisk/monitor

usage() {
    cat <<'TEXT'
install.sh [--target DIR] [--trunk-host HOST[:PORT]] [--trunk-header 'X-Name: value']
           [--ami-port N] [--sip-bind ADDR:PORT] [--rtp FIRST-LAST] [--agents "1001 1002"]
           [--recordings DIR] [--owner USER:GROUP] [--phones-at ADDR:FIRSTPORT]
  --trunk-host    where calls to outside go, and (by address) where calls from outside come from
  --trunk-header  know the trunk by this header instead of its address
  --phones-at     for tests: phones sit at fixed ports from FIRSTPORT on (1001 first) and have no password
TEXT
}

while [ $# -gt 0 ]; do
    case $1 in
        -h|--help) usage; exit 0 ;;
        --*) [ $# -ge 2 ] || { echo "install.sh: $1 needs a value" >&2; exit 2; } ;;
    esac
    case $1 in
        --target) target=$2 ;;
        --trunk-host) trunk_host=$2 ;;
        --trunk-header) trunk_header=$2 ;;
        --ami-port) ami_port=$2 ;;
        --sip-bind) sip_bind=$2 ;;
        --rtp) rtp=$2 ;;
        --agents) agents=$2 ;;
        --recordings) monitor=$2 ;;
        --owner) owner=$2 ;;
        --phones-at) phones_at=$2 ;;
        *) echo "install.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
    esac
    shift 2
done

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
secret() { od -An -N18 -tx1 /dev/urandom | tr -d ' \n'; }

mkdir -p "$target/site"
for file in "$here"/*.conf; do
    name=$(basename "$file")
    if [ -e "$target/$name" ] && ! cmp -s "$file" "$target/$name" && [ ! -e "$target/$name.before-callcenter" ]; then
        cp -p "$target/$name" "$target/$name.before-callcenter"
    fi
    cp "$file" "$target/$name"
done

# site NAME: true when site/NAME is not there yet and must be written
site() { [ ! -e "$target/site/$1" ]; }

if site manager_users.conf; then
    {
        printf '[listen](callcenter-listen)\nsecret = %s\n\n' "$(secret)"
        printf '[act](callcenter-act)\nsecret = %s\n' "$(secret)"
    } > "$target/site/manager_users.conf"
fi
site manager_bind.conf && printf 'bindaddr = %s\nport = %s\n' "$ami_bind" "$ami_port" > "$target/site/manager_bind.conf"
site pjsip_bind.conf && printf 'bind = %s\n' "$sip_bind" > "$target/site/pjsip_bind.conf"
site rtp_ports.conf && printf 'rtpstart = %s\nrtpend = %s\n' "${rtp%-*}" "${rtp#*-}" > "$target/site/rtp_ports.conf"
if site globals.conf; then
    cat > "$target/site/globals.conf" <<'TEXT'
; seconds a desk rings, a caller waits in a queue, in the first queue of an overflow, a far phone rings
RING_SECONDS = 25
QUEUE_SECONDS = 300
OVERFLOW_SECONDS = 60
OUTBOUND_SECONDS = 60
; the number shown to customers; empty: the extension
OUTBOUND_CALLER_ID =
; sound file of the menu (press 1 for sales, 2 for service); record your own
MENU_PROMPT = vm-options
TEXT
fi
if site pjsip_agents.conf; then
    port=${phones_at##*:}
    for agent in $agents; do
        printf '[%s](agent-phone)\naors = %s\ncallerid = "Agent %s" <%s>\n' "$agent" "$agent" "$agent" "$agent"
        if [ -n "$phones_at" ]; then
            printf '[%s](agent-aor)\ncontact = sip:%s@%s:%s\n\n' "$agent" "$agent" "${phones_at%:*}" "$port"
            port=$((port + 1))
        else
            printf 'auth = %s\n[%s](agent-aor)\n[%s](agent-auth)\nusername = %s\npassword = %s\n\n' \
                "$agent" "$agent" "$agent" "$agent" "$(secret)"
        fi
    done > "$target/site/pjsip_agents.conf"
fi
if site pjsip_trunk.conf; then
    {
        printf '[trunk]\ntype = aor\n'
        [ -z "$trunk_host" ] || printf 'contact = sip:%s\n' "$trunk_host"
        if [ -n "$trunk_header" ]; then
            printf '\n[trunk-identify]\ntype = identify\nendpoint = trunk\nmatch_header = %s\n' "$trunk_header"
        elif [ -n "$trunk_host" ]; then
            printf '\n[trunk-identify]\ntype = identify\nendpoint = trunk\nmatch = %s\n' "${trunk_host%%:*}"
        fi
    } > "$target/site/pjsip_trunk.conf"
fi

if [ -z "$owner" ] && [ "$(id -u)" = 0 ] && id asterisk > /dev/null 2>&1; then
    owner=root:asterisk
fi
[ -z "$owner" ] || chown -R "$owner" "$target/site"

value() { sed -n "/^\\[$1\\]/,/^\\[/s/^secret = //p" "$target/site/manager_users.conf" | head -n 1; }
port=$(sed -n 's/^port = //p' "$target/site/manager_bind.conf")
printf '[{"name": "main", "host": "127.0.0.1", "port": %s, "username": "listen", "secret": "%s", ' "$port" "$(value listen)"
printf '"action_username": "act", "action_secret": "%s", ' "$(value act)"
printf '"trunks": ["PJSIP/trunk"], "recordings_dir": "%s", "tls": false}]\n' "$monitor"
