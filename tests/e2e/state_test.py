#!/usr/bin/env python3
"""ipset, conntrack and netstat-nat on files, without a daemon.

    e2e/state_test.py PATH/TO/sallyport [unittest's arguments]
"""
import os
import subprocess
import sys

import program
from program import NO, OK, USAGE, main

SAYS = "conntrack v1.4.7 (conntrack-tools): "
FLOWS = """ipv4     2 tcp      6 431999 ESTABLISHED src=192.168.1.5 dst=10.0.0.9 sport=40000 dport=443 src=10.0.0.9 dst=10.0.0.1 sport=443 dport=40000 [ASSURED] mark=7 use=1
ipv4     2 udp      17 29 src=192.168.1.5 dst=8.8.8.8 sport=5000 dport=53 [UNREPLIED] src=8.8.8.8 dst=192.168.1.5 sport=53 dport=5000 mark=0 zone=3 use=1
ipv6     10 udp      17 29 src=fd00::5 dst=fd00::9 sport=5000 dport=53 src=fd00::9 dst=fd00::5 sport=53 dport=5000 mark=0 use=1
"""


class Case(program.Case):
    def ask(self, name, *words, expect=OK, stdin=""):
        result = self.run_program(name, "--state", "state", *words, expect=expect, stdin=stdin.encode())
        return result.out + result.err

    def state(self):
        with open(os.path.join(self.scratch, "state"), encoding="utf-8") as file:
            return file.read()

    def inode(self):
        return os.stat(os.path.join(self.scratch, "state")).st_ino

    def only_the_state(self):
        self.assertEqual(os.listdir(self.scratch), ["state"])


class Ipset(Case):
    def test_a_file_grows_and_shrinks(self):
        self.ask("ipset", "create", "upnp", "hash:ip,port", "timeout", "300")
        self.ask("ipset", "add", "upnp", "10.0.0.1,udp:1900", "timeout", "7")
        self.assertIn("add upnp 10.0.0.1,udp:1900 timeout 7\n", self.state())
        self.assertIn("is in set upnp", self.ask("ipset", "test", "upnp", "10.0.0.1,udp:1900"))
        self.ask("ipset", "test", "upnp", "10.0.0.2,udp:1900", expect=NO)
        self.assertEqual(self.ask("ipset", "save"), self.state())
        self.ask("ipset", "restore", "-!", stdin="add upnp 10.0.0.2,udp:1900\n")
        self.assertIn("Number of entries: 2\n", self.ask("ipset", "list", "upnp"))
        self.ask("ipset", "destroy")
        self.assertEqual(self.state(), "")
        self.only_the_state()

    def test_what_changes_nothing_writes_nothing(self):
        self.assertEqual(self.ask("ipset", "list"), "")
        self.assertEqual(os.listdir(self.scratch), [])
        self.file("state", "# by hand\ncreate a hash:ip\nadd a 10.0.0.1\n")
        before, inode = self.state(), self.inode()
        self.ask("ipset", "list")
        self.assertIn("it's already added", self.ask("ipset", "add", "a", "10.0.0.1", expect=NO))
        self.ask("ipset", "add", "a", "10.0.0.1", "-exist")
        self.ask("ipset", "restore", stdin="add a 10.0.0.7\nadd b 10.0.0.7\n", expect=NO)
        self.assertEqual((self.state(), self.inode()), (before, inode))
        self.ask("ipset", "add", "a", "10.0.0.2")
        self.assertNotEqual(self.inode(), inode)

    def test_it_keeps_its_mode_and_its_link(self):
        self.file("state", "create a hash:ip\n")
        path = os.path.join(self.scratch, "state")
        os.chmod(path, 0o640)
        os.symlink("state", os.path.join(self.scratch, "link"))
        self.run_program("ipset", "--state=link", "add", "a", "10.0.0.1")
        self.assertIn("add a 10.0.0.1", self.state())
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o640)
        self.assertTrue(os.path.islink(os.path.join(self.scratch, "link")))

    def test_many_at_once(self):
        self.ask("ipset", "create", "a", "hash:ip")
        running = [subprocess.Popen([program.PROGRAM, "ipset", "--state", "state", "add", "a", f"10.0.0.{i}"],
                                    cwd=self.scratch) for i in range(1, 21)]
        self.assertEqual([one.wait(60) for one in running], [OK] * 20)
        self.assertEqual(self.state().count("add a "), 20)

    def test_files_that_are_none(self):
        self.file("state", "create a hash:ip\nadd a nonsense\n")
        self.assertIn("state:2:7: error:", self.ask("ipset", "list", expect=USAGE))
        self.run_program("ipset", "--state", "nowhere/state", "list", expect=USAGE)
        self.assertIn("Is a directory", self.run_program("ipset", "--state", ".", "list", expect=USAGE).err)
        self.assertIn("--state is for ipset",
                      self.run_program("iptables", "--state", "state", "-L", expect=USAGE).err)


