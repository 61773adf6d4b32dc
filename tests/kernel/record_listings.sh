#!/bin/bash
# Prints flows of all kinds in every form in which Linux and conntrack list them, for
# conntrack_text_test.cc:
#
#   sudo tests/kernel/record_listings.sh > tests/kernel/listings.txt
#
# Everything happens in a network namespace of its own, which ends with the script.
set -eu
if [ "${1:-}" != inside ]; then exec unshare --net "$0" inside; fi

knobs=/proc/sys/net/netfilter
ip link set lo up
ip link add v0 type veth peer name v1
ip address add 10.0.0.1/24 dev v0
ip address add 2001:db8::1/64 dev v0 nodad
ip link set v0 up
ip link set v1 up
echo 1 > $knobs/nf_conntrack_acct
echo 1 > $knobs/nf_conntrack_timestamp
iptables-legacy -t nat -A POSTROUTING -p udp --dport 53 -j SNAT --to 10.0.0.1:2000-2010
iptables-legacy -t nat -A OUTPUT -p tcp --dport 80 -j DNAT --to 127.0.0.1:8080
iptables-legacy -t raw -A OUTPUT -p udp --dport 77 -j CT --zone 5
iptables-legacy -t raw -A OUTPUT -p udp --dport 78 -j CT --zone-orig 6
iptables-legacy -t raw -A OUTPUT -p udp --dport 79 -j CT --zone-reply 7
iptables-legacy -t mangle -A OUTPUT -p udp --dport 54 -j CONNMARK --set-mark 0x1234
ip6tables-legacy -A OUTPUT -m conntrack --ctstate NEW

python3 - <<'P'
import socket
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_RAW
for port in (7, 53, 54, 77, 78, 79):
    socket.socket(AF_INET, SOCK_DGRAM).sendto(b"x", ("10.0.0.9", port))
socket.socket(AF_INET6, SOCK_DGRAM).sendto(b"x", ("2001:db8::9", 7))
for protocol, body in ((1, "0800f7fd00010001"), (2, "11" * 8), (4, "45" * 20), (33, "00" * 16), (41, "60" * 40),
                       (47, "3001880b00040007" + "00" * 8), (47, "00" * 16), (50, "00" * 16), (253, "00" * 16)):
    socket.socket(AF_INET, SOCK_RAW, protocol).sendto(bytes.fromhex(body), ("10.0.0.9", 0))
for protocol, body in ((58, "8000000000010001"), (33, "00" * 16), (253, "00" * 16)):
    socket.socket(AF_INET6, SOCK_RAW, protocol).sendto(bytes.fromhex(body), ("2001:db8::9", 0))
server = socket.socket()
server.bind(("127.0.0.1", 8080))
server.listen()
client = socket.create_connection(("10.0.0.9", 80))
server.accept()
P

add() { conntrack -I -t 1000 "$@" 2> /dev/null; }
pair="-s 1.1.1.1 -d 2.2.2.2"
ports="$pair --sport 10 --dport 20"
add -p tcp $ports --state ESTABLISHED -u SEEN_REPLY,ASSURED -n 9.9.9.9
add -p tcp $pair --sport 11 --dport 20 --state ESTABLISHED -u SEEN_REPLY,ASSURED -g 3.3.3.3
add -p udp $ports -n 9.9.9.9:77
add -p udplite $ports
add -p sctp $ports --state ESTABLISHED -u SEEN_REPLY --orig-vtag 1 --reply-vtag 2
add -p gre $pair --srckey 10 --dstkey 20
add -p icmp $pair --icmp-type 8 --icmp-code 0 --icmp-id 7
add -p tcp -s 2001:db8::5 -d 2001:db8::6 --sport 1 --dport 2 --state TIME_WAIT -u SEEN_REPLY,ASSURED -m 7

echo "# recorded by tests/kernel/record_listings.sh"
list() {
  echo "## $*"
  "$@" 2> /dev/null
}
list conntrack -L
list conntrack -L -o extended
list conntrack -L -o id
list conntrack -L -o extended,id,labels,timestamp
list conntrack -L -o extended -f ipv6
list cat /proc/net/nf_conntrack
