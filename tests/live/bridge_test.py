#!/usr/bin/env python3
"""sallyport run on a bridge: what passes between its ports is judged, as what is routed is.

    live/bridge_test.py PATH/TO/sallyport [unittest's arguments]
"""
import json
import os
import socket
import sys

sys.path.insert(1, os.path.join(os.path.dirname(__file__), "..", "e2e"))
import net
from net import hears
from program import main, rules

LEFT, RIGHT, BRIDGE = "10.2.0.7", "10.2.0.8", "10.2.0.1"
LEFT6, RIGHT6 = "fd02::7", "fd02::8"
SSDP = ("239.255.255.250", 1900)
M_SEARCH = (b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\n'
            b"MX: 2\r\nST: ssdp:all\r\n\r\n")
LEFT_MAY_ASK = ("-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                "-A FORWARD -m physdev --physdev-in p0 --physdev-out p1 --physdev-is-bridged -j ACCEPT")
NEIGHBOURS = "-A FORWARD -p ipv6-icmp -j ACCEPT"


class Bridge(net.Case):
    """left (eth0) <-- p0, br0, p1 --> right (eth0): the host is a bridge between two more machines."""

    def setUp(self):
        super().setUp()
        self.left, self.right = self.namespace("left"), self.namespace("right")
        self.host.sh("ip", "link", "add", "br0", "type", "bridge")
        for port, machine, addresses in (("p0", self.left, (f"{LEFT}/24", f"{LEFT6}/64")),
                                         ("p1", self.right, (f"{RIGHT}/24", f"{RIGHT6}/64"))):
            self.link(self.host, port, machine, "eth0")
            self.host.sh("ip", "link", "set", port, "master", "br0")
            self.address(machine, "eth0", *addresses)
            machine.sh("ip", "route", "add", "224.0.0.0/4", "dev", "eth0")
        self.host.sh("ip", "link", "set", "br0", "up")
        self.address(self.host, "br0", f"{BRIDGE}/24")
        for family in ("iptables", "ip6tables"):
            self.host.sh("sysctl", "-qw", f"net.bridge.bridge-nf-call-{family}=1")

    def test_its_ports_decide_who_may_ask_whom(self):
        self.run_daemon(rules(*LEFT_MAY_ASK), rules6=rules(*LEFT_MAY_ASK, NEIGHBOURS))
        for left, right in ((LEFT, RIGHT), (LEFT6, RIGHT6)):
            self.assertTrue(self.reached(self.left, self.right, right))
            self.assertFalse(self.echo(self.right, self.left, left))
        with self.right.listen(RIGHT, 8080) as server, self.left.tcp((RIGHT, 8080)) as client:
            one, _ = server.accept()
            with one:
                client.sendall(b"x" * 100000)
                self.assertEqual(len(one.recv(100000, socket.MSG_WAITALL)), 100000)

    def test_who_is_asked_by_the_bridge_itself_or_through_a_route_is_at_no_way_out(self):
        self.run_daemon(rules("-A INPUT -m physdev --physdev-in p1 -j ACCEPT",
                              "-A FORWARD -m physdev ! --physdev-is-bridged --physdev-in p0 -j ACCEPT",
                              "-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT"))
        self.host.sh("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.left.sh("ip", "route", "add", "default", "via", BRIDGE)
        self.peer.sh("ip", "route", "add", "default", "via", net.HOST)
        self.assertTrue(self.reached(self.right, self.host, BRIDGE))
        self.assertFalse(self.echo(self.left, self.host, BRIDGE))
        self.assertTrue(self.reached(self.left, self.peer, net.PEER))
        self.assertFalse(self.echo(self.left, self.right, RIGHT))

    def test_the_hops_that_a_packet_has_left_are_those_that_it_came_with(self):
        self.run_daemon(rules("-A FORWARD -p udp -m ttl --ttl-eq 7 -j ACCEPT"))
        with self.right.udp(RIGHT, 9) as server, self.left.udp() as client:
            for hops, text in ((8, b"eight"), (7, b"seven")):
                client.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)
                client.sendto(text, (RIGHT, 9))
            self.assertEqual(server.recv(100), b"seven")

    def test_the_answer_to_a_search_passes_and_nothing_else(self):
        self.run_daemon(rules(*LEFT_MAY_ASK))
        with self.left.udp(LEFT) as asks, self.right.udp(RIGHT, 1900) as device, \
                self.right.udp(RIGHT, 1901) as other:
            asks.sendto(M_SEARCH, SSDP)
            self.assertTrue(self.wait_until(lambda: "dport=1900" in self.ask("conntrack", "-L")))
            other.sendto(b"from another port", (LEFT, asks.getsockname()[1] ^ 1))
            device.sendto(b"answer", (LEFT, asks.getsockname()[1]))
            self.assertEqual(asks.recv(100), b"answer")
        drop = json.loads(self.ask("drops", "--json").splitlines()[-1])
        self.assertEqual(drop["interfaces"], {"in": "br0", "out": "br0", "physin": "p1", "physout": "p0"})
        self.assertIn(" in br0 out br0 physin p1 physout p0 length ", self.ask("drops"))

    def test_what_goes_to_all_ports_is_judged_for_each(self):
        third = self.namespace("third")
        self.link(self.host, "p2", third, "eth0")
        self.host.sh("ip", "link", "set", "p2", "master", "br0")
        self.address(third, "eth0", "10.2.0.9/24")
        self.run_daemon(rules("-A INPUT -m conntrack --ctstate NEW -j DROP",
                              "-A FORWARD -p udp -m physdev --physdev-out p1 -m pkttype --pkt-type broadcast -j ACCEPT"))
        with self.left.udp() as asks, self.right.udp("", 137) as one, third.udp("", 137, timeout=0.3) as other:
            asks.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            asks.sendto(b"question", ("10.2.0.255", 137))
            self.assertEqual(one.recv(100), b"question")
            self.assertRaises(TimeoutError, other.recv, 100)
        self.assertIn("src=10.2.0.7 dst=10.2.0.255 ", self.ask("conntrack", "-L"))
        self.assertIn("Chain INPUT (policy DROP 0 packets, 0 bytes)\n pkts bytes target     prot opt in     out     source"
                      "               destination         \n    1 ", self.ask("iptables", "-nvL", "INPUT"))

    def test_what_it_rejects_is_answered(self):
        self.run_daemon(rules("-A FORWARD -p tcp -j REJECT --reject-with tcp-reset", "-A FORWARD -j ACCEPT"))
        with self.right.listen(RIGHT, 8080), self.assertRaises(ConnectionRefusedError):
            self.left.tcp((RIGHT, 8080)).close()


if __name__ == "__main__":
    main()
