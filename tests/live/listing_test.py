#!/usr/bin/env python3
"""What iptables, ipset and conntrack list, beside the programs of these names.

    live/listing_test.py PATH/TO/sallyport [unittest's arguments]

The same rules and sets are given to the kernel of a namespace and to a Sallyport in another; what
is listed must be the same to the letter.
"""
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(1, os.path.join(os.path.dirname(__file__), "..", "e2e"))
import net
from program import main

SETS = """create upnp hash:ip,port timeout 300
create nets hash:net counters comment
create ports bitmap:port range 1-1023
create all list:set
add nets 10.0.0.0/8 comment "our own"
add upnp 10.0.0.9,udp:1900
add ports 22
add all nets
"""
RULES = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:known - [0:0]
[5:1234567] -A INPUT -i lo -j ACCEPT
[99999:100000] -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
[123456789:123456789012] -A INPUT -m state --state NEW,INVALID -j known
-A INPUT -s 10.0.0.0/8 ! -d 1.2.3.4/32 -i eth+ -p tcp -m tcp --dport 22 -m comment --comment "ssh here" -j ACCEPT
-A INPUT -p udp -m udp --sport 1:5 ! --dport 53 -j DROP
-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m limit --limit 5/sec --limit-burst 7 -j LOG --log-prefix "new: " --log-level 6 --log-ip-options
-A INPUT -p tcp -m tcp ! --tcp-flags SYN SYN --tcp-option 2 -j DROP
-A INPUT -p tcp -m tcp --dport 23 -j REJECT --reject-with tcp-reset
-A INPUT -p icmp -m icmp --icmp-type 8 -j ACCEPT
-A INPUT -m mark --mark 0x7/0xff -j ACCEPT
-A INPUT -m mark ! --mark 0x7 -j ACCEPT
-A INPUT -m connmark --mark 0x7 -j ACCEPT
-A INPUT -m addrtype --dst-type LOCAL ! --src-type BROADCAST,MULTICAST -j ACCEPT
-A INPUT -p tcp -m multiport --dports 22,80:90 -j ACCEPT
-A INPUT -p udp -m multiport ! --sports 53 -j ACCEPT
-A INPUT -m pkttype --pkt-type multicast -j ACCEPT
-A INPUT -m mac --mac-source 00:11:22:33:44:55 -j ACCEPT
-A INPUT -m ttl --ttl-gt 5 -j ACCEPT
-A INPUT -m ttl --ttl-eq 5 -j ACCEPT
-A INPUT -m length --length 5:9 -j ACCEPT
-A INPUT -m iprange --src-range 10.0.0.1-10.0.0.9 -j ACCEPT
-A INPUT -m helper --helper "ftp" -j ACCEPT
-A INPUT -p sctp -f -g known
-A INPUT -m conntrack --ctstate NEW --ctproto 6 --ctorigsrc 1.2.3.4/32 --ctstatus ASSURED --ctexpire 1:9 --ctdir REPLY -j ACCEPT
-A INPUT -m connlabel --label "9" --set -j ACCEPT
-A INPUT ! -i eth0 ! -p 47
-A INPUT -p udp -m set --match-set upnp dst,dst -j ACCEPT
-A INPUT -m set ! --match-set all src -j DROP
-A INPUT -m connmark ! --mark 0x7
-A INPUT -m length ! --length 5
-A INPUT -m iprange ! --src-range 1.1.1.1-1.1.1.2 --dst-range 2.2.2.2-2.2.2.3
-A INPUT -m helper ! --helper ftp
-A INPUT -m pkttype ! --pkt-type multicast
-A INPUT -m mac ! --mac-source 00:11:22:33:44:55
-A INPUT -p icmp -m icmp ! --icmp-type 3/1
-A INPUT -p icmp -m icmp --icmp-type 5/1
-A INPUT -m conntrack ! --ctstate NEW ! --ctproto 6 ! --ctorigsrc 1.1.1.1 ! --ctorigsrcport 5 ! --ctstatus ASSURED
-A INPUT -m conntrack --ctreplsrc 1.1.1.0/24 --ctrepldstport 5:6
-A INPUT -m ttl ! --ttl-eq 5
-A INPUT -m ttl --ttl-lt 5
-A INPUT -m state ! --state NEW
-A INPUT -m connlabel ! --label 9
-A INPUT -p tcp -m tcp ! --tcp-option 5
-A INPUT -p tcp -m multiport ! --ports 5,6
-A INPUT -m set --match-set nets src --return-nomatch
-A INPUT -m set --match-set nets src ! --update-counters --packets-gt 5 ! --bytes-eq 7
-A INPUT -m limit --limit 3/hour
-A INPUT -j SET --del-set upnp src,src
-A INPUT -m addrtype --src-type LOCAL --limit-iface-in
-A INPUT -j LOG --log-prefix abc
-A FORWARD -m physdev ! --physdev-is-in
-A FORWARD -m physdev --physdev-in eth0 --physdev-is-bridged -j ACCEPT
-A OUTPUT -p udp -m udp --dport 1900
-A OUTPUT -p udp -j SET --add-set upnp src,src --exist
-A known -j RETURN
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A OUTPUT -j MARK --set-xmark 0x7/0xffffffff
-A OUTPUT -j MARK --set-xmark 0x7/0xff
-A OUTPUT -j MARK --set-xmark 0x7/0x7
-A OUTPUT -j MARK --set-xmark 0x0/0xf
-A OUTPUT -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff
-A OUTPUT -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff
-A OUTPUT -j CONNMARK --set-xmark 0x5/0xff
-A OUTPUT -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xf
-A OUTPUT -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xf
-A OUTPUT -j CONNMARK --and-mark 7
-A OUTPUT -j MARK --xor-mark 7
-A OUTPUT -j MARK --set-xmark 0/0
-A OUTPUT -j MARK --set-mark 0
COMMIT
*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A OUTPUT -p udp -j CT --helper tftp
-A OUTPUT -p tcp -j CT --notrack
-A OUTPUT -p icmp -j CT --zone 5
-A OUTPUT -j CT --zone-orig 5
-A OUTPUT -j CT --zone mark
COMMIT
"""
RULES6 = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type 136 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -m hl --hl-eq 255 -j ACCEPT
-A INPUT -p ipv6-icmp -m icmp6 ! --icmpv6-type 1/1
-A INPUT -m hl ! --hl-eq 5
-A INPUT -m hl --hl-lt 5
-A INPUT -d fd00::1/128 -j REJECT --reject-with icmp6-port-unreachable
COMMIT
"""
LEGACY = ["iptables-legacy", "iptables-legacy-restore", "ip6tables-legacy", "ip6tables-legacy-restore", "ipset"]


