#!/usr/bin/python3
"""Asks Linux for its TCP states: every state, segment and direction.

    sudo tests/kernel/derive_tcp_table.py

prints a line for each: the state (by the packets that lead to it), the segment, and what Linux made
of it. The rows of src/conntrack/trackers/tcp.cc were written from this output and RFC 9293.
Segments are exact: next sequence number, everything acknowledged.
"""
import itertools

from conntrack_oracle import ACK, CLIENT, FIN, RST, SERVER, SYN, URG, Oracle, tcp

KINDS = {"S": SYN, "SA": SYN | ACK, "F": FIN | ACK, "A": ACK, "R": RST, "RA": RST | ACK}
# The segments that lead to a state: direction (c or s), kind. Those of Linux's own names.
PATHS = {
    "SYN_SENT": "cS",
    "SYN_SENT2": "cS sS",
    "SYN_RECV": "cS sSA",
    "SYN_RECV(SYN_SENT2)": "cS sS cSA",
    "ESTABLISHED": "cS sSA cA",
    "FIN_WAIT(client)": "cS sSA cA cF",
    "FIN_WAIT(server)": "cS sSA cA sF",
    "CLOSE_WAIT(client)": "cS sSA cA cF sA",
    "CLOSE_WAIT(server)": "cS sSA cA sF cA",
    "LAST_ACK(client)": "cS sSA cA cF sA sF",
    "LAST_ACK(server)": "cS sSA cA sF cA cF",
    "LAST_ACK(both)": "cS sSA cA cF sF",
    "TIME_WAIT(client)": "cS sSA cA cF sA sF cA",
    "TIME_WAIT(server)": "cS sSA cA sF cA cF sA",
    "CLOSE(client)": "cS sSA cA cR",
    "CLOSE(server)": "cS sSA cA sR",
    "CLOSE(after FIN)": "cS sSA cA cF sA sR",
    "CLOSE(reset SYN_RECV)": "cS sSA cR",
}


class Connection:
    """Two well-behaved hosts."""

    ports = itertools.count(1024)

    def __init__(self, oracle):
        self.oracle = oracle
        self.port = next(self.ports)
        self.next = [1000, 5000]
        self.seen = [None, None]  # next of the other side, once known

    def send(self, side, kind):
        flags = KINDS[kind]
        addresses = [(CLIENT, self.port), (SERVER, 80)]
        source, destination = addresses[side], addresses[1 - side]
        ack = self.next[1 - side] if flags & ACK else 0
        packet = tcp(*source, *destination, flags, seq=self.next[side], ack=ack)
        if flags & (SYN | FIN):
            self.next[side] += 1
        return self.oracle.send(packet, side), self.oracle.flow("=%d " % self.port)

    def walk(self, path):
        result = None
        for step in path.split():
            result = self.send("cs".index(step[0]), step[1:])
        return result


def show(head, result):
    (state, direction), flow = result
    entry = "%s %ds %s" % (flow[1], flow[0], flow[2]) if flow else "no flow"
    print("%-24s => %-11s %-8s %s" % (head, state, direction, entry), flush=True)


def main():
    oracle = Oracle()
    print("# without a flow, by flags (- F S R A U)")
    for flags in [sum(f) for n in range(6) for f in itertools.combinations((FIN, SYN, RST, ACK, URG), n)]:
        port = next(Connection.ports)
        result = oracle.send(tcp(CLIENT, port, SERVER, 80, flags, seq=1000, ack=1 if flags & ACK else 0), 0)
        letters = "".join(c for c, f in zip("FSRAU", (FIN, SYN, RST, ACK, URG)) if flags & f) or "-"
        show("NONE c" + letters, (result, oracle.flow("=%d " % port)))
    print("# picked up in mid-stream")
    for path in ("cA", "cA sA", "cA sA cA", "cA cA", "cA sF", "cA sR", "cA cF"):
        show(path, Connection(oracle).walk(path))
    for state, path in PATHS.items():
        print("# %s: %s" % (state, path))
        show(path, Connection(oracle).walk(path))
        for side, kind in itertools.product("cs", KINDS):
            connection = Connection(oracle)
            connection.walk(path)
            show("%s %s%s" % (state, side, kind), connection.send("cs".index(side), kind))


if __name__ == "__main__":
    main()
