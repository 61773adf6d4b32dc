"""Captures for the tests: packets and files of them, built byte by byte.

A packet is the bytes of an IP packet; a frame puts a link layer before it; pcap() and pcapng() put
frames in a file. What a test is about is an argument, the rest has a plain default.
"""

import ipaddress
import struct

# https://www.tcpdump.org/linktypes.html
NULL, ETHERNET, PPP, RAW_BSD, RAW, LOOP, COOKED, IPV4, IPV6, COOKED2 = (
    0, 1, 9, 12, 101, 108, 113, 228, 229, 276)

HOST, PEER = "192.168.1.2", "192.168.1.7"
HOST6, PEER6 = "fe80::2", "fe80::7"
TCP, UDP, ICMP = 6, 17, 1
SYN, ACK, RST, FIN, PSH = 2, 16, 4, 1, 8


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def address(text):
    return ipaddress.ip_address(text).packed


def ip(source, destination, protocol, payload, identifier=1, offset=0, more=False, ttl=64):
    """An IPv4 packet, or IPv6 without fragments; `offset` counts bytes."""
    source, destination = address(source), address(destination)
    if len(source) == 16:
        return struct.pack("!IHBB", 6 << 28, len(payload), protocol, ttl) + source + destination + payload
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), identifier,
                         offset // 8 | more << 13, ttl, protocol, 0) + source + destination
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def pseudo(source, destination, protocol, length):
    source, destination = address(source), address(destination)
    form = "!HBB" if len(source) == 4 else "!I3xB"
    parts = (length, 0, protocol) if len(source) == 4 else (length, protocol)
    return source + destination + struct.pack(form, *parts)


def udp(source, sport, destination, dport, payload=b"hello", good=True, **of_ip):
    length = 8 + len(payload)
    header = struct.pack("!HHHH", sport, dport, length, 0)
    value = checksum(pseudo(source, destination, UDP, length) + header + payload) or 0xffff
    value = value if good else value ^ 0x0101
    return ip(source, destination, UDP, header[:6] + struct.pack("!H", value) + payload, **of_ip)


def tcp(source, sport, destination, dport, flags, seq=0, ack=0, payload=b"", **of_ip):
    header = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags, 65535, 0, 0)
    value = checksum(pseudo(source, destination, TCP, 20 + len(payload)) + header + payload)
    return ip(source, destination, TCP, header[:16] + struct.pack("!H", value) + header[18:] + payload,
              **of_ip)


def icmp(source, destination, kind, code=0, rest=b"\0\1\0\1", payload=b""):
    header = struct.pack("!BBH", kind, code, 0) + rest + payload
    return ip(source, destination, ICMP, header[:2] + struct.pack("!H", checksum(header)) + header[4:])


def fragments(packet, size):
    """The packet as fragments of `size` bytes of payload each."""
    header, payload = packet[:20], packet[20:]
    source, destination = (str(ipaddress.ip_address(header[i:i + 4])) for i in (12, 16))
    return [ip(source, destination, header[9], payload[at:at + size], identifier=7, offset=at,
               more=at + size < len(payload))
            for at in range(0, len(payload), size)]


def frame(packet, link=ETHERNET, vlans=(), outgoing=False):
    """The packet with its link layer; `vlans` are (ethertype of the tag, number). A hardware address
    ends as the IP address does."""
    v6 = packet[0] >> 4 == 6
    ethertype = 0x86dd if v6 else 0x0800
    if link == ETHERNET:
        tags = b"".join(struct.pack("!HH", kind, number) for kind, number in vlans)
        source, destination = (packet[8:24], packet[24:40]) if v6 else (packet[12:16], packet[16:20])
        source, destination = source or b"\7", destination or b"\2"
        return (b"\2\0\0\0\0" + destination[-1:] + b"\2\0\0\0\0" + source[-1:] + tags +
                struct.pack("!H", ethertype) + packet)
    if link == COOKED:
        return struct.pack("!HHH8sH", 4 if outgoing else 0, 1, 6, bytes(8), ethertype) + packet
    if link == COOKED2:
        return struct.pack("!HHIHBB8s", ethertype, 0, 1, 1, 4 if outgoing else 0, 6, bytes(8)) + packet
    if link in (NULL, LOOP):
        number = 10 if v6 else 2
        return struct.pack("<I" if link == NULL else "!I", number) + packet
    if link == PPP:
        return struct.pack("!BBH", 0xff, 3, 0x57 if v6 else 0x21) + packet
    return packet


ARP = bytes.fromhex("ffffffffffff 020000000007 0806 0001080006040001 020000000007 c0a80107"
                    "000000000000 c0a80102")


def pcap(frames, link=ETHERNET, snaplen=0, order="<", nano=False, start=1_700_000_000, step=0.001):
    """A pcap file. A frame is bytes, or (seconds after the start, bytes)."""
    parts = [struct.pack(order + "IHHiIII", 0xa1b23c4d if nano else 0xa1b2c3d4, 2, 4, 0, 0, 262144, link)]
    for i, entry in enumerate(frames):
        at, raw = entry if isinstance(entry, tuple) else (i * step, entry)
        fraction = round((at - int(at)) * (10**9 if nano else 10**6))
        kept = raw[:snaplen] if snaplen else raw
        parts += struct.pack(order + "IIII", start + int(at), fraction, len(kept), len(raw)), kept
    return b"".join(parts)


def block(order, kind, body):
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + length + body + length


def pcapng(packets, interfaces=(("eth0", ETHERNET),), order="<", start=1_700_000_000):
    """A pcapng file of (interface's number, seconds after the start, frame)."""
    data = block(order, 0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1))
    for name, link in interfaces:
        raw = name.encode()
        option = struct.pack(order + "HH", 2, len(raw)) + raw + bytes(-len(raw) % 4) + bytes(4)
        data += block(order, 1, struct.pack(order + "HHI", link, 0, 0) + (option if name else b""))
    for interface, at, raw in packets:
        ticks = round((start + at) * 10**6)
        data += block(order, 6, struct.pack(order + "IIIII", interface, ticks >> 32, ticks & 0xffffffff,
                                            len(raw), len(raw)) + raw)
    return data
