#!/usr/bin/env python3
"""Two packets on their way at once, each of which begins the same flow.

A queue of user space (NFQUEUE) holds the first until the second is there, so that neither has found the other's
flow; then both are let go, and the second one's flow clashes with the first one's. What Linux does is the
table here, and that of src/conntrack/conntrack_test.cc, which is held against it: packets of protocols
that have no handshake pass as packets of the flow that was first, in whichever direction they go, and
change nothing of it but its counters. All others are dropped.

Sallyport judges one packet after the other, so it comes to this only where a caller of the library keeps a verdict
back. Exits 77, which ctest calls skipped, without root or NFQUEUE.
"""
import os
import socket
import struct
import subprocess
import sys
import time

from conntrack_oracle import ACK, CLIENT, SERVER, SYN, Oracle, attributes, checksum, ipv4, sctp, tcp, with_checksum
from two_routers import udp

# Of linux/netfilter/nfnetlink_queue.h: subsystem, messages and attributes.
QUEUE, PACKET, VERDICT, CONFIG = 3, 0, 1, 2
PACKET_HEADER, VERDICT_HEADER, CONFIG_COMMAND, CONFIG_PARAMETERS = 1, 2, 1, 2
BIND, COPY_PACKET, ACCEPT = 1, 2, 1


class Queue:
    """Queue 0 of this namespace."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
        self.socket.bind((0, 0))
        self.socket.setblocking(False)
        self.say(CONFIG, CONFIG_COMMAND, struct.pack("!BBH", BIND, 0, 0))
        self.say(CONFIG, CONFIG_PARAMETERS, struct.pack("!IB", 0xFFFF, COPY_PACKET))

    def say(self, kind, attribute, value):
        body = struct.pack("!BBH", 0, 0, 0) + struct.pack("=HH", 4 + len(value), attribute) + value
        body += b"\0" * (-len(body) % 4)
        self.socket.send(struct.pack("=IHHII", 16 + len(body), QUEUE << 8 | kind, 1, 0, 0) + body)

    def next(self):
        """The number of the packet that came."""
        for _ in range(200):
            try:
                data = self.socket.recv(65536)
            except BlockingIOError:
                time.sleep(0.005)
                continue
            length, kind = struct.unpack("=IH", data[:6])
            if kind == QUEUE << 8 | PACKET:
                return struct.unpack("!I", attributes(data[20:length])[PACKET_HEADER][:4])[0]
        raise TimeoutError("no packet came to the queue")

    def accept(self, number):
        self.say(VERDICT, VERDICT_HEADER, struct.pack("!II", ACCEPT, number))


def udplite(source, sport, destination, dport):
    body = struct.pack("!HHHH", sport, dport, 0, 0) + b"xy"
    return ipv4(source, destination, 136, with_checksum(source, destination, 136, body, 6))


def echo(sequence):
    body = struct.pack("!BBHHH", 8, 0, 0, 7, sequence)
    return ipv4(CLIENT, SERVER, 1, body[:2] + struct.pack("!H", checksum(body)) + body[4:])


def init():
    return sctp(CLIENT, 1000, SERVER, 80, 0, struct.pack("!BBHIIHHI", 1, 0, 20, 5, 1000, 1, 1, 1))


def syn(source, sport, destination, dport):
    return tcp(source, sport, destination, dport, SYN, 1)


THERE, BACK = (CLIENT, 1000, SERVER, 53), (SERVER, 53, CLIENT, 1000)
CASES = [  # what, (side, packet) twice, whether the second comes out
    ("udp", (0, udp(*THERE)), (0, udp(*THERE)), True),
    ("udp, the other way", (0, udp(*THERE)), (1, udp(*BACK)), True),
    ("udplite", (0, udplite(*THERE)), (0, udplite(*THERE)), True),
    ("gre", (0, ipv4(CLIENT, SERVER, 47, b"\0\0\x08\0" + b"x" * 8)), (0, ipv4(CLIENT, SERVER, 47, b"\0\0\x08\0y")), True),
    ("esp", (0, ipv4(CLIENT, SERVER, 50, b"x" * 8)), (1, ipv4(SERVER, CLIENT, 50, b"x" * 8)), True),
    ("dccp", *[(0, ipv4(CLIENT, SERVER, 33, struct.pack("!HH", 1000, 53) + b"\4" + b"\0" * 11))] * 2, True),
    ("tcp", (0, syn(*THERE)), (0, syn(*THERE)), False),
    ("tcp, the other way", (0, syn(*THERE)), (1, syn(*BACK)), False),
    ("tcp, in mid-stream", *[(0, tcp(*THERE, ACK, 1, 1))] * 2, False),
    ("icmp", (0, echo(1)), (0, echo(2)), False),
    ("sctp", (0, init()), (0, init()), False),
]


class Router(Oracle):
    def __init__(self):
        super().__init__()
        self.sysctl("net.netfilter.nf_conntrack_acct", 1)
        self.sysctl("net.netfilter.nf_conntrack_checksum", 0)  # with it, UDP-Lite is INVALID
        self._run("iptables-legacy -w -t mangle -F")
        self._run("iptables-legacy -w -A FORWARD -j NFQUEUE --queue-num 0")
        self._run("iptables-legacy -w -A FORWARD -m conntrack --ctstate NEW")
        self.queue = Queue()

    def hold(self, side, packet):
        os.write(self.tun[side], packet)
        return self.queue.next()

    def let_go(self, side, number):
        """Whether it comes out."""
        out = self.tun[1 - side]
        self.drain(out)
        self.queue.accept(number)
        time.sleep(0.02)
        try:
            return len(os.read(out, 2000)) > 0
        except BlockingIOError:
            return False

    def second_passes(self, first, second):
        self.flush()
        numbers = [self.hold(*first), self.hold(*second)]
        assert self.let_go(first[0], numbers[0]), "the first one does not come out"
        return self.let_go(second[0], numbers[1])


def wrong_with(router, first, second, passes):
    """Empty, if the kernel does as the table says."""
    if router.second_passes(first, second) != passes:
        return f"the second one {'is dropped' if passes else 'passes'}"
    flows = [" ".join(flow) for flow in router.flows()]
    if len(flows) != 1 or "[UNREPLIED]" not in flows[0]:
        return f"flows: {flows}"
    counted = f" packets={2 if passes else 1} "
    return "" if counted in flows[0].split("[UNREPLIED]")[0] else f"not{counted}: {flows[0]}"


def main():
    if os.geteuid() != 0:
        print("skipped: not root")
        return 77
    try:
        router = Router()
    except subprocess.CalledProcessError:
        print("skipped: no NFQUEUE")
        return 77
    found = [(what, wrong) for what, *case in CASES if (wrong := wrong_with(router, *case))]
    for what, wrong in found:
        print(f"{what}: {wrong}")
    print(f"{len(CASES)} pairs, {len(found)} otherwise than the table says")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
