#!/usr/bin/env python3
"""sallyport run --nflog: packets are kept as Linux tells its own listeners of them.

    live/nflog_test.py PATH/TO/sallyport [unittest's arguments]
"""
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(1, os.path.join(os.path.dirname(__file__), "..", "e2e"))
import net
from net import HOST, HOST6, PEER, PEER6
from program import main, rules

# linux/netfilter/nfnetlink_log.h
PACKET_HDR, MARK, TIMESTAMP, OUTDEV, PHYSINDEV, PAYLOAD, PREFIX = 1, 2, 3, 5, 6, 9, 10
HWTYPE, HWHEADER, HWLEN = 15, 16, 17  # the frame's header, which no queue tells
LINKTYPE_NFLOG = 239


def frames(path):
    """(bytes, length on the wire) of each packet of a pcap or pcapng file of this machine."""
    with open(path, "rb") as file:
        data = file.read()
    found, at = [], 0
    if not data:
        return found
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        while at < len(data):
            kind, length = struct.unpack_from("=II", data, at)
            if kind == 1:
                assert struct.unpack_from("=H", data, at + 8) == (LINKTYPE_NFLOG,)
            if kind == 6:
                held, wire = struct.unpack_from("=II", data, at + 20)
                found.append((data[at + 28:at + 28 + held], wire))
            assert struct.unpack_from("=I", data, at + length - 4) == (length,)
            at += length
        return found
    assert struct.unpack_from("=I", data, 20) == (LINKTYPE_NFLOG,)
    at = 24
    while at < len(data):
        held, wire = struct.unpack_from("=II", data, at + 8)
        found.append((data[at + 16:at + 16 + held], wire))
        at += 16 + held
    return found


def told(path):
    """What is told of each packet: family, group, and the attributes by their type."""
    records = []
    for frame, _ in frames(path):
        family, version, group = struct.unpack_from("!BBH", frame)
        assert version == 0
        attributes, at = {}, 4
        while at < len(frame):
            length, kind = struct.unpack_from("=HH", frame, at)
            attributes[kind] = frame[at + 4:at + length]
            at += (length + 3) // 4 * 4
        for kind in (TIMESTAMP, HWTYPE, HWHEADER, HWLEN):
            attributes.pop(kind, None)
        records.append((family, group, attributes))
    return records


