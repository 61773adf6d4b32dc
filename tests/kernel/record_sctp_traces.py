#!/usr/bin/python3
"""Records what Linux makes of random SCTP exchanges, for sctp_test.cc.

    sudo tests/kernel/record_sctp_traces.py [SEED [COUNT [PERCENT]]] > tests/kernel/sctp_traces.txt

Two hosts mostly do what SCTP does, and sometimes (PERCENT of the time at most) not: chunks out of
order or bundled with others, wrong or reflected tags, broken chunks, a second INIT. A line is a
packet and the answer:

    SIDE TAG CHUNKS HEX => STATE DIRECTION FLOW-STATE TIMEOUT FLOW-FLAGS TAG-ORIGINAL TAG-REPLY

CHUNKS names what HEX holds. Before the packet with number K of an exchange every timeout is set to
its own value plus 10 K, so that the flow's timeout, rounded to tens, tells whether the packet set
it, and to which of them.
"""
import random
import struct
import sys

from conntrack_oracle import CLIENT, SERVER, Oracle, sctp

TIMEOUTS = {"closed": 10000, "cookie_wait": 20000, "cookie_echoed": 30000, "established": 40000,
            "shutdown_sent": 50000, "shutdown_recd": 60000, "shutdown_ack_sent": 70000,
            "heartbeat_sent": 80000}
KINDS = {"DATA": 0, "INIT": 1, "INIT_ACK": 2, "SACK": 3, "HEARTBEAT": 4, "HEARTBEAT_ACK": 5, "ABORT": 6,
         "SHUTDOWN": 7, "SHUTDOWN_ACK": 8, "ERROR": 9, "COOKIE_ECHO": 10, "COOKIE_ACK": 11, "ECNE": 12,
         "CWR": 13, "SHUTDOWN_COMPLETE": 14, "AUTH": 15, "I_DATA": 64, "FORWARD_TSN": 192}
BODIES = {"DATA": 16, "SACK": 12, "HEARTBEAT": 4, "HEARTBEAT_ACK": 4, "SHUTDOWN": 4, "COOKIE_ECHO": 4}
REFLECTED = ("ABORT", "SHUTDOWN_COMPLETE")
PLAN = ((0, "INIT"), (1, "INIT_ACK"), (0, "COOKIE_ECHO"), (1, "COOKIE_ACK"))
ANSWERS = {"INIT": "INIT_ACK", "INIT_ACK": "COOKIE_ECHO", "COOKIE_ECHO": "COOKIE_ACK",
           "SHUTDOWN": "SHUTDOWN_ACK", "SHUTDOWN_ACK": "SHUTDOWN_COMPLETE",
           "HEARTBEAT": "HEARTBEAT_ACK", "DATA": "SACK"}


def chunk(name, flags, initiate_tag):
    if name in ("INIT", "INIT_ACK"):
        body = struct.pack("!IIHHI", initiate_tag, 65536, 1, 1, 1)
    else:
        body = b"\0" * BODIES.get(name, 0)
    return struct.pack("!BBH", KINDS[name], flags, 4 + len(body)) + body


def spoil(rng, chunks):
    """Something that no sender does to a packet's chunks."""
    cut = rng.randrange(len(chunks) + 1)
    return rng.choice((chunks[:cut], chunks + b"\0" * rng.randrange(1, 8),
                       chunks[:2] + struct.pack("!H", rng.choice((0, 3, 5, 6, 99))) + chunks[4:],
                       chunks + bytes((rng.randrange(16), 0, 0, rng.randrange(8)))))


def choose(rng, tags, step, last, wild):
    """(side, tag, names, chunks) of the next packet; tags[i] is that of packets to side i."""
    if step < len(PLAN) and rng.random() > wild:
        side, names = PLAN[step][0], [PLAN[step][1]]
    elif last and last[1][0] in ANSWERS and rng.random() > 0.5:
        side, names = 1 - last[0], [ANSWERS[last[1][0]]]
    else:
        side, names = rng.randrange(2), [rng.choice(list(KINDS))]
    while rng.random() < 0.5 * wild or (names == ["COOKIE_ECHO"] and rng.random() < 0.3):
        names.insert(rng.choice((0, len(names))), rng.choice(list(KINDS)))
    tag = 0 if "INIT" in names else tags[1 - side]
    flags = 1 if names[0] in REFLECTED and rng.random() < 0.4 else 0
    if flags:
        tag = tags[side]
    initiate_tag = tags[side]
    if rng.random() < wild:
        tag = rng.choice((0, tags[0], tags[1], rng.randrange(1, 5)))
    if rng.random() < 0.5 * wild:
        initiate_tag = rng.choice((0, tags[0], tags[1], rng.randrange(1, 5)))
    if ("INIT" in names or "INIT_ACK" in names) and rng.random() < 0.7:
        tags[side] = initiate_tag
    chunks = b"".join(chunk(name, flags if name in REFLECTED else 0, initiate_tag) for name in names)
    if rng.random() < 0.15 * wild:
        chunks = spoil(rng, chunks)
    return side, tag, names, chunks


def exchange(oracle, rng, port, wild):
    tags = [rng.randrange(5, 9), rng.randrange(5, 9)]
    last = None
    for step in range(rng.randrange(3, 16)):
        for name, base in TIMEOUTS.items():
            oracle.sysctl("net.netfilter.nf_conntrack_sctp_timeout_" + name, base + 10 * step)
        side, tag, names, chunks = choose(rng, tags, step, last, wild)
        last = side, names
        addresses = [(CLIENT, port), (SERVER, 80)]
        state, direction = oracle.send(sctp(*addresses[side], *addresses[1 - side], tag, chunks), side)
        flow = oracle.flow("=%d " % port)
        known = [0, 0]
        if flow:
            info = oracle.protocol_info(port)
            known = [struct.unpack("!I", info[kind])[0] for kind in (2, 3)]
        if state == "INVALID":
            direction = "-"
        entry = "%s %d %s" % (flow[1], (flow[0] + 5) // 10 * 10, flow[2] or "-") if flow else "- 0 -"
        print("cs"[side], tag, "+".join(names), chunks.hex() or "-", "=>", state, direction, entry, *known)


def main():
    numbers = [int(a) for a in sys.argv[1:]]
    seed = numbers[0] if numbers else 1
    count = numbers[1] if len(numbers) > 1 else 300
    most = numbers[2] / 100 if len(numbers) > 2 else 0.5
    rng = random.Random(seed)
    oracle = Oracle()
    print("# recorded by tests/kernel/record_sctp_traces.py", *sys.argv[1:])
    for number in range(count):
        print("exchange", number)
        if number % 50 == 49:
            oracle.flush()
        exchange(oracle, rng, 1024 + number % 60000, rng.choice((0.1, 0.4, 1.0)) * most)


if __name__ == "__main__":
    main()
