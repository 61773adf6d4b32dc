#!/usr/bin/env python3
"""What outlives a Sallyport: flows, questions, sets and counters, over a restart and a kill -9.

    live/state_test.py PATH/TO/sallyport [unittest's arguments]
"""
import json
import os
import shlex
import signal
import sys
import time

sys.path.insert(1, os.path.join(os.path.dirname(__file__), "..", "e2e"))
import net
from net import HOST, PEER, hears
from program import STATEFUL, main, rules

SSDP = ("239.255.255.250", 1900)
M_SEARCH = b'M-SEARCH * HTTP/1.1\r\nMAN: "ssdp:discover"\r\nMX: 5\r\nST: ssdp:all\r\n\r\n'


class Case(net.Case):
    def setUp(self):
        super().setUp()
        self.state = os.path.join(self.scratch, "state")

    def start(self, *arguments, rule_text=rules(STATEFUL)):
        self.run_daemon(rule_text, "--state", self.state, *arguments)

    def kept(self):
        """All that has happened until now is in the file."""
        since = time.monotonic()

        def written():
            asked = time.monotonic()
            return json.loads(self.ask("status", "--json"))["state"]["age"] < asked - since
        self.assertTrue(self.wait_until(written, 10))

    def kill(self):
        self.kept()
        self.daemon.kill()
        self.daemon.communicate()

    def end(self):
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.communicate(timeout=20)
        self.assertEqual(self.daemon.returncode, 0)


