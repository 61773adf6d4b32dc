#!/usr/bin/python3
"""Records what Linux makes of random TCP exchanges, for tcp_test.cc.

    sudo tests/kernel/record_tcp_traces.py [SEED [COUNT [PERCENT]]] [KNOB=VALUE...] > tests/kernel/tcp_traces.txt

Two hosts mostly do what TCP does, and sometimes (PERCENT of the time at most) not: numbers at the edges of the window, old
numbers, wrong acknowledgements and SACK blocks, resets, SYNs in the middle. A line is a packet and the answer:

    SIDE FLAGS SEQ ACK WINDOW LENGTH SCALE SACK-OK SACK => STATE DIRECTION FLOW-STATE TIMEOUT FLOW-FLAGS

Before the packet with number K of an exchange every timeout is set to its own value plus 10 K, so
that the flow's timeout, rounded to tens, tells whether the packet set it, and to which of them.
"""
import random
import struct
import sys

from conntrack_oracle import ACK, CLIENT, FIN, PSH, RST, SERVER, SYN, Oracle, tcp

TIMEOUTS = {"close": 10000, "last_ack": 20000, "syn_recv": 30000, "close_wait": 40000,
            "fin_wait": 50000, "time_wait": 60000, "syn_sent": 70000, "unacknowledged": 80000,
            "max_retrans": 90000, "established": 500000}
LETTERS = ((FIN, "F"), (SYN, "S"), (RST, "R"), (PSH, "P"), (ACK, "A"))
EDGES = (-1, 0, 1)


class Host:
    def __init__(self, rng):
        self.next = rng.choice((1000, 0xFFFFFF00, rng.randrange(1 << 32)))
        self.got = None  # what it would acknowledge
        self.scale = rng.choice((None, None, 0, 3, 7))
        self.window = rng.choice((65535, 65535, 1000, 29200))
        self.sack = rng.random() < 0.5
        self.timestamps = rng.random() < 0.3


def offset(rng, window):
    """How far from right a number is."""
    if rng.random() < 0.75:
        return 0
    base = rng.choice((0, 0, window, 2 * window, -window, -65535, -66000, 1 << 30, 1 << 31))
    return base + rng.choice(EDGES)


def choose(rng, hosts, step, wild):
    """(side, flags, seq, ack, window, length, SACK blocks) of the next packet."""
    plan = ((0, SYN), (1, SYN | ACK), (0, ACK))
    if step < len(plan) and rng.random() > wild:
        side, flags = plan[step]
    else:
        side = rng.randrange(2)
        flags = rng.choices((ACK, ACK | PSH, FIN | ACK, RST, RST | ACK, SYN, SYN | ACK),
                            (40, 20, 12, 6, 6, 8, 4))[0]
    me, peer = hosts[side], hosts[1 - side]
    exact = rng.random() > wild
    length = rng.choice((1, 100, 1400)) if flags & PSH else 0
    seq = me.next if exact else me.next + offset(rng, peer.window)
    ack = 0
    if flags & ACK:
        ack = me.got if me.got is not None else peer.next
        if not exact:
            ack += offset(rng, peer.window)
    window = me.window if rng.random() < 0.9 else rng.choice((0, 1, 500, 65535))
    blocks = []
    if flags & ACK and rng.random() < 0.3:
        for _ in range(rng.randrange(1, 3)):
            left = ack + rng.choice((0, 1, 100, 1400, -100, 70000))
            blocks.append((left & 0xFFFFFFFF, left + rng.choice((0, 1, 100, 1400, 70000)) & 0xFFFFFFFF))
    return side, flags, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, window, length, blocks


def options_of(host, flags, blocks):
    options = b""
    if flags & SYN and host.scale is not None:
        options += bytes((1, 3, 3, host.scale))
    if flags & SYN and host.sack:
        options += bytes((1, 1, 4, 2))
    if host.timestamps:
        options += bytes((1, 1, 8, 10)) + bytes(8)
    if blocks:
        options += bytes((1, 1, 5, 2 + 8 * len(blocks)))
        options += b"".join(struct.pack("!II", *block) for block in blocks)
    return options


def exchange(oracle, rng, port, wild):
    hosts = [Host(rng), Host(rng)]
    last = None
    for step in range(rng.randrange(3, 16)):
        for name, base in TIMEOUTS.items():
            oracle.sysctl("net.netfilter.nf_conntrack_tcp_timeout_" + name, base + 10 * step)
        if last and rng.random() < 0.12:
            side, flags, seq, ack, window, length, blocks = last
        else:
            side, flags, seq, ack, window, length, blocks = last = choose(rng, hosts, step, wild)
        me, peer = hosts[side], hosts[1 - side]
        end = (seq + length + bool(flags & SYN) + bool(flags & FIN)) & 0xFFFFFFFF
        if 0 <= (end - me.next) & 0xFFFFFFFF < 1 << 20:
            me.next = end
            peer.got = end
        options = options_of(me, flags, blocks)
        scale = me.scale if flags & SYN and me.scale is not None else "-"
        sack = "%d %s" % (bool(flags & SYN and me.sack), "/".join("%d-%d" % b for b in blocks) or "-")
        addresses = [(CLIENT, port), (SERVER, 80)]
        packet = tcp(*addresses[side], *addresses[1 - side], flags, seq, ack, window, length, options)
        state, direction = oracle.send(packet, side)
        flow = oracle.flow("=%d " % port)
        if state == "INVALID":
            direction = "-"
        entry = "%s %d %s" % (flow[1], (flow[0] + 5) // 10 * 10, flow[2] or "-") if flow else "- 0 -"
        letters = "".join(letter for bit, letter in LETTERS if flags & bit)
        print("cs"[side], letters, seq, ack, window, length, scale, sack, "=>", state, direction, entry)


def main():
    arguments = sys.argv[1:]
    knobs = [a for a in arguments if "=" in a]
    numbers = [int(a) for a in arguments if "=" not in a]
    seed = numbers[0] if numbers else 1
    count = numbers[1] if len(numbers) > 1 else 300
    most = numbers[2] / 100 if len(numbers) > 2 else 0.5
    rng = random.Random(seed)
    oracle = Oracle()
    print("# recorded by tests/kernel/record_tcp_traces.py", " ".join(arguments))
    for knob in knobs:
        name, value = knob.split("=")
        oracle.sysctl("net.netfilter." + name, value)
        print("knob", name, value)
    for number in range(count):
        if number % 100 == 99:
            oracle.flush()
        wild = rng.choice((0.0, 0.3, 1.0)) * most
        print("exchange", number)
        exchange(oracle, rng, 1024 + number % 60000, wild)


if __name__ == "__main__":
    main()