class Conntrack(Case):
    def test_lines_stay_as_they_are(self):
        self.file("state", FLOWS)
        inode = self.inode()
        listed = self.ask("conntrack", "-L", "-o", "extended")
        self.assertEqual(sorted(listed.splitlines()),  # in no order, as Linux lists them
                         sorted((FLOWS + SAYS + "3 flow entries have been shown.\n").splitlines()))
        self.assertEqual(self.ask("conntrack", "-C"), "3\n")
        self.assertEqual(self.inode(), inode)
        self.ask("conntrack", "-U", "-p", "udp", "-f", "ipv6", "-m", "9", "-t", "77")
        self.assertEqual(self.state(), FLOWS.replace("17 29 src=fd00", "17 77 src=fd00").replace("mark=0 use", "mark=9 use"))

    def test_flows_come_and_go(self):
        flow = ["-p", "tcp", "-s", "10.0.0.1", "-d", "10.0.0.9", "--sport", "1000", "--dport", "22"]
        self.assertEqual(self.ask("conntrack", "-I", *flow, "--state", "ESTABLISHED", "-t", "100"),
                         SAYS + "1 flow entries have been created.\n")
        self.assertTrue(self.state().startswith("ipv4     2 tcp      6 100 ESTABLISHED src=10.0.0.1"))
        self.assertIn("exists", self.ask("conntrack", "-I", *flow, "--state", "ESTABLISHED", "-t", "100", expect=NO))
        self.assertIn("sport=1000", self.ask("conntrack", "-G", *flow))
        self.assertIn("1 flow entries have been deleted", self.ask("conntrack", "-D", *flow))
        self.assertEqual(self.state(), "")
        self.ask("conntrack", "-D", *flow, expect=NO)
        self.only_the_state()

    def test_its_own_option_of_that_name(self):
        self.file("state", FLOWS)
        self.assertIn("tcp", self.ask("conntrack", "-L", "-p", "tcp", "--state", "ESTABLISHED"))
        self.assertNotIn("src=", self.ask("conntrack", "-L", "-p", "tcp", "--state", "CLOSE"))
        # It has no file here, so it asks a daemon.
        self.assertIn("sallyport run", self.run_program("conntrack", "--state", "ESTABLISHED", "-p", "tcp", "-L",
                                                        "--control", "nowhere", expect=USAGE).err)

    def test_counters_and_ages_stay(self):
        counted = FLOWS.splitlines()[1].replace("dport=53 [", "dport=53 packets=5 bytes=300 [") \
            .replace("dport=5000 mark", "dport=5000 packets=0 bytes=0 mark").replace("use", "delta-time=9 use") + "\n"
        self.file("state", counted)
        self.ask("conntrack", "-U", "-m", "1")
        self.assertEqual(self.state(), counted.replace("mark=0", "mark=1"))

    def test_a_flow_is_got_from_its_zone(self):
        flow = ("udp      17 600 src=192.168.1.5 dst=8.8.8.8 sport=5000 dport=53 src=8.8.8.8 dst=192.168.1.5 sport=53 dport=5000 "
                "[ASSURED] mark={0}{1} use=1\n")
        self.file("state", flow.format(3, " zone=3") + flow.format(0, ""))
        get = ("conntrack", "-G", "-p", "udp", "-s", "192.168.1.5", "-d", "8.8.8.8", "--sport", "5000", "--dport", "53")
        self.assertIn(" mark=0 use=1\n", self.ask(*get))
        self.assertIn(" mark=3 zone=3 use=1\n", self.ask(*get, "-w", "3"))

    def test_what_is_no_flow(self):
        self.file("state", FLOWS)
        self.assertIn("not a file", self.ask("conntrack", "-E", expect=USAGE))
        self.file("state", "nonsense\n")
        self.assertIn("state:1:", self.ask("conntrack", "-L", expect=USAGE))


class NetstatNat(Case):
    def test_a_file_of_flows(self):
        self.file("state", FLOWS)
        self.assertEqual(self.ask("netstat-nat", "-n"),
                         "Proto NATed Address                  Destination Address            State \n"
                         "tcp   192.168.1.5:40000              10.0.0.9:443                   ESTABLISHED\n")
        self.assertEqual(self.ask("netstat-nat", "-noR", "-s", "fd00::5"),
                         "udp   [fd00::5]:5000                 [fd00::9]:53                   UNREPLIED  \n")


if __name__ == "__main__":
    main()
