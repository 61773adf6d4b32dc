#!/usr/bin/python3
"""Asks Linux for its SCTP states and its rules of tags.

    sudo tests/kernel/derive_sctp_table.py

prints, for each state (by the packets that lead to it) and chunk, from the client and from the
server, what Linux makes of it with each of four verification tags: the one that belongs to the
direction, 0, the other direction's, and one that nobody uses. `N` NEW, `E` ESTABLISHED, `I` INVALID;
then the state, `u` without a reply, `A` ASSURED, `~` if the timer was not set, and both tags as
ctnetlink tells them. The rows of src/conntrack/trackers/sctp_states.cc and the rules of sctp.cc
were written from this output and RFC 9260.
"""
import struct

from conntrack_oracle import CLIENT, SERVER, Oracle, sctp
from record_sctp_traces import KINDS, REFLECTED, TIMEOUTS, chunk

UP = "cINIT sINIT_ACK cCOOKIE_ECHO sCOOKIE_ACK"
PATHS = {
    "NONE": "",
    "CLOSED(begun)": "cINIT",
    "CLOSED(HEARTBEAT_ACK)": "cHEARTBEAT_ACK",
    "CLOSED(ended)": UP + " sABORT",
    "COOKIE_WAIT": "cINIT sINIT_ACK",
    "COOKIE_ECHOED": "cINIT sINIT_ACK cCOOKIE_ECHO",
    "ESTABLISHED": UP,
    "ESTABLISHED(INIT sent)": UP + " cINIT",
    "ESTABLISHED(INITs crossed)": UP + " cINIT sINIT",
    "SHUTDOWN_SENT": UP + " cSHUTDOWN",
    "SHUTDOWN_RECD": UP + " sSHUTDOWN",
    "SHUTDOWN_ACK_SENT": UP + " cSHUTDOWN sSHUTDOWN_ACK",
    "SHUTDOWN_ACK_SENT(first)": "cSHUTDOWN_ACK",
    "HEARTBEAT_SENT": "cHEARTBEAT",
    "HEARTBEAT_SENT(both)": "cHEARTBEAT sHEARTBEAT",
}


class Association:
    """Two well-behaved hosts. Packets to the client bear tag 7, to the server 9."""

    def __init__(self, oracle, port):
        self.oracle, self.port = oracle, port
        self.wanted = [9, 7]  # by sender

    def send(self, side, name, tag=None, flags=0, initiate_tag=None):
        if tag is None:
            tag = 0 if name == "INIT" else self.wanted[side]
        if initiate_tag is None:
            initiate_tag = self.wanted[1 - side]
        addresses = [(CLIENT, self.port), (SERVER, 80)]
        packet = sctp(*addresses[side], *addresses[1 - side], tag, chunk(name, flags, initiate_tag))
        return self.oracle.send(packet, side)[0]

    def walk(self, path):
        for step in path.split():
            self.send("cs".index(step[0]), step[1:])

    def entry(self, fresh):
        flow = self.oracle.flow("=%d " % self.port)
        if not flow:
            return "-"
        timer = "" if (flow[0] + 5) % 1000 // 10 == fresh else "~"
        info = self.oracle.protocol_info(self.port)
        tags = "/".join(str(struct.unpack("!I", info[kind])[0]) for kind in (2, 3))
        return flow[1] + flow[2].replace("U", "u") + timer + " " + tags


def timers(oracle, step):
    for name, base in TIMEOUTS.items():
        oracle.sysctl("net.netfilter.nf_conntrack_sctp_timeout_" + name, base + 10 * step)


def ask(oracle, port, path, side, name, flags, tag):
    association = Association(oracle, port)
    timers(oracle, 1)
    association.walk(path)
    timers(oracle, 2)
    # Another initiate tag than is known, where the packet says one.
    verdict = association.send(side, name, tag, flags, initiate_tag=association.wanted[1 - side] + 10)
    return verdict[0] + " " + association.entry(2)


def main():
    oracle = Oracle()
    for state, path in PATHS.items():
        print("# %s: %s" % (state, path))
        port = 1024
        for name in KINDS:
            for flags in (0, 1) if name in REFLECTED else (0,):
                for side in (0, 1) if path else (0,):
                    row = []
                    for tag in ((9, 7)[side], 0, (7, 9)[side], 77):
                        row.append(ask(oracle, port, path, side, name, flags, tag))
                        port += 1
                    head = "cs"[side] + name + (" T" if flags else "")
                    print("%-24s" % head + "".join("%-32s" % cell for cell in row), flush=True)
        oracle.flush()


if __name__ == "__main__":
    main()
