"""UDP datagrams from many sources that do not exist, each from another.

    flood.py ADDRESS PORT FIRST COUNT RATE

COUNT of them to that address and port, from the source FIRST and those that follow it, RATE a second,
or, with 0, as fast as it goes. It prints the seconds that it took.

A raw socket, and 64 packets a system call: Python alone would be the slowest part.
"""
import ctypes
import ipaddress
import socket
import struct
import sys
import time

BATCH = 64
UDP_PORT, HEADERS, PAYLOAD = 40000, 28, 18


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class Message(ctypes.Structure):
    """struct mmsghdr"""
    _fields_ = [("name", ctypes.c_void_p), ("name_length", ctypes.c_uint), ("vectors", ctypes.c_void_p),
                ("vectors_length", ctypes.c_size_t), ("control", ctypes.c_void_p), ("control_length", ctypes.c_size_t),
                ("flags", ctypes.c_int), ("sent", ctypes.c_uint)]


def main(address, port, first, count, rate):
    size = HEADERS + PAYLOAD
    # The kernel fills in the checksum of IPv4, and a checksum of UDP that is 0 is none.
    packet = struct.pack(">BBHHHBBH4s4s HHHH", 0x45, 0, size, 0, 0, 64, socket.IPPROTO_UDP, 0, bytes(4),
                         socket.inet_aton(address), UDP_PORT, port, 8 + PAYLOAD, 0) + bytes(PAYLOAD)
    packets = ctypes.create_string_buffer(packet * BATCH, size * BATCH)
    base = ctypes.addressof(packets)
    vectors = (Vector * BATCH)(*[(base + number * size, size) for number in range(BATCH)])
    messages = (Message * BATCH)(*[(None, 0, ctypes.addressof(vectors[number]), 1) for number in range(BATCH)])
    libc = ctypes.CDLL(None, use_errno=True)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as one:
        one.connect((address, 0))
        began = time.monotonic()
        sent = 0
        while sent < count:
            now = min(BATCH, count - sent)
            for number in range(now):
                struct.pack_into(">I", packets, number * size + 12, first + sent + number)
            done = 0
            while done < now:
                more = libc.sendmmsg(one.fileno(), ctypes.byref(messages[done]), now - done, 0)
                if more < 0:
                    raise OSError(ctypes.get_errno(), "sendmmsg")
                done += more
            sent += now
            if rate and (early := began + sent / rate - time.monotonic()) > 0:
                time.sleep(early)
        print(f"{time.monotonic() - began:.3f}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(ipaddress.ip_address(sys.argv[3])), *map(int, sys.argv[4:]))
