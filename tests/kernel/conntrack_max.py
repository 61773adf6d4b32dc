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
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile

from conntrack_oracle import ACK, FIN, SERVER, SYN, Oracle, checksum, ipv4, tcp, with_checksum

KNOB = "/proc/sys/net/netfilter/nf_conntrack_max"
MOST = 3000
ASKED_FOR = "SALLYPORT_TEST_CONNTRACK_MAX"
SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
RULES = "*filter\n-A FORWARD -m conntrack --ctstate NEW\nCOMMIT\n"


def client(number):
    return f"10.0.1.{1 + number // 60000}", 1000 + number % 60000


def udp(number):
    """(side, packet) of a flow's first packet."""
    source, port = client(number)
    body = struct.pack("!HHHH", port, 53, 9, 0) + b"x"
    return 0, ipv4(source, SERVER, 17, with_checksum(source, SERVER, 17, body, 6))


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


class Kernel:
    """A router in a namespace of this process: which packets come out at the other side."""

    def __init__(self):
        self.oracle = Oracle()
        subprocess.run("iptables-legacy -w -t mangle -F".split(), check=True)
        subprocess.run(["iptables-legacy-restore"], input=RULES, text=True, check=True)
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

    def share(self, most, tenths):
        """Of 1000 flows more than there may be, how many find a place."""
        self.oracle.flush()
        for side, packet in fill(most, tenths):
            self.send(side, packet)
        return [self.send(side, packet) for side, packet in more(most)].count(True) / 1000

    @staticmethod
    def count():
        with open("/proc/sys/net/netfilter/nf_conntrack_count", encoding="ascii") as file:
            return int(file.read())


class Engine:
    """`sallyport replay` of the same, a packet a tick."""

    def __init__(self, program, scratch, most):
        self.program, self.scratch, self.most = program, scratch, most

    def passes(self, packets):
        capture, rules = (os.path.join(self.scratch, name) for name in ("capture", "rules"))
        with open(rules, "w", encoding="ascii") as file:
            file.write(RULES)
        with open(capture, "wb") as file:
            file.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))  # raw IP
            for number, (_, packet) in enumerate(packets):
                file.write(struct.pack("=IIII", 1_700_000_000, number, len(packet), len(packet)) + packet)
        run = subprocess.run([self.program, "replay", "--rules", rules, "--compat", "linux", "--forward", "--inside",
                              "10.0.1.0/24", "--sysctl", f"net.netfilter.nf_conntrack_max={self.most}", "--json",
                              capture], check=True, stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL)
        lines = [json.loads(line) for line in run.stdout.splitlines()]
        dropped = [line for line in lines if line["verdict"] != "ACCEPT"]
        wrong = [line for line in dropped if line["reason"] != "table-full" or line["state"]]
        assert not wrong, wrong[0]
        return [line["verdict"] == "ACCEPT" for line in lines]


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


def compare_packets(program, scratch):
    """What differs, as text, in a table of MOST flows."""
    found = ""
    kernel, engine = Kernel(), Engine(program, scratch, MOST)
    for scene in (full_of_assured, to_the_limit):
        packets = scene()
        theirs, ours = kernel.passes(packets), engine.passes(packets)
        print(f"{scene.__name__}: {len(packets)} packets, {theirs.count(False)} dropped, {kernel.count()} flows")
        differ = [number for number, pair in enumerate(zip(theirs, ours)) if pair[0] != pair[1]]
        if differ or kernel.count() > MOST or not theirs.count(False):
            found += f"{scene.__name__}: {len(differ)} packets differ: {[(n, theirs[n], ours[n]) for n in differ[:10]]}\n"
    return found


def compare_shares(program, scratch):
    """The same of new flows that find a place, the kernel's table being as large as the machine's knob says."""
    found = ""
    kernel, engine = Kernel(), Engine(program, scratch, MOST)
    for tenths, least, most in ((0, 1, 1), (9, 0.7, 0.88)):
        ours = engine.passes([*fill(MOST, tenths), *more(MOST)])[-1000:].count(True) / 1000
        theirs = kernel.share(int(knob()), tenths)
        print(f"{tenths} of 10 flows ASSURED: of 1000 new ones {theirs:.1%} find a place in Linux, {ours:.1%} here")
        found += "".join(f"{tenths} of 10 ASSURED: {whose} lets {share:.1%} in\n"
                         for whose, share in (("the kernel", theirs), ("Sallyport", ours))
                         if not least <= share <= most)
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
