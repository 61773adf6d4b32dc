#!/usr/bin/env python3
"""As many expectations as may be (nf_conntrack_expect_max), in the kernel and here.

    expect_max.py PATH/TO/sallyport

The knob is read-only inside a namespace, so the table is filled to what the machine allows, which is 4096
where nobody has changed it. A TFTP request that finds no place is dropped; one whose master has an
expectation already takes its place; a fulfilled one makes room.

Exits 77, which ctest calls skipped, without root, or if there may be too many.
"""
import os
import sys
import tempfile

from conntrack_oracle import SERVER
from two_routers import Engine, Kernel, differing, udp

KNOB = "/proc/sys/net/netfilter/nf_conntrack_expect_max"
TOO_MANY = 20_000
RULES = """\
*raw
-A PREROUTING -p udp -m udp --dport 69 -j CT --helper tftp
COMMIT
*filter
-A FORWARD -m conntrack --ctstate RELATED
COMMIT
"""


def client(number):
    return f"10.0.1.{1 + number // 60000}", 1000 + number % 60000


def request(number):
    return 0, udp(*client(number), SERVER, 69, b"\0\1file\0octet\0")


def answer(number, port=2000):
    return 1, udp(SERVER, port, *client(number), b"\0\3\0\1")


def scene(most):
    packets = [request(number) for number in range(most)]
    packets += [request(most), request(most + 1)]  # no place
    packets += [request(0), request(most - 1)]  # their own give way
    packets += [request(most)]
    packets += [answer(7), request(most), request(most + 1)]  # room for one
    packets += [answer(7), answer(8), request(7), request(8)]  # a flow that is there; room for one again
    return packets


def main():
    if os.geteuid() != 0:
        print("skipped: not root")
        return 77
    with open(KNOB, encoding="ascii") as file:
        most = int(file.read())
    if most > TOO_MANY:
        print(f"skipped: nf_conntrack_expect_max is {most}, which takes too long")
        return 77
    packets = scene(most)
    with tempfile.TemporaryDirectory(prefix="sallyport-expect-") as scratch:
        engine = Engine(os.path.abspath(sys.argv[1]), scratch, RULES, f"nf_conntrack_expect_max={most}")
        ours = engine.passes(packets, "helper-drop")
        theirs = Kernel(RULES).passes(packets)
    found = differing(packets, theirs, ours)
    print(f"{len(packets)} packets, of which the kernel dropped {theirs.count(False)}\n{found}", end="")
    return 1 if found or not theirs.count(False) else 0


if __name__ == "__main__":
    sys.exit(main())
