#!/usr/bin/env python3
"""A running Sallyport, administered with the commands that people know.

    live/control_test.py PATH/TO/sallyport [unittest's arguments]
"""
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(1, os.path.join(os.path.dirname(__file__), "..", "e2e"))
import net
import program
from net import HOST, PEER, hears
from program import STATEFUL, main, rules

SSDP = ("239.255.255.250", 1900)
M_SEARCH = b'M-SEARCH * HTTP/1.1\r\nMAN: "ssdp:discover"\r\nMX: 2\r\nST: ssdp:all\r\n\r\n'


class Seeds(net.Case):
    """The commands of the two questions that it all began with."""

    def test_the_recipe_typed_word_by_word(self):
        self.host.sh("ip", "route", "add", "224.0.0.0/4", "dev", "eth0")
        self.run_daemon(rules(), "--compat", "linux")
        with self.host.udp("", 0, timeout=0.5) as asks, self.peer.udp(PEER, 1900) as device:
            def answered():
                asks.sendto(M_SEARCH, SSDP)
                time.sleep(0.1)
                device.sendto(b"answer", (HOST, asks.getsockname()[1]))
                return hears(asks)
            self.assertFalse(answered())
            self.ask("ipset", "create", "upnp", "hash:ip,port", "timeout", "3")
            self.ask("iptables", "-A", "OUTPUT", "-d", "239.255.255.250", "-p", "udp", "-m", "udp", "--dport",
                     "1900", "-j", "SET", "--add-set", "upnp", "src,src", "--exist")
            self.ask("iptables", "-A", "INPUT", "-p", "udp", "-m", "set", "--match-set", "upnp", "dst,dst",
                     "-j", "ACCEPT")
            self.assertTrue(answered())
            self.assertRegex(self.ask("ipset", "list", "upnp"),
                             rf"Number of entries: 1\nMembers:\n10.0.0.1,udp:{asks.getsockname()[1]} timeout [12]\n")

    def test_dns_by_states(self):
        self.run_daemon(rules(output="DROP"))
        ports = ["-p", "udp", "--sport", "1024:65535", "--dport", "53"]
        self.assertFalse(self.echo(self.host, self.peer, PEER, port=53))
        self.ask("iptables", "-A", "OUTPUT", *ports, "-m", "state", "--state", "NEW,ESTABLISHED", "-j", "ACCEPT")
        self.ask("iptables", "-A", "INPUT", "-p", "udp", "--sport", "53", "--dport", "1024:65535", "-m", "state",
                 "--state", "ESTABLISHED", "-j", "ACCEPT")
        self.assertTrue(self.echo(self.host, self.peer, PEER, port=53))
        self.assertIn("dport=53 src=10.0.0.9", self.ask("conntrack", "-L", "-p", "udp"))


