#!/bin/sh
# What --expect and `=>` say to the shell: exit codes, and a line for each difference.
#
#   expect.sh SALLYPORT DEMO
set -u
sallyport=$1 demo=$2
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# is WANTED-CODE WANTED-LINES-OF-STDERR COMMAND...
is() {
  code=$1 lines=$2
  shift 2
  "$@" >"$work/out" 2>"$work/err"
  got=$?
  if [ "$got" != "$code" ] || [ "$(cat "$work/err")" != "$lines" ]; then
    echo "FAILED: $*: exit code $got, expected $code; stderr:"
    cat "$work/err"
    failed=1
  fi
}

replay() { # EXPECTED FLAGS...
  expected=$1
  shift
  "$sallyport" replay --rules "$demo/sallyport.rules" --host eth0=192.168.1.2/24 \
    --expect "$expected" "$@" "$demo/discovery.pcap"
}
ask() { "$sallyport" ask --rules "$demo/sallyport.rules" --host eth0=192.168.1.2/24 "$@"; }

flow=$here/discovery.flow
is 0 '' replay "$flow"
is 0 '' replay "$flow" --json

sed 's/reason discovery-off-link/reason policy/' "$flow" >"$work/wrong.flow"
is 1 "$work/wrong.flow:14: packet 6: expected DROP NEW original gone reason policy; it is reason discovery-off-link" \
  replay "$work/wrong.flow"

# What Linux would have done.
is 1 "$(cat <<END
$flow:12: packet 4: expected ACCEPT RELATED original timeout 5 status EXPECTED rule filter/INPUT/2; it is DROP, NEW, there is no flow, rule filter/INPUT/policy
END
)" sh -c '"$@" 2>&1 >/dev/null | head -1 >&2; exit 1' sh "$sallyport" replay --compat linux \
  --rules "$demo/sallyport.rules" --host eth0=192.168.1.2/24 --expect "$flow" "$demo/discovery.pcap"

echo 'in udp 1.1.1.1:1 > 2.2.2.2:2 => PERHAPS' >"$work/no.flow"
replay "$work/no.flow" 2>"$work/err"
[ $? = 1 ] && grep -q "no.flow:1:33: error: unknown verdict 'PERHAPS'" "$work/err" || {
  echo 'FAILED: a script with an error'
  failed=1
}
replay "$work/missing.flow" 2>/dev/null
[ $? = 2 ] || { echo 'FAILED: a script that is not there'; failed=1; }

is 0 '' ask 'out udp 192.168.1.2:4 > 192.168.1.1:53 => ACCEPT NEW timeout 30' \
  'in udp 192.168.1.1:53 > 192.168.1.2:4 => ACCEPT ESTABLISHED status SEEN_REPLY'
is 1 'packet:2: expected ACCEPT; it is DROP' ask 'out udp 192.168.1.2:4 > 192.168.1.1:53 => ACCEPT' \
  'in udp 192.168.1.1:54 > 192.168.1.2:4 => ACCEPT'
is 0 '' ask 'out lo udp 192.168.1.2:4 > 192.168.1.2:5 => ACCEPT NEW rule filter/INPUT/1'
exit $failed