class AsLinux(net.Router):
    RULES = ('-A {0} -p udp -j NFLOG --nflog-prefix "to {0}" --nflog-group 5',
             "-A {0} -p tcp --tcp-flags SYN SYN -j NFLOG --nflog-group 7 --nflog-size 24")

    def setUp(self):
        super().setUp()
        if not shutil.which("tcpdump"):
            self.skipTest("no tcpdump")

    def listeners(self, *groups):
        """Linux's own: tcpdump at each group, behind rules like ours."""
        lines = [rule.format(chain) for chain in ("INPUT", "OUTPUT", "FORWARD") for rule in self.RULES]
        for family in ("iptables", "ip6tables"):
            self.host.sh(f"{family}-restore", input=rules(*lines, input="ACCEPT", forward="ACCEPT"))
        self.host.sh("iptables", "-t", "mangle", "-A", "INPUT", "-j", "MARK", "--set-mark", "0x1234")
        started = {}
        for group in groups:
            path = os.path.join(self.scratch, f"group{group}")
            one = self.host.start("tcpdump", "-Z", "root", "-U", "-i", f"nflog:{group}", "-w", path,
                                  stderr=subprocess.PIPE)
            self.addCleanup(one.wait)
            self.addCleanup(one.stderr.close)
            self.addCleanup(one.kill)
            one.stderr.readline()  # "listening on …"
            started[path] = one
        return started, lines

    def stop(self, started):
        time.sleep(1.2)  # the kernel gathers for a second
        for one in started.values():
            one.send_signal(signal.SIGINT)
            one.wait()

    def test_each_packet_is_told_as_linux_tells_it(self):
        started, lines = self.listeners(5, 7)
        path = os.path.join(self.scratch, "kept.pcapng")
        text = rules(*lines, input="ACCEPT", forward="ACCEPT")
        self.run_daemon(text, "--nflog", path, rules6=text)
        self.assertTrue(self.reached(self.host, self.peer, PEER6))
        self.assertTrue(self.echo(self.peer, self.host, HOST))
        self.assertTrue(self.echo(self.inside, self.peer, PEER))
        for address in (PEER, PEER6):
            with self.peer.listen(address, 8080), self.host.tcp((address, 8080)):
                pass
        self.assertTrue(self.wait_until(lambda: len(frames(path)) >= 10))
        self.stop_daemon()
        self.stop(started)
        key = lambda record: (record[1], record[2][PAYLOAD])  # noqa: E731
        ours = sorted(told(path), key=key)
        linux = sorted((record for file in started for record in told(file)), key=key)
        self.assertEqual(ours, linux)
        hooks = {record[2][PACKET_HDR][2] for record in ours}
        self.assertEqual(hooks, {1, 2, 3})
        self.assertIn(struct.pack("!I", 0x1234), [record[2].get(MARK) for record in ours])
        self.assertIn(b"to FORWARD\0", [record[2].get(PREFIX) for record in ours])
        lengths = {len(record[2][PAYLOAD]) for record in ours if record[1] == 7}
        self.assertEqual(lengths, {24})

    def test_the_ports_of_a_bridge_are_told(self):
        left, right = self.namespace("left"), self.namespace("right")
        self.host.sh("ip", "link", "add", "br0", "type", "bridge")
        for port, machine, address in (("p0", left, "10.2.0.7/24"), ("p1", right, "10.2.0.8/24")):
            self.link(self.host, port, machine, "eth0")
            self.host.sh("ip", "link", "set", port, "master", "br0")
            self.address(machine, "eth0", address)
        self.host.sh("ip", "link", "set", "br0", "up")
        self.host.sh("sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1")
        started, lines = self.listeners(5)
        path = os.path.join(self.scratch, "kept.pcapng")
        self.run_daemon(rules(*lines, input="ACCEPT", forward="ACCEPT"), "--nflog", path)
        self.assertTrue(self.echo(left, right, "10.2.0.8"))
        self.assertTrue(self.wait_until(lambda: len(frames(path)) == 2))
        self.stop(started)
        self.assertEqual(told(path), [record for file in started for record in told(file)])
        self.assertTrue(all(PHYSINDEV in record[2] for record in told(path)))