class Iptables(net.Case):
    def setUp(self):
        super().setUp()
        self.run_daemon(rules("-A INPUT -i lo -j ACCEPT", STATEFUL))

    def test_rules_are_added_found_and_deleted(self):
        self.assertFalse(self.echo(self.peer, self.host, HOST))
        rule = ["INPUT", "-p", "udp", "--dport", "9000", "-m", "comment", "--comment", "let it in", "-j", "ACCEPT"]
        self.ask("iptables", "-C", *rule, expect=1)
        self.ask("iptables", "-I", *rule)
        self.ask("iptables", "-C", *rule)
        self.assertTrue(self.echo(self.peer, self.host, HOST))
        self.assertEqual(self.ask("iptables", "-S", "INPUT", "1"),
                         '-A INPUT -p udp -m udp --dport 9000 -m comment --comment "let it in" -j ACCEPT\n')
        self.ask("iptables", "-D", *rule)
        self.assertFalse(self.echo(self.peer, self.host, HOST, port=9000 + 1))
        self.assertEqual(self.ask("iptables", "-D", *rule, expect=1),
                         "iptables: Bad rule (does a matching rule exist in that chain?).\n")

    def test_chains(self):
        self.ask("iptables", "-N", "known")
        self.assertEqual(self.ask("iptables", "-N", "known", expect=1), "iptables: Chain already exists.\n")
        self.ask("iptables", "-A", "INPUT", "-s", "10.0.0.9,10.0.0.10", "-j", "known")
        self.assertEqual(self.ask("iptables", "-X", "known", expect=1), "iptables: Too many links.\n")
        self.ask("iptables", "-E", "known", "neighbours")
        self.ask("iptables", "-A", "neighbours", "-j", "ACCEPT")
        self.assertTrue(self.echo(self.peer, self.host, HOST))
        self.assertEqual(self.ask("iptables", "-S").splitlines(), [
            "-P INPUT DROP", "-P FORWARD DROP", "-P OUTPUT ACCEPT", "-N neighbours",
            "-A INPUT -i lo -j ACCEPT", STATEFUL, "-A INPUT -s 10.0.0.9/32 -j neighbours",
            "-A INPUT -s 10.0.0.10/32 -j neighbours", "-A neighbours -j ACCEPT"])
        self.ask("iptables", "-F", "INPUT")
        self.ask("iptables", "-F", "neighbours")
        self.ask("iptables", "-X")
        self.ask("iptables", "-P", "INPUT", "ACCEPT")
        self.assertEqual(self.ask("iptables", "-S").splitlines(),
                         ["-P INPUT ACCEPT", "-P FORWARD DROP", "-P OUTPUT ACCEPT"])

    def test_what_is_wrong_changes_nothing(self):
        before = self.ask("iptables-save")
        for words, code, said in (
                (["-A", "INPUT", "-p", "tcp", "--dpotr", "5"], 2, "unknown option '--dpotr'; did you mean --dport?"),
                (["-A", "nowhere", "-j", "ACCEPT"], 1, "No chain/target/match by that name."),
                (["-D", "INPUT", "9"], 1, "Index of deletion too big."),
                (["-I", "INPUT", "9", "-j", "DROP"], 1, "Index of insertion too big."),
                (["-t", "nowhere", "-L"], 3, "Table does not exist"),
                (["-P", "INPUT", "PERHAPS"], 1, "Bad policy name"),
                (["-A", "INPUT", "-F"], 2, "Cannot use"),
                ([], 2, "no command specified"),
                (["-N"], 2, 'option "-N" requires an argument')):
            self.assertIn(said, self.ask("iptables", *words, expect=code))
        self.assertEqual(self.ask("iptables-save"), before)

    def test_counters(self):
        self.ask("iptables", "-A", "INPUT", "-p", "udp", "--dport", "9000")
        with self.peer.udp() as one:
            for _ in range(3):
                one.sendto(b"x" * 72, (HOST, 9000))
        counted = "[3:300] -A INPUT -p udp -m udp --dport 9000\n"
        self.assertTrue(self.wait_until(lambda: counted in self.ask("iptables-save", "-c")))
        # Another rule's coming and going leaves them alone.
        self.ask("iptables", "-I", "INPUT", "-s", "192.0.2.1", "-j", "DROP")
        self.assertIn(counted, self.ask("iptables-save", "-c"))
        self.assertIn("-A INPUT -p udp -m udp --dport 9000 -c 3 300\n", self.ask("iptables", "-vS", "INPUT"))
        self.ask("iptables", "-Z", "INPUT")
        self.assertNotIn(counted, self.ask("iptables-save", "-c"))

    def test_a_restore_is_atomic(self):
        before = self.ask("iptables-save")
        said = self.ask("iptables-restore", expect=2, stdin=rules("-A INPUT -j ACCEPT", "-A INPUT --nonsense"))
        self.assertIn("standard input:6:10: error: unknown option '--nonsense'", said)
        self.assertEqual(self.ask("iptables-save"), before)
        self.ask("iptables-restore", stdin=rules("[7:8] -A INPUT -p udp -j ACCEPT"))
        self.assertIn("[0:0] -A INPUT -p udp -j ACCEPT", self.ask("iptables-save", "-c"))
        self.ask("iptables-restore", "-c", self.file("saved", rules("[7:8] -A INPUT -p udp -j ACCEPT")))
        self.assertIn("[7:8] -A INPUT -p udp -j ACCEPT", self.ask("iptables-save", "-c"))
        self.ask("iptables-restore", "-n", stdin="*filter\n-A INPUT -p tcp -j ACCEPT\nCOMMIT\n")
        self.assertIn("-A INPUT -p udp -j ACCEPT\n-A INPUT -p tcp -j ACCEPT\n", self.ask("iptables-save"))
        # A table that the text does not name stays.
        self.ask("iptables-restore", stdin="*mangle\n-A OUTPUT -j MARK --set-mark 1\nCOMMIT\n")
        self.assertIn("-A INPUT -p tcp -j ACCEPT", self.ask("iptables-save"))
        self.assertNotIn("filter", self.ask("iptables-save", "-t", "mangle"))
        # Nor does one that is not asked for, whether it is there or not.
        self.ask("iptables-restore", "-T", "mangle", stdin="*mangle\nCOMMIT\n*nat\nCOMMIT\n" + rules())
        self.assertNotIn("MARK", self.ask("iptables-save"))
        self.assertNotIn("*nat", self.ask("iptables-save"))
        self.assertIn("-A INPUT -p tcp -j ACCEPT", self.ask("iptables-save"))

    def test_flows_outlive_a_change_of_rules(self):
        with self.peer.udp(PEER, 9000) as server, self.host.udp() as client:
            client.sendto(b"question", (PEER, 9000))
            _, sender = server.recvfrom(100)
            self.ask("iptables-restore", stdin=rules(STATEFUL, "-A INPUT -j DROP"))
            server.sendto(b"answer", sender)
            self.assertTrue(hears(client))


