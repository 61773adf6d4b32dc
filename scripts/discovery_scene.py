"""The actors of record-discovery; each runs in a namespace of its own.

The host joins SSDP's group, asks its DNS server for a name, searches by M-SEARCH with MX 5
from an ephemeral port, and sends one message to a port where nobody listens. Devices answer
the search after delays of their own:

  0.3 s  television  192.168.1.7:1900
  1.1 s  printer     192.168.1.9:49152   from another port than 1900, as UPnP allows
  1.6 s  a forger    203.0.113.66:1900   off-link, sent through the router
  2.2 s  disk        a NOTIFY to the group, which is no answer
  2.9 s  disk        192.168.1.8:1900
  4.6 s  speaker     192.168.1.10:1900
"""
import ctypes
import fcntl
import socket
import struct
import sys
import time

GROUP, SSDP = "239.255.255.250", 1900
HOST = "192.168.1.2"

SEARCH = (
    "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\n"
    "MX: 5\r\nST: ssdp:all\r\n\r\n"
)


def answer(address, what):
    return (
        f"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nEXT:\r\n"
        f"LOCATION: http://{address}:8000/description.xml\r\nSERVER: Linux UPnP/1.1 Demo/1.0\r\n"
        f"ST: upnp:rootdevice\r\nUSN: uuid:demo-{what}::upnp:rootdevice\r\n\r\n"
    ).encode()


def notify(address, what):
    return (
        f"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nCACHE-CONTROL: max-age=1800\r\n"
        f"LOCATION: http://{address}:8000/description.xml\r\nNT: upnp:rootdevice\r\n"
        f"NTS: ssdp:alive\r\nUSN: uuid:demo-{what}::upnp:rootdevice\r\n\r\n"
    ).encode()


def udp_socket(port, address=""):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    return s


def join(s, address):
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                 socket.inet_aton(GROUP) + socket.inet_aton(address))


def no_offload():
    """ethtool -K eth0 tx off: else checksums are left to hardware that is not there."""
    siocethtool, ethtool_stxcsum = 0x8946, 0x17
    value = struct.pack("II", ethtool_stxcsum, 0)
    buffer = memoryview(bytearray(value))
    raw = (ctypes.c_char * len(value)).from_buffer(buffer)
    request = struct.pack("16sP", b"eth0", ctypes.addressof(raw))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, siocethtool, request)


def heard_search(s):
    while True:
        data, asker = s.recvfrom(2048)
        if data.startswith(b"M-SEARCH"):
            return asker, time.monotonic()


def until(start, seconds):
    time.sleep(max(0.0, start + seconds - time.monotonic()))


def device(address, what, delay, port=SSDP, notifies_after=None):
    s = udp_socket(SSDP)
    join(s, address)
    asker, start = heard_search(s)
    if notifies_after:
        until(start, notifies_after)
        out = udp_socket(41900, address)
        out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 4)
        out.sendto(notify(address, what), (GROUP, SSDP))
    until(start, delay)
    out = s if port == SSDP else udp_socket(port, address)
    out.sendto(answer(address, what), asker)
    stay()


def stay():
    """A program that ends leaves its groups, at a random time: stay until killed."""
    time.sleep(60)


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def forge(source, port, to, payload):
    """An answer with a source that is not ours; the kernel fills in the IP checksum."""
    src, dst = socket.inet_aton(source), socket.inet_aton(to[0])
    length = 8 + len(payload)
    udp = struct.pack("!HHHH", port, to[1], length, 0) + payload
    pseudo = src + dst + struct.pack("!BBH", 0, socket.IPPROTO_UDP, length)
    udp = udp[:6] + struct.pack("!H", checksum(pseudo + udp) or 0xffff) + udp[8:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, 0x6666, 0, 60,
                     socket.IPPROTO_UDP, 0, src, dst)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as s:
        s.sendto(ip + udp, (to[0], 0))


def router():
    """DNS server, and the way that a forger's packet comes in by."""
    search = udp_socket(SSDP)
    join(search, "192.168.1.1")
    dns = udp_socket(53, "192.168.1.1")
    query, asker = dns.recvfrom(512)
    a_record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 300, 4) + socket.inet_aton("192.0.2.80")
    dns.sendto(query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + query[12:] + a_record, asker)
    searcher, start = heard_search(search)
    until(start, 1.6)
    forge("203.0.113.66", SSDP, searcher, answer("203.0.113.66", "forger"))
    stay()


def member():
    """Another program of the host, which joins the group and stays."""
    s = udp_socket(SSDP)
    join(s, HOST)
    stay()


def host():
    """Prints what reached each of its programs."""
    reached = []

    announcements = udp_socket(SSDP)  # hears what comes to the host's groups

    dns = udp_socket(40053)
    dns.settimeout(0.3)
    dns.sendto(b"\x12\x34\1\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1", ("192.168.1.1", 53))
    try:
        dns.recvfrom(512)
        reached.append("DNS answer")
    except TimeoutError:
        pass
    time.sleep(0.2)

    search = udp_socket(43210)
    search.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 4)
    search.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
    search.sendto(SEARCH.encode(), (GROUP, SSDP))
    start = time.monotonic()

    def listen(seconds):
        search.settimeout(0.01)
        while time.monotonic() < start + seconds:
            try:
                source = search.recvfrom(2048)[1]
                reached.append(f"answer from {source[0]}:{source[1]}")
            except TimeoutError:
                pass

    listen(3.4)
    log = udp_socket(40514)
    log.connect(("192.168.1.1", 514))
    log.send(b"<14>demo: nobody listens here")
    log.settimeout(0.3)
    try:
        log.recv(16)
    except ConnectionRefusedError:
        reached.append("ICMP port unreachable")
    except TimeoutError:
        pass
    listen(5.2)
    announcements.settimeout(0.01)
    try:
        while True:
            data, source = announcements.recvfrom(2048)
            if data.startswith(b"NOTIFY"):
                reached.append(f"NOTIFY from {source[0]}:{source[1]}")
    except TimeoutError:
        pass
    print("\n".join(reached))


ACTORS = {
    "no-offload": no_offload,
    "host": host,
    "member": member,
    "router": router,
    "tv": lambda: device("192.168.1.7", "tv", 0.3),
    "disk": lambda: device("192.168.1.8", "disk", 2.9, notifies_after=2.2),
    "printer": lambda: device("192.168.1.9", "printer", 1.1, port=49152),
    "speaker": lambda: device("192.168.1.10", "speaker", 4.6),
}
ACTORS[sys.argv[1]]()
