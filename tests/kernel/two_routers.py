"""The same packets through two routers: the kernel's, in a network namespace of this process, and Sallyport's.

A packet is (side, bytes): it comes in from the clients' side, 0, or from the servers', 1. What either says of it is
whether it comes out at the other side.
"""
import json
import os
import struct
import subprocess

from conntrack_oracle import Oracle, ipv4, with_checksum


def udp(source, sport, destination, dport, data=b"x"):
    body = struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
    return ipv4(source, destination, 17, with_checksum(source, destination, 17, body, 6))


class Kernel:
    def __init__(self, rules):
        self.oracle = Oracle()
        subprocess.run("iptables-legacy -w -t mangle -F".split(), check=True)
        subprocess.run(["iptables-legacy-restore"], input=rules, text=True, check=True)
        for timeout in ("udp_timeout", "udp_timeout_stream"):
            Oracle.sysctl(f"net.netfilter.nf_conntrack_{timeout}", 1000)

    def passes(self, packets):
        self.oracle.flush()
        return [self.send(side, packet) for side, packet in packets]

    def send(self, side, packet):
        # The whole way is gone before write() returns.
        out = self.oracle.tun[1 - side]
        self.oracle.drain(out)
        os.write(self.oracle.tun[side], packet)
        try:
            return len(os.read(out, 2000)) > 0
        except BlockingIOError:
            return False

    @staticmethod
    def count():
        with open("/proc/sys/net/netfilter/nf_conntrack_count", encoding="ascii") as file:
            return int(file.read())


class Engine:
    """`sallyport replay`, with a knob or several; a packet a microsecond."""

    def __init__(self, program, scratch, rules, *knobs):
        self.capture, rule_file = (os.path.join(scratch, name) for name in ("capture", "rules"))
        with open(rule_file, "w", encoding="ascii") as file:
            file.write(rules)
        self.command = [program, "replay", "--rules", rule_file, "--compat", "linux", "--forward", "--inside",
                        "10.0.1.0/24", "--json"]
        for knob in ("nf_conntrack_udp_timeout=1000", "nf_conntrack_udp_timeout_stream=1000", *knobs):
            self.command += ["--sysctl", f"net.netfilter.{knob}"]

    def passes(self, packets, why_not):
        """`why_not` is the reason that every dropped packet must have."""
        with open(self.capture, "wb") as file:
            file.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))  # raw IP
            for number, (_, packet) in enumerate(packets):
                file.write(struct.pack("=IIII", 1_700_000_000, number, len(packet), len(packet)) + packet)
        run = subprocess.run([*self.command, self.capture], check=True, stdout=subprocess.PIPE, text=True,
                             stderr=subprocess.DEVNULL)
        lines = [json.loads(line) for line in run.stdout.splitlines()]
        wrong = [line for line in lines if line["verdict"] != "ACCEPT" and line["reason"] != why_not]
        assert not wrong, wrong[0]
        return [line["verdict"] == "ACCEPT" for line in lines]


def differing(packets, theirs, ours):
    """What differs, as text; empty if nothing does."""
    numbers = [number for number, pair in enumerate(zip(theirs, ours)) if pair[0] != pair[1]]
    word = {True: "passes", False: "is dropped"}
    return "".join(f"packet {number} of {len(packets)}: in Linux it {word[theirs[number]]}, here it {word[ours[number]]}\n"
                   for number in numbers[:10])