class Ipset(net.Case):
    def test_sets(self):
        self.run_daemon(rules())
        self.ask("ipset", "create", "nets", "hash:net", "comment")
        self.ask("ipset", "add", "nets", "10.0.0.0/24", "comment", "our own")
        self.assertIn("already added", self.ask("ipset", "add", "nets", "10.0.0.0/24", expect=1))
        self.ask("ipset", "add", "nets", "10.0.0.0/24", "comment", "our own", "-exist")
        self.assertEqual(self.ask("ipset", "test", "nets", "10.0.0.9"), "Warning: 10.0.0.9 is in set nets.\n")
        self.assertEqual(self.ask("ipset", "test", "nets", "10.0.1.9", expect=1), "10.0.1.9 is NOT in set nets.\n")
        self.assertEqual(self.ask("ipset", "save"),
                         "create nets hash:net family inet hashsize 1024 maxelem 65536 comment bucketsize 12\n"
                         'add nets 10.0.0.0/24 comment "our own"\n')
        self.assertFalse(self.echo(self.peer, self.host, HOST))
        self.ask("iptables", "-A", "INPUT", "-m", "set", "--match-set", "nets", "src", "-j", "ACCEPT")
        self.assertTrue(self.echo(self.peer, self.host, HOST))
        self.assertIn("in use by a kernel component", self.ask("ipset", "destroy", "nets", expect=1))
        self.ask("ipset", "create", "other", "hash:net", "comment")
        self.ask("ipset", "swap", "nets", "other")
        self.assertFalse(self.echo(self.peer, self.host, HOST, port=9001))
        self.ask("ipset", "restore", stdin="add nets 10.0.0.9\nadd nets 10.0.0.10\n")
        self.assertTrue(self.echo(self.peer, self.host, HOST))
        self.ask("ipset", "flush", "nets")
        self.ask("ipset", "destroy", "other")
        self.assertEqual(self.ask("ipset", "list", "-n"), "nets\n")
        self.assertIn("does not exist", self.ask("ipset", "list", "other", expect=1))
        self.assertIn("standard input:2:5: error: there is no set named 'none'",
                      self.ask("ipset", "restore", expect=1, stdin="add nets 1.2.3.4\nadd none 1.2.3.4\n"))
        self.assertEqual(self.ask("ipset", "test", "nets", "1.2.3.4", "-q", expect=1), "")


