#!/usr/bin/env python3
"""A full table: nf_conntrack_max, and what gives way.

    SALLYPORT_TEST_CONNTRACK_MAX=1 conntrack_max.py PATH/TO/sallyport

The knob is the machine's: a namespace may only read it. So this test runs only where it is asked for,
lowers the knob for some seconds, and puts back what was there whatever happens. Each namespace counts its
own flows; the limit set here is one that other namespaces are not likely to come near.

The same packets go through the kernel, in a namespace of their own, and through `sallyport replay`.
Where it is a matter of chance whether a flow gives way, shares are compared. Linux looks for one in eight
buckets; as it has as many buckets as flows where nobody has set them otherwise, that is some 16 of its
entries. This share is taken in a table as large as the machine allows, since with MOST flows in so many
buckets there would be nobody to give way. Whatever the size of Sallyport's table, it looks at 16 flows.

Exits 77, which ctest calls skipped, where it is not asked for, or there is no root.
"""
import os
import signal
import struct
import sys
import tempfile

from conntrack_oracle import ACK, FIN, SERVER, SYN, checksum, ipv4, tcp
from two_routers import Engine, Kernel, differing
from two_routers import udp as datagram

KNOB = "/proc/sys/net/netfilter/nf_conntrack_max"
MOST = 3000
ASKED_FOR = "SALLYPORT_TEST_CONNTRACK_MAX"
SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
RULES = "*filter\n-A FORWARD -m conntrack --ctstate NEW\nCOMMIT\n"


def client(number):
    return f"10.0.1.{1 + number // 60000}", 1000 + number % 60000


def udp(number):
    """A flow's first packet."""
    return 0, datagram(*client(number), SERVER, 53)


def connection(number, segments=3):
    """A TCP connection's first packets: 3 until it is ASSURED, 4 to FIN_WAIT, 6 to TIME_WAIT."""
    source, port = client(number)
    steps = [(0, SYN, 1, 0), (1, SYN | ACK, 9, 2), (0, ACK, 2, 10), (0, FIN | ACK, 2, 10), (1, FIN | ACK, 10, 3),
             (0, ACK, 3, 11)]
    for side, flags, sequence, ack in steps[:segments]:
        ends = (source, port, SERVER, 80) if side == 0 else (SERVER, 80, source, port)
        yield side, tcp(*ends, flags, sequence, ack)


def unreachable(about):
    source, _ = client(0)
    body = b"\3\3\0\0\0\0\0\0" + about
    return 1, ipv4(SERVER, source, 1, body[:2] + struct.pack("!H", checksum(body)) + body[4:])


def full_of_assured():
    """As many flows as may be, all ASSURED, in every state that has that; then what still passes."""
    packets = [packet for number in range(MOST) for packet in connection(number, (3, 4, 6)[number % 3])]
    packets += [udp(MOST + number) for number in range(200)]  # no place for any of them
    packets += list(connection(0))[2:] * 2  # of a flow that is there
    packets.append(unreachable(list(connection(0))[2][1]))  # about it
    return packets


def to_the_limit():
    """The last flow that has room, the first that has not."""
    packets = [packet for number in range(MOST - 1) for packet in connection(number)]
    return packets + [udp(MOST), *connection(MOST + 1)]


def fill(most, tenths):
    """A full table, so many in ten of its flows ASSURED."""
    for number in range(most):
        yield from connection(number) if number % 10 < tenths else [udp(number)]


def more(first):
    return [udp(first + number) for number in range(1000)]


def routers(program, scratch):
    return Kernel(RULES), Engine(program, scratch, RULES, f"nf_conntrack_max={MOST}")


def compare_packets(program, scratch):
    """What differs, as text, in a table of MOST flows."""
    found = ""
    kernel, engine = routers(program, scratch)
    for scene in (full_of_assured, to_the_limit):
        packets = scene()
        theirs, ours = kernel.passes(packets), engine.passes(packets, "table-full")
        print(f"{scene.__name__}: {len(packets)} packets, {theirs.count(False)} dropped, {kernel.count()} flows")
        found += differing(packets, theirs, ours)
        if kernel.count() > MOST or not theirs.count(False):
            found += f"{scene.__name__} is no full table\n"
    return found


def share(kernel, most, tenths):
    """Of 1000 flows more than there may be, how many find a place."""
    kernel.oracle.flush()
    for side, packet in fill(most, tenths):
        kernel.send(side, packet)
    return [kernel.send(side, packet) for side, packet in more(most)].count(True) / 1000


def compare_shares(program, scratch):
    """The same of new flows that find a place, the kernel's table being as large as the machine's knob says."""
    found = ""
    kernel, engine = routers(program, scratch)
    for tenths, least, most in ((0, 1, 1), (9, 0.7, 0.88)):
        ours = engine.passes([*fill(MOST, tenths), *more(MOST)], "table-full")[-1000:].count(True) / 1000
        theirs = share(kernel, int(knob()), tenths)
        print(f"{tenths} of 10 flows ASSURED: of 1000 new ones {theirs:.1%} find a place in Linux, {ours:.1%} here")
        found += "".join(f"{tenths} of 10 ASSURED: {whose} lets {part:.1%} in\n"
                         for whose, part in (("the kernel", theirs), ("Sallyport", ours))
                         if not least <= part <= most)
    return found


def knob(value=None):
    with open(KNOB, "r+" if value else "r", encoding="ascii") as file:
        if value:
            file.write(value)
            return value
        return file.read().strip()


class Lowered:
    """The machine's knob, MOST for as long as the with block; then what it was, come what may."""

    def __enter__(self):
        for number in SIGNALS:
            signal.signal(number, lambda number, _: sys.exit(f"ended by signal {number}"))
        signal.alarm(240)
        self.before = knob()
        knob(str(MOST))
        return self

    def __exit__(self, *_):
        knob(self.before)
        print(f"nf_conntrack_max is {knob()} again")


def in_child(compare, program):
    """Who has a namespace of his own cannot put the knob back, so a child has it."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        with tempfile.TemporaryDirectory(prefix="sallyport-max-") as scratch:
            found = compare(program, scratch)
        print(found, end="", flush=True)
        os._exit(1 if found else 0)
    try:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except SystemExit:
        os.kill(child, signal.SIGTERM)
        raise


def main():
    if os.environ.get(ASKED_FOR) != "1" or os.geteuid() != 0:
        print(f"skipped: opt-in: {ASKED_FOR}=1, as root, lets it change the machine's nf_conntrack_max for a while")
        return 77
    program = os.path.abspath(sys.argv[1])
    with Lowered():
        wrong = in_child(compare_packets, program)
    return in_child(compare_shares, program) or wrong


if __name__ == "__main__":
    sys.exit(main())