class File(net.Case):
    IN = rules("-A INPUT -p udp -j NFLOG --nflog-prefix heard", "-A INPUT -j DROP", output="ACCEPT")

    def sends(self, text, count=1):
        with self.peer.udp() as client:
            for _ in range(count):
                client.sendto(text, (HOST, 9))

    def keeps(self, path, count):
        return self.wait_until(lambda: os.path.exists(path) and len(frames(path)) == count)

    def payloads(self, path):
        return [record[2][PAYLOAD][28:] for record in told(path)]

    def test_what_is_long_is_kept_whole_and_read_by_others(self):
        path = os.path.join(self.scratch, "kept.pcapng")
        self.run_daemon(self.IN, "--nflog", path)
        self.sends(b"x" * 1400)
        self.assertTrue(self.keeps(path, 1))
        self.assertEqual(self.payloads(path), [b"x" * 1400])
        if shutil.which("tcpdump"):
            self.assertIn("10.0.0.1.9: UDP, length 1400",
                          subprocess.run(["tcpdump", "-nr", path], capture_output=True, text=True, check=True).stdout)
        if shutil.which("tshark"):
            fields = ["-T", "fields", "-e", "frame.interface_name", "-e", "nflog.prefix", "-e", "udp.dstport"]
            self.assertEqual(subprocess.run(["tshark", "-r", path, *fields], capture_output=True, text=True,
                                            check=True).stdout.split(), ["eth0", "heard", "9"])
        # The interface's name comes back to rules, too.
        judged = self.file("judged", rules("-A INPUT -i eth0 -p udp -m udp --dport 9 -j ACCEPT"))
        line = json.loads(self.program("replay", "--json", "--rules", judged, "--host", f"eth0={HOST}/24", path))
        self.assertEqual((line["verdict"], line["rule"]["num"]), ("ACCEPT", 1))

    def test_a_file_is_gone_on_with_and_what_is_unfinished_cut_off(self):
        path = os.path.join(self.scratch, "kept.pcapng")
        for text in (b"first", b"second"):
            self.run_daemon(self.IN, "--nflog", path)
            self.sends(text)
            self.assertTrue(self.wait_until(lambda text=text: text in self.payloads(path)))
            self.stop_daemon()
        with open(path, "ab") as file:
            file.write(struct.pack("=IIII", 6, 200, 0, 0))
        self.run_daemon(self.IN, "--nflog", path)
        self.sends(b"third")
        self.assertTrue(self.wait_until(lambda: len(frames(path)) == 3))
        self.assertEqual(self.payloads(path), [b"first", b"second", b"third"])

    def test_a_file_that_is_something_else_is_left_alone(self):
        path = self.file("notes", "buy milk, and much else\n")
        self.file("rules", self.IN)
        for wrong, why in ((path, "it is there, and no pcapng capture of this machine"), ("/dev/null", "it is no file"),
                           ("/nowhere/x", "No such file or directory")):
            self.assertIn(f"--nflog {wrong}: {why}\n",
                          self.ask("run", "--rules", "rules", "--nflog", wrong, expect=2))
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "buy milk, and much else\n")
        self.assertEqual(self.queueing_rules(), [])

    def test_a_file_that_was_moved_away_or_emptied_is_begun_anew(self):
        path = os.path.join(self.scratch, "kept.pcapng")
        self.run_daemon(self.IN, "--nflog", path)
        self.sends(b"first")
        self.assertTrue(self.keeps(path, 1))
        os.rename(path, path + ".1")
        self.daemon.send_signal(signal.SIGHUP)
        self.assertTrue(self.wait_until(lambda: os.path.exists(path)))
        self.sends(b"second")
        self.assertTrue(self.keeps(path, 1))
        self.assertEqual((self.payloads(path + ".1"), self.payloads(path)), ([b"first"], [b"second"]))
        os.truncate(path, 0)
        self.sends(b"lost: its section is gone")
        self.assertTrue(self.wait_until(lambda: self.nflog()["lost"] == 1))
        self.sends(b"third")
        self.assertTrue(self.keeps(path, 1))
        self.assertEqual(self.payloads(path), [b"third"])

    def test_a_full_disk_costs_packets_of_the_capture_and_nothing_else(self):
        disk = os.path.join(self.scratch, "disk")
        os.mkdir(disk)
        net.sh("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk)
        self.addCleanup(net.sh, "umount", "-l", disk)
        path = os.path.join(disk, "kept.pcapng")
        self.run_daemon(self.IN, "--nflog", path)
        self.sends(b"x" * 1400, 100)
        self.assertTrue(self.wait_until(lambda: self.nflog()["lost"] > 0 and
                                        sum(self.nflog().values()) == 100))
        kept = self.nflog()["kept"]
        self.assertEqual(len(frames(path)), kept)  # all of them whole
        os.remove(path)
        self.daemon.send_signal(signal.SIGHUP)
        self.assertTrue(self.wait_until(lambda: os.path.exists(path)))
        self.sends(b"there is room")
        self.assertTrue(self.keeps(path, 1))
        said = self.stop_daemon()
        self.assertIn(f"--nflog {path}: No space left on device; packets are lost\n", said)
        self.assertIn("packets are kept again\n", said)

    def nflog(self):
        return json.loads(self.ask("status", "--json"))["nflog"]

    def test_rules_that_keep_what_nobody_takes_are_told_of(self):
        self.run_daemon(self.IN)
        self.assertIn("no --nflog: what rules of NFLOG are to keep goes nowhere\n", self.stop_daemon())


if __name__ == "__main__":
    main()