class Conntrack(net.Case):
    def setUp(self):
        super().setUp()
        self.run_daemon(rules(STATEFUL))

    def test_flows_are_listed_changed_and_ended(self):
        with self.peer.udp(PEER, 9000) as server, self.host.udp(HOST, 9999) as client:
            client.sendto(b"question", (PEER, 9000))
            server.recvfrom(100)
            line = (r"udp      17 \d+ src=10.0.0.1 dst=10.0.0.9 sport=9999 dport=9000 \[UNREPLIED\] "
                    r"src=10.0.0.9 dst=10.0.0.1 sport=9000 dport=9999 mark=0 use=1\n")
            self.assertRegex(self.ask("conntrack", "-L", "-p", "udp", "--dport", "9000"), f"^{line}conntrack v1.4.7 "
                             r"\(conntrack-tools\): 1 flow entries have been shown.\n$")
            self.assertRegex(self.ask("conntrack", "-L", "-o", "extended", "-s", HOST), r"(?m)^ipv4     2 udp")
            self.ask("conntrack", "-U", "-p", "udp", "--dport", "9000", "-m", "7", "-t", "500")
            self.assertRegex(self.ask("conntrack", "-L", "-m", "7"), r"udp      17 (500|499) .* mark=7 ")
            server.sendto(b"answer", (HOST, 9999))
            self.assertTrue(hears(client))
            self.ask("conntrack", "-D", "-p", "udp", "--dport", "9000")
            server.sendto(b"answer", (HOST, 9999))
            client.settimeout(0.3)
            self.assertFalse(hears(client))
            self.assertIn("0 flow entries have been deleted", self.ask("conntrack", "-D", "--dport", "9000", expect=1))

    def test_a_flow_of_ones_own_making(self):
        flow = ["-p", "udp", "-s", HOST, "-d", PEER, "--sport", "9999", "--dport", "9000", "-t", "60"]
        self.ask("conntrack", "-I", *flow)
        self.assertIn("try -U to update", self.ask("conntrack", "-I", *flow, expect=1))
        with self.peer.udp(PEER, 9000) as server, self.host.udp(HOST, 9999) as client:
            server.sendto(b"answer", (HOST, 9999))
            self.assertTrue(hears(client))
        self.ask("conntrack", "-F")
        self.assertEqual(self.ask("conntrack", "-C"), "0\n")

    def test_a_long_table_is_told_in_pieces(self):
        flows = "".join(f"ipv4     2 udp      17 600 src=10.1.{i >> 8}.{i & 255} dst=10.2.0.1 sport=1 dport=2 [UNREPLIED] "
                        f"src=10.2.0.1 dst=10.1.{i >> 8}.{i & 255} sport=2 dport=1 mark=0 use=1\n" for i in range(20000))
        self.stop_daemon()
        self.run_daemon(rules(STATEFUL), "--conntrack", self.file("flows", flows))
        listed = self.ask("conntrack", "-L", "-o", "extended").splitlines()
        self.assertEqual(len(listed), 20001)
        self.assertEqual(len(set(listed)), 20001)

    def test_events_are_told_as_they_happen(self):
        watch = self.host.start(program.PROGRAM, "conntrack", "-E", "-p", "udp", "--control", self.socket,
                                stdout=subprocess.PIPE)
        self.addCleanup(watch.stdout.close)
        self.addCleanup(watch.wait)
        self.addCleanup(watch.kill)
        time.sleep(0.3)
        self.assertTrue(self.echo(self.host, self.peer, PEER))
        self.assertRegex(watch.stdout.readline(), r"^    \[NEW\] udp      17 30 src=10.0.0.1 .* \[UNREPLIED\]")
        self.assertRegex(watch.stdout.readline(), r"^ \[UPDATE\] udp      17 30 src=10.0.0.1 ")
        self.ask("conntrack", "-D", "-p", "udp")
        self.assertRegex(watch.stdout.readline(), r"^\[DESTROY\] udp      17 ")

    def test_knobs(self):
        name = "net.netfilter.nf_conntrack_udp_timeout"
        self.assertEqual(self.ask("sysctl", name), f"{name} = 30\n")
        self.assertEqual(self.ask("sysctl", "-w", f"{name}=60"), f"{name} = 60\n")
        self.echo(self.host, self.peer, PEER)
        self.assertRegex(self.ask("conntrack", "-L"), r"udp      17 (60|59) ")
        self.assertIn("cannot stat", self.ask("sysctl", "net.ipv4.ip_forward", expect=1))
        self.assertIn(f"{name} = 60\n", self.ask("sysctl", "-a"))


