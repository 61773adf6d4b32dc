#!/bin/sh
# kernel_differential sees a difference, shrinks it and says so.
#
#   differential_test.sh KERNEL_DIFFERENTIAL
#
# Discovery lets in what Linux does not, on purpose: a script that turns it on differs.
program=$1
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cat > "$directory/discovery.flow" <<'END'
compat none
host eth0=192.168.1.2/24
out udp 192.168.1.2:5353 > 192.168.1.7:53
out udp 192.168.1.2:40000 > 239.255.255.250:1900 data "M-SEARCH * HTTP/1.1\r\nMX: 2\r\n\r\n"
in udp 192.168.1.9:7 > 192.168.1.2:7
in udp 192.168.1.8:1900 > 192.168.1.2:40000 len 7 ttl 9
END
"$program" --keep "$directory/kept" --json "$directory/json" "$directory/discovery.flow" > "$directory/out"
code=$?
[ $code = 77 ] && { cat "$directory/out"; exit 77; }
fail() { echo "$1"; cat "$directory/out"; exit 1; }
[ $code = 1 ] || fail "exit code $code, not 1"
tail -n 1 "$directory/out" | grep -q '^4 packets in 1 scripts, .*: 1 scripts differ: state 1$' ||
  fail "the last line is another"
grep -q '"differing_scripts": 1' "$directory/json" || fail "no such count in the JSON"
kept=$(cat "$directory"/kept/*.flow) || fail "nothing is kept"
[ "$(echo "$kept" | grep -c '=>')" = 2 ] || fail "not shrunk to two packets"
echo "$kept" | grep -q '192.168.1.8:1900 > 192.168.1.2:40000 *=> ACCEPT NEW original' ||
  fail "what the kernel does is not recorded"