class Listings(net.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        lost = [tool for tool in LEGACY if not shutil.which(tool)]
        if lost:
            raise unittest.SkipTest(f"no {', '.join(lost)}")

    def setUp(self):
        super().setUp()
        self.linux = self.namespace("linux")
        self.linux.sh("ipset", "restore", input=SETS)
        self.linux.sh("iptables-legacy-restore", "-c", input=RULES)
        self.linux.sh("ip6tables-legacy-restore", input=RULES6)
        self.run_daemon(RULES, "--sets", self.file("sets", SETS), rules6=RULES6)

    def ours(self, *words):
        return self.program(*words, "--control", os.path.join(self.scratch, "sock"))

    def theirs(self, tool, *words):
        done = subprocess.run(["ip", "netns", "exec", self.linux.name, tool, *words], capture_output=True,
                              text=True, check=True)
        return done.stdout

    def same(self, tool, *words):
        legacy = tool.replace("tables", "tables-legacy", 1) if "tables" in tool else tool
        self.assertEqual(self.ours(tool, *words), self.theirs(legacy, *words), f"{tool} {' '.join(words)}")

    def test_rules(self):
        # Packets of the host itself may have been counted since: a namespace has its neighbours.
        for tool in ("iptables", "ip6tables"):
            self.same(tool, "-n", "-L", "FORWARD", "-v", "-x", "--line-numbers")
            self.same(tool, "-S")
            self.same(tool, "-nL")
        self.same("iptables", "-nL", "INPUT", "--line-numbers")
        self.same("iptables", "-nL", "known")
        self.same("iptables", "-nL", "INPUT", "3")
        self.same("iptables", "-S", "known")
        self.same("iptables", "-S", "INPUT", "2")
        for table in ("mangle", "raw", "security"):
            self.same("iptables", "-t", table, "-nL", "OUTPUT")
        self.same("iptables", "-nvL", "INPUT", "2")
        self.same("iptables", "-nvL", "INPUT", "3")
        self.same("iptables", "-nvxL", "INPUT", "3")

    def test_sets(self):
        def comparable(text):
            # What an element takes is each one's own, and so is the seed of a hash that nobody gave.
            text = re.sub(r"Size in memory: \d+", "Size in memory: -", text)
            text = re.sub(r" timeout (30\d|29\d)$", " timeout -", text, flags=re.MULTILINE)
            return re.sub(r" initval 0x[0-9a-f]+", "", text)
        for words in (["list", "nets"], ["list", "all"], ["list", "upnp", "-t"], ["list", "ports"], ["save", "nets"],
                      ["list", "-n"]):
            self.assertEqual(comparable(self.ours("ipset", *words)), comparable(self.theirs("ipset", *words)))


if __name__ == "__main__":
    main()