class Daemon(net.Case):
    def test_status_and_drops(self):
        self.run_daemon(rules(STATEFUL, "-A INPUT -p udp -m udp --dport 9000 -j DROP"))
        with self.peer.udp(PEER, 7777) as one:
            one.sendto(b"x", (HOST, 9000))
            one.sendto(b"x", (HOST, 9001))
        self.assertTrue(self.wait_until(lambda: "9001" in self.ask("drops")))
        drops = self.ask("drops")
        self.assertRegex(drops, r"(?m)^\d+ \d\d:\d\d:\d\d\.\d{6} udp 10.0.0.9:7777 > 10.0.0.1:9000 in eth0 length 29 NEW: "
                                r"filter/INPUT:2: -A INPUT -p udp -m udp --dport 9000 -j DROP$")
        self.assertRegex(drops, r"(?m)udp 10.0.0.9:7777 > 10.0.0.1:9001 in eth0 length 29 NEW: filter/INPUT:policy$")
        status = json.loads(self.ask("status", "--json"))
        self.assertEqual([status[key] for key in ("rules", "fail", "attached_by", "trial")],
                         [2, "closed", "iptables", False])
        self.assertGreaterEqual(status["dropped"], 2)
        self.assertEqual(status["packets"], status["accepted"] + status["dropped"])
        self.assertEqual([queue["dropped_full"] for queue in status["queues"]], [0, 0, 0])
        self.assertIn("rules    2 for IPv4", self.ask("status"))

    def test_drops_tell_what_nearly_let_them_in(self):
        self.run_daemon(rules(STATEFUL), "--sysctl", "net.netfilter.nf_conntrack_udp_timeout=1")
        with self.peer.udp(PEER, 9000) as server, self.peer.udp(PEER, 9001) as other, self.host.udp() as client:
            client.sendto(b"question", (PEER, 9000))
            _, sender = server.recvfrom(100)
            other.sendto(b"x", sender)
            self.assertTrue(self.wait_until(lambda: ":9001 > " in self.ask("drops")))
            flow = f"udp 10.0.0.1:{sender[1]} > 10.0.0.9:9000"
            self.assertRegex(self.ask("drops"), rf":9001 > .*\n    a flow {flow} exists; this comes from port 9001 of "
                                                "that host\n")
            self.assertTrue(self.wait_until(lambda: "0 flow entries" in self.ask("conntrack", "-L")))
            server.sendto(b"answer", sender)
            self.assertTrue(self.wait_until(lambda: ":9000 > " in self.ask("drops")))
            self.assertRegex(self.ask("drops"), rf"    the flow {flow} expired .* ago, 1 s after its last packet; "
                                                r"nf_conntrack_udp_timeout of \d+ would have kept it\n")
            self.assertRegex(self.ask("drops"), rf":9001 > .*\n    a flow {flow} exists;", "it was there then")
        told = [json.loads(line) for line in self.ask("drops", "--json").splitlines()]
        late = [one for one in told if one.get("sport") == 9000]
        self.assertEqual(late[0]["near_misses"][0]["knob"], "net.netfilter.nf_conntrack_udp_timeout")

    def test_a_question_that_was_dropped_is_told_of_its_answer(self):
        self.run_daemon(rules(STATEFUL, "-A OUTPUT -p udp -m udp --dport 9000 -j DROP"))
        with self.peer.udp(PEER, 9000) as server, self.host.udp(HOST, 4000) as client:
            with contextlib.suppress(PermissionError):
                client.sendto(b"question", (PEER, 9000))
            server.sendto(b"answer", (HOST, 4000))
        self.assertTrue(self.wait_until(lambda: ":9000 > " in self.ask("drops")))
        self.assertRegex(self.ask("drops"), r"    packet \d+, .* before, would have made the flow, but "
                                            r"filter/OUTPUT:1 dropped it\n")

    def test_a_reload_keeps_flows_counters_and_limits(self):
        counted = "-A INPUT -p udp -m udp --dport 9000 -j DROP"
        limited = "-A INPUT -p udp -m udp --dport 9002 -m limit --limit 1/hour --limit-burst 1 -j ACCEPT"
        self.run_daemon(rules(STATEFUL, counted, limited))
        with self.peer.udp(PEER, 9000) as server, self.host.udp() as client:
            client.sendto(b"question", (PEER, 9000))
            _, sender = server.recvfrom(100)
            server.sendto(b"x", (HOST, 9000))
            with self.host.udp(HOST, 9002) as one:
                server.sendto(b"answer", (HOST, 9002))
                self.assertTrue(hears(one))
            self.file("rules", rules(STATEFUL, limited, "-A INPUT -s 192.0.2.1/32 -j DROP", counted))
            self.ask("reload")
            self.assertIn(f"[1:29] {counted}", self.ask("iptables-save", "-c"))
            server.sendto(b"answer", sender)
            self.assertTrue(hears(client))
            with self.host.udp(HOST, 9002, timeout=0.3) as one:
                server.sendto(b"answer", (HOST, 9002))
                self.assertFalse(hears(one))

    def test_a_broken_file_changes_nothing(self):
        sets = self.file("sets", "create a hash:ip timeout 100\nadd a 10.0.0.9\n")
        self.run_daemon(rules(STATEFUL), "--sets", sets)
        before = self.ask("iptables-save")
        self.file("rules", rules("-A INPUT -j ACEPT"))
        self.file("sets", "create a hash:ip timeout 100\ncreate b hash:ip\n")
        self.assertIn("rules:5:13: error:", self.ask("reload", expect=1))
        self.assertEqual(self.ask("iptables-save"), before)
        self.assertEqual(self.ask("ipset", "list", "-n"), "a\n")
        self.file("rules", rules("-A INPUT -m set --match-set b src -j ACCEPT"))
        self.ask("reload")
        self.assertRegex(self.ask("ipset", "save"), "add a 10.0.0.9 timeout (100|9[0-9])\n")

    def flows(self):
        return self.ask("conntrack", "-L")

    def test_a_preview_names_flows_that_would_be_judged_otherwise(self):
        ssh = "-A INPUT -p tcp -m tcp --dport {} -m conntrack --ctstate NEW -j ACCEPT"
        self.run_daemon(rules(STATEFUL, ssh.format(22), ssh.format(80)))
        with self.host.listen(HOST, 22) as one, self.host.listen(HOST, 80) as other, \
                self.peer.tcp((HOST, 22)) as ssh_flow, self.peer.tcp((HOST, 80)) as http_flow:
            kept, _ = one.accept()
            lost, _ = other.accept()
            self.addCleanup(kept.close)
            self.addCleanup(lost.close)
            self.assertEqual(self.ask("reload", "--preview"), "0 live flows would be judged otherwise\n")
            self.file("rules", rules(STATEFUL, ssh.format(22)))
            self.assertEqual(self.ask("reload", "--preview"),
                             f"tcp 10.0.0.9:{http_flow.getsockname()[1]} > 10.0.0.1:80: its first packet (NEW) is accepted by "
                             "filter/INPUT:3, and would be dropped by filter/INPUT:policy\n"
                             "1 live flow would be judged otherwise\n")
            self.assertIn("--dport 80", self.ask("iptables-save"), "a preview changes nothing")
            self.file("rules", rules(ssh.format(22)))
            self.assertIn(f"{http_flow.getsockname()[1]} > 10.0.0.1:80", self.ask("reload", "--preview"))
            self.assertIn(": its next packet is accepted by filter/INPUT:1, and would be dropped by filter/INPUT:policy",
                          self.ask("reload", "--preview"), "ssh's, too: nothing lets ESTABLISHED in")
            self.file("rules", rules(STATEFUL, ssh.format(22)))
            self.assertEqual(self.ask("reload", "--revalidate"),
                             f"tcp 10.0.0.9:{http_flow.getsockname()[1]} > 10.0.0.1:80: ended, its first packet (NEW) is "
                             "dropped by filter/INPUT:policy now\nreloaded, and ended 1 flow\n")
            self.assertNotIn("dport=80 ", self.flows())
            ssh_flow.sendall(b"x")
            self.assertEqual(kept.recv(1), b"x")

    def test_a_preview_asks_the_sets_of_then(self):
        sets = self.file("sets", "create good hash:ip\nadd good 10.0.0.9\n")
        accept = "-A INPUT -p udp -m set --match-set good src -j ACCEPT"
        self.run_daemon(rules(STATEFUL, accept, "-A OUTPUT -o lo -j DROP"), "--sets", sets)
        self.assertTrue(self.echo(self.peer, self.host, HOST))
        self.file("rules", rules(STATEFUL, accept.replace("good", "new")))
        self.file("sets", "create good hash:ip\ncreate new hash:ip\n")
        self.assertIn("9000: its first packet (NEW) is accepted by filter/INPUT:2, and would be dropped by "
                      "filter/INPUT:policy\n", self.ask("reload", "--preview"))
        self.assertEqual(self.ask("ipset", "list", "-n"), "good\n")
        self.file("sets", "create good hash:ip\ncreate new hash:ip\nadd new 10.0.0.9\n")
        self.assertEqual(self.ask("reload", "--preview"), "0 live flows would be judged otherwise\n")

    def test_a_reload_takes_descriptors(self):
        text = "protocol own\nquestion to 239.1.2.3 port {}\nanswer from any port\nanswer within 5 s\n"
        self.run_daemon(rules(STATEFUL), "--discovery", self.file("own", text.format(9998)))
        self.host.sh("ip", "route", "add", "239.0.0.0/8", "dev", "eth0")

        def answered():
            with self.host.udp("", 0, timeout=0.3) as one, self.peer.udp(PEER, 9000) as device:
                one.sendto(b"who?", ("239.1.2.3", 9999))
                device.sendto(b"answer", (HOST, one.getsockname()[1]))
                return hears(one)
        self.assertFalse(answered())
        self.file("own", text.format("x"))
        self.assertIn("own:2:", self.ask("reload", expect=1))
        self.assertFalse(answered())
        self.file("own", text.format(9999))
        self.ask("reload")
        self.assertTrue(answered())

    def test_a_trial_that_is_confirmed_stays(self):
        self.run_daemon(rules(), "--for", "2s")
        self.assertIn("on trial", self.ask("status"))
        self.assertEqual(self.ask("confirm"), "it stays\n")
        self.assertIn("no trial", self.ask("confirm", expect=1))
        time.sleep(2.5)
        self.assertIsNone(self.daemon.poll())
        self.assertNotEqual(self.queueing_rules(), [])

    def test_log(self):
        log = os.path.join(self.scratch, "log")
        self.run_daemon(rules(STATEFUL, '-A INPUT -p udp -m udp --dport 9000 -j LOG --log-prefix "in: " --log-level 6'),
                        "--log", log)
        with self.peer.udp(PEER, 7777) as one:
            one.sendto(b"x", (HOST, 9000))
            one.sendto(b"x", (HOST, 9001))

            def read(path):
                with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8") as file:
                    return file.read()
            self.assertTrue(self.wait_until(lambda: "DPT=9000" in read(log)))
            self.assertRegex(read(log), r"\A\w{3} [ \d]\d \d\d:\d\d:\d\d sallyport: in: IN=eth0 OUT= MAC= SRC=10.0.0.9 "
                             r"DST=10.0.0.1 LEN=29 TOS=0x00 PREC=0x00 TTL=64 ID=\d+ DF PROTO=UDP SPT=7777 DPT=9000 LEN=9 \n\Z")
            os.rename(log, log + ".1")
            self.daemon.send_signal(signal.SIGHUP)
            self.assertTrue(self.wait_until(lambda: read(log) is not None))
            one.sendto(b"x", (HOST, 9000))
            self.assertTrue(self.wait_until(lambda: "DPT=9000" in read(log)))

    def test_log_to_standard_error(self):
        self.run_daemon(rules('-A INPUT -p udp -j LOG --log-level 6'))
        with self.peer.udp(PEER, 7777) as one:
            one.sendto(b"x", (HOST, 9000))
        self.assertTrue(self.wait_until(lambda: ":9000 " in self.ask("drops")))
        self.assertIn("\nIN=eth0 OUT= MAC= SRC=10.0.0.9 ", self.stop_daemon())

    def fetch(self, method="GET", path="/metrics"):
        with self.host.tcp(("127.0.0.1", 9123)) as one:
            one.sendall(f"{method} {path} HTTP/1.0\r\n\r\n".encode())
            return one.makefile("r").read()

    def test_metrics(self):
        sets = self.file("sets", "create good hash:ip\nadd good 10.0.0.9\n")
        self.run_daemon(rules(STATEFUL, "-A INPUT -i lo -j ACCEPT"), "--sets", sets, "--metrics", "127.0.0.1:9123")
        self.host.sh("ip", "route", "add", "224.0.0.0/4", "dev", "eth0")
        self.assertTrue(self.echo(self.host, self.peer, PEER))
        with self.host.udp("", 0) as asks, self.peer.udp(PEER, 4711) as device, self.peer.udp(PEER, 7777) as one:
            asks.sendto(M_SEARCH, SSDP)
            self.assertTrue(self.wait_until(lambda: "dport=1900" in self.flows()), "it has gone out")
            device.sendto(b"answer", (HOST, asks.getsockname()[1]))
            self.assertTrue(hears(asks))
            one.sendto(b"x", (HOST, 9001))
        self.assertTrue(self.wait_until(lambda: 'state="REPLIED"} 1' in self.fetch()))
        told = self.fetch()
        self.assertIn(" 200 OK\n", told)
        for line in ('sallyport_discovery_answers_total{protocol="ssdp"} 1', 'sallyport_set_elements{set="good"} 1',
                     'sallyport_drops_total{reason="policy"} 1', 'sallyport_queue_waiting{queue="7200"} 0'):
            self.assertIn(line + "\n", told)
        counts = dict(re.findall(r"^(sallyport_\S+) (\S+)$", told, re.M))
        judged = int(counts['sallyport_packets_total{verdict="accept"}']) + \
            int(counts['sallyport_packets_total{verdict="drop"}'])
        self.assertGreaterEqual(judged, 6)
        buckets = [int(value) for name, value in counts.items() if "_bucket" in name]
        self.assertEqual(buckets, sorted(buckets))
        self.assertEqual(buckets[-1], int(counts["sallyport_processing_seconds_count"]))
        for line in told.splitlines():
            if line.startswith("sallyport_"):
                self.assertIn(f"# TYPE {re.match('sallyport_[a-z_]*?(?=_bucket|_sum|_count|[{ ])', line)[0]} ", told)
        self.assertIn("404", self.fetch(path="/"))
        self.assertIn("405", self.fetch(method="DELETE"))

    def test_metrics_somewhere_impossible(self):
        for address in ("127.0.0.1", "localhost:9", "127.0.0.1:0", "[::1:9", "127.0.0.1:99999"):
            self.assertIn("write ADDRESS:PORT", self.program("run", "--rules", self.file("r", rules()), "--control", "sock",
                                                             "--metrics", address, expect=2))
        self.assertIn("nobody can listen there", self.program("run", "--rules", "r", "--control", "sock", "--metrics",
                                                              "192.0.2.1:9123", expect=2))

    def test_top(self):
        self.run_daemon(rules(STATEFUL, "-A INPUT -p udp -m udp --dport 9000 -j DROP"), "--sysctl",
                        "net.netfilter.nf_conntrack_acct=1")
        top = self.host.start(program.PROGRAM, "top", "-d", "1", "-n", "1", "--control", self.socket, stdout=subprocess.PIPE)
        self.assertTrue(self.echo(self.host, self.peer, PEER, port=9005))
        with self.peer.udp(PEER, 7777) as one:
            end = time.monotonic() + 1.5
            while time.monotonic() < end:  # it looks twice: some of them come in between
                one.sendto(b"x", (HOST, 9000))
                time.sleep(0.02)
        told = top.communicate(timeout=20)[0]
        self.assertRegex(told, r"(?m)^packets  \d+\.\d/s: \d+\.\d/s accepted, [1-9]\d*\.\d/s dropped$")
        self.assertRegex(told, r"(?m)^ +[1-9]\d*\.\d  filter -A INPUT -p udp -m udp --dport 9000 -j DROP$")
        self.assertRegex(told, r"(?m)^ +[1-9]\d*\.\d  rule$")
        self.assertIn("No such file", self.program("top", "--control", "nobody", expect=2))

    def test_rules_are_tried(self):
        self.run_daemon(rules(STATEFUL))
        accept = "-A INPUT -p udp -m udp --dport 9000 -j ACCEPT"
        other = self.file("other", rules(STATEFUL, accept))
        self.assertIn("rules:5:13: error:", self.ask("try", self.file("bad", rules("-A INPUT -j ACEPT")), expect=1))
        self.assertIn("write a time", self.ask("try", other, "--for", "x", expect=2))
        self.assertFalse(self.echo(self.peer, self.host, HOST))
        self.assertEqual(self.ask("try", other, "--for", "2s"), "on trial for 2 s: sallyport confirm keeps them\n")
        self.assertTrue(self.echo(self.peer, self.host, HOST))
        self.assertIn("confirm them, or wait", self.ask("try", other, expect=1))
        self.assertIn("rules on trial for", self.ask("status"))
        self.assertTrue(self.wait_until(lambda: accept not in self.ask("iptables-save")))
        self.assertFalse(self.echo(self.peer, self.host, HOST))
        self.ask("try", other, "--for", "1s")
        self.assertIn("the rules stay", self.ask("confirm"))
        self.assertIn("no trial", self.ask("confirm", expect=1))
        time.sleep(1.3)
        self.assertTrue(self.echo(self.peer, self.host, HOST))
        self.assertIn("those before them are back", self.stop_daemon())

    def test_links(self):
        self.run_daemon(rules())
        self.program("link", self.scratch)
        done = subprocess.run([os.path.join(self.scratch, "iptables"), "--control", self.socket, "-S", "INPUT"],
                              capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout, "-P INPUT DROP\n")

    def test_nobody_there(self):
        self.assertIn("is `sallyport run` there?", self.ask("iptables", "-S", expect=2))

    def connect(self):
        one = socket.socket(socket.AF_UNIX)
        one.connect(self.socket)
        one.settimeout(2)
        return one

    def test_anything_on_the_socket(self):
        self.run_daemon(rules())
        for bytes_sent in (b"\n", b"{}\n", b"[]\n", b'{"run": []}\n', b'{"run": [1]}\n', b'{"run": "status"}\n',
                           b'{"run": ["status"], "input": 1}\n', b"\xff\xfe\n", b"{" * 100000 + b"\n"):
            with self.connect() as one:
                one.sendall(bytes_sent)
                self.assertIn(b'{"exit":2}', one.makefile("rb").read())
        with self.connect() as one:
            one.sendall(b'{"run": ["status", "--json"]}\n{"run": ["nothing"]}\n')
            lines = one.makefile()
            self.assertEqual(json.loads(json.loads(lines.readline())["out"])["rules"], 0)
            self.assertEqual(json.loads(lines.readline()), {"exit": 0})
            self.assertIn("no such command", lines.readline())
        # One that says no more is answered all the same.
        with self.connect() as one:
            one.sendall(b'{"run": ["sysctl", "-N", "-a"]}\n' * 10)
            one.shutdown(socket.SHUT_WR)
            self.assertEqual(one.makefile().read().count('{"exit":0}'), 10)
        # Much is answered in order.
        with self.connect() as one:
            one.sendall(b'{"run": ["status", "--json"]}\n' * 500 + b'{"run": ["nothing"]}\n')
            lines = one.makefile()
            for _ in range(500):
                self.assertIn("uptime", lines.readline())
                self.assertEqual(lines.readline(), '{"exit":0}\n')
            self.assertIn("no such command", lines.readline())
        # One that never ends its line is let go.
        with self.connect() as one, self.assertRaises(OSError):
            for _ in range(1100):
                one.sendall(b"x" * 65536)
        # What is long comes whole.
        self.ask("ipset", "create", "many", "hash:ip", "maxelem", "700000", "comment")
        self.ask("ipset", "restore", stdin=f'add many 10.0.0.0/16 comment "{"x" * 255}"\n')
        self.assertEqual(len(self.ask("ipset", "save", "many").splitlines()), 65537)
        # One that does not read is not waited for, and what it asks for is not piled up.
        idle = [self.connect() for _ in range(3)]
        for one in idle:
            one.setblocking(False)
            try:
                for _ in range(1000):
                    one.sendall(b'{"run": ["sysctl", "-a"]}\n' * 2000)
            except BlockingIOError:
                pass
        self.assertIn("rules", self.ask("status"))
        with open(f"/proc/{self.daemon.pid}/status", encoding="utf-8") as status:
            self.assertLess(int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]), 1500000)  # unbounded, it would be ten times that
        for one in idle:
            one.close()

    def test_who_may(self):
        self.run_daemon(rules())
        os.chmod(self.scratch, 0o755)
        done = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", program.PROGRAM, "status",
                               "--control", self.socket], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("Permission denied", done.stderr)


if __name__ == "__main__":
    main()