class Survives(Case):
    def check_flows(self, stop):
        self.start("--sysctl", "net.netfilter.nf_conntrack_acct=1")
        with self.peer.listen(PEER, 5000) as listener, self.host.tcp((PEER, 5000)) as client, \
                self.peer.udp(PEER, 9000) as server, self.host.udp() as asks:
            accepted, _ = listener.accept()
            self.addCleanup(accepted.close)
            self.assertTrue(self.echo(self.host, self.peer, PEER, port=9001))
            self.kept()
            self.ask("conntrack", "-D", "-p", "udp", "--dport", "9001")
            client.sendall(b"before")
            self.assertEqual(accepted.recv(6), b"before")
            asks.sendto(b"question", (PEER, 9000))
            _, sender = server.recvfrom(100)
            before = self.ask("conntrack", "-L", "-o", "extended")
            stop()
            self.start("--sysctl", "net.netfilter.nf_conntrack_acct=1")
            after = self.ask("conntrack", "-L", "-o", "extended")
            self.assertEqual([line.split()[5:] for line in sorted(before.splitlines())],
                             [line.split()[5:] for line in sorted(after.splitlines())])
            self.assertIn("ESTABLISHED", after)
            self.assertNotIn("dport=9001", after, "it has ended since it was written down")
            server.sendto(b"answer", sender)
            self.assertTrue(hears(asks))
            accepted.sendall(b"after")
            client.settimeout(5)
            self.assertEqual(client.recv(5), b"after")

    def test_flows_a_kill(self):
        self.check_flows(self.kill)

    def test_flows_a_restart(self):
        self.check_flows(self.end)

    def test_a_flow_that_is_over_is_not_taken_back(self):
        self.start("--sysctl", "net.netfilter.nf_conntrack_udp_timeout=1")
        self.assertTrue(self.echo(self.host, self.peer, PEER))
        with self.host.udp() as asks:
            asks.sendto(b"question", (PEER, 9001))
            self.kill()
            time.sleep(1.1)
            self.start()
            self.assertNotIn("dport=9001", self.ask("conntrack", "-L"))

    def test_a_question(self):
        self.start()
        self.host.sh("ip", "route", "add", "224.0.0.0/4", "dev", "eth0")
        with self.host.udp("", 0) as asks, self.peer.udp(PEER, 4711) as device:
            asks.sendto(M_SEARCH, SSDP)
            self.kill()
            self.start()
            device.sendto(b"answer", (HOST, asks.getsockname()[1]))
            self.assertTrue(hears(asks))

    def test_an_expected_connection(self):
        raw = "*raw\n:OUTPUT ACCEPT\n-A OUTPUT -p tcp --dport 21 -j CT --helper ftp\nCOMMIT\n"
        self.start(rule_text=raw + rules(STATEFUL))
        with self.peer.listen(PEER, 21) as listener, self.host.listen(HOST, 0) as data, \
                self.host.tcp((PEER, 21)) as client:
            accepted, _ = listener.accept()
            self.addCleanup(accepted.close)
            port = data.getsockname()[1]
            client.sendall(b"USER anonymous\r\n")  # the helper learns where lines begin
            accepted.recv(100)
            client.sendall(f"PORT 10,0,0,1,{port >> 8},{port & 255}\r\n".encode())
            accepted.recv(100)
            expected = self.ask("conntrack", "-L", "expect")
            self.assertIn(f"dport={port}", expected)
            self.kill()
            self.start(rule_text=raw + rules(STATEFUL))
            self.assertIn(f"dport={port}", self.ask("conntrack", "-L", "expect"))
            self.peer.tcp((HOST, port)).close()
            self.assertIn("helper=ftp", self.ask("conntrack", "-L"))

    def test_sets_and_their_time(self):
        sets = self.file("sets", "create a hash:ip timeout 100\nadd a 192.0.2.1\n")
        self.start("--sets", sets)
        typed = ("create gone hash:ip", "create b hash:net,port comment counters", "destroy gone",
                 "create c list:set", "create later hash:ip", "add c a", "add c b", "add c later",  # c is in gone's place
                 "add a 192.0.2.2 timeout 50", "del a 192.0.2.1", "add a 192.0.2.3 timeout 1", "create d hash:ip",
                 "create e hash:ip", "add d 192.0.2.4", "swap d e",
                 'add b 10.0.0.0/8,udp:53 packets 3 bytes 4 comment "of b"')
        for line in typed:
            self.ask("ipset", *shlex.split(line))
        self.kill()
        time.sleep(1.1)
        self.start("--sets", sets)
        saved = self.ask("ipset", "save")
        self.assertRegex(saved, r"add a 192.0.2.2 timeout (49|48|47)\n")
        self.assertNotIn("192.0.2.3", saved)
        for line in ('add b 10.0.0.0/8,udp:53 packets 3 bytes 4 comment "of b"', "add c a", "add c b", "add c later", "add e 192.0.2.4"):
            self.assertIn(line + "\n", saved)

    def test_what_it_keeps_can_be_looked_at_without_it(self):
        self.start("--sets", self.file("sets", "create a hash:ip timeout 100\nadd a 192.0.2.1\n"))
        self.assertTrue(self.echo(self.host, self.peer, PEER))
        self.kill()
        self.assertIn("dst=10.0.0.9", self.program("conntrack", "--state", self.state, "-L"))
        self.assertIn("add a 192.0.2.1 timeout ", self.program("ipset", "--state", self.state, "save"))
        self.assertIn("it can be read here, not changed", self.program("ipset", "--state", self.state, "flush", expect=2))
        self.start()
        self.assertIn("add a 192.0.2.1 timeout ", self.ask("ipset", "save"))

    def test_counters_of_rules_that_stay(self):
        counted, gone = "-A INPUT -p udp -m udp --dport 9000 -j DROP", "-A INPUT -p udp -m udp --dport 9001 -j DROP"
        self.start(rule_text=rules(STATEFUL, gone, counted))
        with self.peer.udp() as one:
            one.sendto(b"x", (HOST, 9000))
            one.sendto(b"x", (HOST, 9001))
        self.assertTrue(self.wait_until(lambda: "9001" in self.ask("drops")))
        self.kill()
        self.start(rule_text=rules(STATEFUL, counted, "-A INPUT -s 192.0.2.1/32 -j DROP"))
        saved = self.ask("iptables-save", "-c")
        self.assertIn(f"[1:29] {counted}", saved)
        self.assertIn("[0:0] -A INPUT -s 192.0.2.1/32 -j DROP", saved)

    def test_a_file_that_is_cut_short(self):
        self.start()
        self.assertTrue(self.echo(self.host, self.peer, PEER))
        self.kill()
        with open(self.state, "rb") as file:
            whole = file.read()
        for length in (0, 3, 20, 40, len(whole) // 2, len(whole) - 1):
            with open(self.state, "wb") as file:
                file.write(whole[:length])
            self.start()
            self.assertIn("flow entries", self.ask("conntrack", "-L"))
            self.kill_daemon()
        with open(self.state, "wb") as file:
            file.write(b"\x7fELF" + whole)
        self.start()
        self.assertIn("no state of Sallyport's; nothing is taken back", self.stop_daemon())

    def test_a_disk_that_is_full(self):
        full = os.path.join(self.scratch, "full")
        os.mkdir(full)
        net.sh("mount", "-t", "tmpfs", "-o", "size=4k", "none", full)
        self.addCleanup(net.sh, "umount", full)
        with open(os.path.join(full, "rest"), "wb") as file:
            file.write(bytes(4096))
        self.state = os.path.join(full, "state")
        self.start()
        self.assertTrue(self.wait_until(lambda: json.loads(self.ask("status", "--json"))["state"]["failures"] == 1))
        self.assertIn("No space left", json.loads(self.ask("status", "--json"))["state"]["error"])
        self.assertTrue(self.echo(self.host, self.peer, PEER))
        self.assertRegex(self.stop_daemon(), "not kept: .*No space left on device")


if __name__ == "__main__":
    main()
