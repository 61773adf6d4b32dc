"""Linux as the oracle of connection tracking: one packet in, its state and its flow out.

A router in a network namespace of its own (which ends with the process) stands between two TUN
devices. Rules write the packet's conntrack state and direction into its DSCP; the packet comes out
at the other side, and /proc/net/nf_conntrack shows the flow. Needs root.
"""
import ctypes
import fcntl
import os
import re
import select
import socket
import struct
import subprocess

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
STATES = ["NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"]
CLIENT, SERVER = "10.0.1.1", "10.0.2.1"
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def address(text):
    return bytes(int(part) for part in text.split("."))


def ipv4(source, destination, protocol, payload, ident=0):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, 0x4000, 64, protocol, 0,
                       address(source), address(destination))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def with_checksum(source, destination, protocol, payload, offset):
    pseudo = address(source) + address(destination) + struct.pack("!HH", protocol, len(payload))
    value = checksum(pseudo + payload)
    return payload[:offset] + struct.pack("!H", value) + payload[offset + 2:]


def tcp(source, sport, destination, dport, flags, seq=0, ack=0, window=65535, length=0, options=b""):
    head = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF,
                       (20 + len(options)) // 4 << 4, flags, window, 0, 0)
    segment = with_checksum(source, destination, 6, head + options + b"x" * length, 16)
    return ipv4(source, destination, 6, segment)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def sctp(source, sport, destination, dport, tag, chunks):
    head = struct.pack("!HHI", sport, dport, tag)
    crc = struct.pack("<I", crc32c(head + b"\0\0\0\0" + chunks))
    return ipv4(source, destination, 132, head + crc + chunks)


def attributes(data):
    """Netlink attributes as a dictionary, nested ones too."""
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack("=HH", data[:4])
        value = data[4:length]
        found[kind & 0x3FFF] = attributes(value) if kind & 0x8000 else value
        data = data[(length + 3) & ~3:]
    return found


class Oracle:
    def __init__(self):
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "unshare: root is needed")
        self.tun = [self._tun("tun0", "10.0.1.254/24"), self._tun("tun1", "10.0.2.254/24")]
        self._run("ip link set lo up")
        self.sysctl("net.ipv4.ip_forward", 1)
        for device in ("all", "tun0", "tun1"):
            self.sysctl("net.ipv4.conf.%s.rp_filter" % device, 0)
        for device in ("tun0", "tun1"):
            self.sysctl("net.ipv6.conf.%s.disable_ipv6" % device, 1)
        for number, state in enumerate(STATES):
            for offset, direction in ((0, "ORIGINAL"), (8, "REPLY")):
                self._run("iptables-legacy -w -t mangle -A FORWARD -m conntrack --ctstate %s --ctdir %s"
                          " -j DSCP --set-dscp %d" % (state, direction, number + 1 + offset))
            self._run("iptables-legacy -w -t mangle -A FORWARD -m dscp --dscp 0 -m conntrack"
                      " --ctstate %s -j DSCP --set-dscp %d" % (state, number + 1))
        self._run("iptables-legacy -w -t mangle -A FORWARD -m tos --tos 0xff -j DROP")

    @staticmethod
    def _run(command):
        subprocess.run(command.split(), check=True, stdout=subprocess.DEVNULL)

    @staticmethod
    def sysctl(name, value):
        with open("/proc/sys/" + name.replace(".", "/"), "w", encoding="ascii") as file:
            file.write(str(value))

    def _tun(self, name, own):
        tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH14x", name.encode(), IFF_TUN | IFF_NO_PI))
        self._run("ip address add %s dev %s" % (own, name))
        self._run("ip link set %s up" % name)
        return tun

    def send(self, packet, side=0):
        """Sends on a side (0: the client's) and says (state, direction) as rules saw it."""
        for tun in self.tun:
            self.drain(tun)
        os.write(self.tun[side], packet)
        while True:
            ready, _, _ = select.select([self.tun[1 - side]], [], [], 0.2)
            if not ready:
                return ("DROPPED", "")
            answer = os.read(self.tun[1 - side], 65536)
            if answer[0] >> 4 == 4 and answer[9] == packet[9]:
                break
        code = answer[1] >> 2
        return (STATES[(code & 7) - 1], "reply" if code & 8 else "original") if code else ("-", "")

    @staticmethod
    def drain(tun):
        try:
            while True:
                os.read(tun, 65536)
        except BlockingIOError:
            pass

    @staticmethod
    def flows():
        """The flows as /proc/net/nf_conntrack has them: lists of words."""
        with open("/proc/net/nf_conntrack", encoding="ascii") as file:
            return [line.split() for line in file]

    def flow(self, pattern):
        """(timeout, tcp state or '', flags) of the one flow whose line matches, or None."""
        for words in self.flows():
            line = " ".join(words)
            if re.search(pattern, line):
                state = words[5] if "=" not in words[5] else ""
                flags = "".join(c for c, w in (("U", "[UNREPLIED]"), ("A", "[ASSURED]")) if w in words)
                return (int(words[4]), state, flags)
        return None

    @staticmethod
    def protocol_info(port):
        """What ctnetlink tells of the protocol's state (CTA_PROTOINFO) of the flow of this port."""
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as netlink:
            # IPCTNL_MSG_CT_GET of all of AF_INET; NLM_F_REQUEST | NLM_F_DUMP
            netlink.send(struct.pack("=IHHIIBBH", 20, 0x0101, 0x301, 1, 0, 2, 0, 0))
            found = {}
            while True:
                data = netlink.recv(1 << 17)
                while data:
                    length, kind = struct.unpack("=IH", data[:6])
                    if kind in (2, 3):  # an error, the end
                        return found
                    flow = attributes(data[20:length])
                    ports = [struct.unpack("!H", flow[1][2][end])[0] for end in (2, 3)]
                    if port in ports:
                        found = next(iter(flow.get(4, {}).values()), {})
                    data = data[(length + 3) & ~3:]

    def flush(self):
        subprocess.run(["conntrack", "-F"], check=True, stderr=subprocess.DEVNULL)
