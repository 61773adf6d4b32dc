#!/usr/bin/env python3
"""The rules and sets of a host taken over, and the old ones taken down.

    live/import_test.py PATH/TO/sallyport [unittest's arguments]
"""
import os
import re
import signal
import subprocess
import sys

sys.path.insert(1, os.path.join(os.path.dirname(__file__), "..", "e2e"))
import net
import program
from net import HOST
from program import NO, OK, STATEFUL, USAGE, main, rules

OPEN = "-A INPUT -p udp -m udp --dport 9000 -j ACCEPT"
CLOSED6 = rules("-A INPUT -p ipv6-icmp -j ACCEPT")


class Case(net.Case):
    def setUp(self):
        super().setUp()
        self.directory = os.path.join(self.scratch, "taken")

    def restore(self, text, variant="-nft", family=""):
        self.host.sh(f"ip{family}tables{variant}-restore", input=text)

    def saved(self, variant="-nft", family=""):
        text = self.host.sh(f"ip{family}tables{variant}-save")
        return [line.split(" [")[0] for line in text.splitlines() if line[0] in "*:-" and "SALLYPORT" not in line]

    def take_over(self, *words, expect=OK):
        return self.program("import", self.directory, *words, expect=expect)

    def read(self, name):
        with open(os.path.join(self.directory, name), encoding="utf-8") as file:
            return file.read()


class Import(Case):
    def test_all_of_it(self):
        self.host.sh("ipset", "create", "known", "hash:ip", "timeout", "300", "comment")
        self.host.sh("ipset", "add", "known", "10.0.0.9", "comment", "a peer", "timeout", "0")
        self.restore(rules(STATEFUL, "-A INPUT -m set --match-set known src -j ACCEPT"))
        self.restore("*mangle\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -j MARK --set-mark 7\nCOMMIT\n", "-legacy")
        self.restore(CLOSED6, family="6")
        said = self.take_over()
        self.assertIn("rules.v4: 3 rules of filter, mangle\n", said)
        self.assertIn(f"sallyport run --rules {self.directory}/rules.v4 --rules6 {self.directory}/rules.v6 "
                      f"--sets {self.directory}/sets --for 60s\n", said)
        self.assertIn('add known 10.0.0.9 timeout 0 comment "a peer"\n', self.read("sets"))
        self.assertIn("\n-A INPUT -p ipv6-icmp -j ACCEPT\n", self.read("rules.v6"))
        self.program("check", f"{self.directory}/rules.v4", "--sets", f"{self.directory}/sets")
        self.assertEqual(os.stat(f"{self.directory}/sets").st_mode & 0o777, 0o600)
        # What is there is not written over unasked.
        self.assertIn("it is there already", self.take_over(expect=USAGE))
        self.restore(rules(), family="6")
        self.take_over("--force")
        self.assertNotIn("icmp", self.read("rules.v6"))
        self.assertEqual(sorted(os.listdir(self.directory)), ["rules.v4", "rules.v6", "sets"])

    def test_what_is_not_taken_is_told_and_kept(self):
        self.host.sh("ipset", "create", "bits", "bitmap:ip", "range", "10.0.0.0/24")
        self.host.sh("ipset", "add", "bits", "10.0.0.7")
        self.restore(rules("-A INPUT -p tcp -m string --string abc --algo bm -j DROP", OPEN,
                           "-A INPUT -m set --match-set bits src -j ACCEPT")
                     + "*nat\n-A POSTROUTING -o eth0 -j MASQUERADE\nCOMMIT\n")
        self.restore(rules("-A INPUT -s 10.9.9.9/32 -j DROP"), "-legacy")
        self.host.sh("nft", "add table inet mine; add chain inet mine one")
        said = self.take_over(expect=NO)
        text = self.read("rules.v4")
        for line, why in (
                ("-A INPUT -p tcp -m string --string .abc. --algo bm -j DROP", "string"),
                ("-A INPUT -m set --match-set bits src -j ACCEPT", "bits"),
                ("-A POSTROUTING -o eth0 -j MASQUERADE", "the nat table stays there"),
                ("-A INPUT -s 10.9.9.9/32 -j DROP", "iptables-legacy stays as it is")):
            self.assertRegex(said, rf"not taken: {line}.*\n.*{why}")
            self.assertRegex(text, rf"\n# not taken: {line}.*\n#.*{why}")
        self.assertIn(f"\n{OPEN}\n", text)
        self.assertIn("# not taken: add bits 10.0.0.7\n", self.read("sets"))
        self.assertIn("nft's table inet mine", said)
        self.program("check", f"{self.directory}/rules.v4")

    def test_what_cannot_be_read_is_told(self):
        self.restore(rules(OPEN))
        fails = self.file("fails", '#!/bin/sh\n[ "$1" = --version ] || { echo not here >&2; exit 3; }\n')
        os.chmod(fails, 0o755)
        # In the mount namespace that `ip netns exec` makes, which ends with it.
        hide = 'for i in nft iptables-legacy; do mount --bind "$0" "$(readlink -f "$(command -v $i)")"; done; exec "$@"'
        done = subprocess.run(["ip", "netns", "exec", self.host.name, "bash", "-ec", hide, fails, program.PROGRAM, "import",
                               self.directory], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, NO, done.stderr)
        for name in ("iptables-legacy-save", "ip6tables-legacy-save", "nft list tables"):
            self.assertIn(f"not read: {name}: not here\n", done.stdout)
        self.assertIn(f"\n{OPEN}\n", self.read("rules.v4"))

    def test_nothing_is_written_if_not_all_can_be(self):
        self.file("taken", "")
        self.assertIn("taken:", self.take_over(expect=USAGE))
        os.remove(self.directory)
        os.mkdir(self.directory)
        os.mkdir(f"{self.directory}/rules.v6")
        self.take_over("--force", expect=USAGE)
        self.assertEqual([name for name in os.listdir(self.directory) if name != "rules.v6"], [])

    def test_its_own_rules_are_left_out(self):
        self.restore(rules(OPEN))
        self.restore("*security\n:SALLYPORT-INPUT - [0:0]\n-A INPUT -j SALLYPORT-INPUT\n"
                     "-A SALLYPORT-INPUT -i lo -j RETURN\nCOMMIT\n")
        self.host.sh("nft", "add table inet sallyport")
        self.take_over()
        self.assertNotIn("SALLYPORT", self.read("rules.v4"))
        self.assertNotIn("security", self.read("rules.v4"))


class StandDown(Case):
    def begin(self):
        """Old rules that are closed, and a Sallyport that lets one port in."""
        self.restore(rules(STATEFUL))
        self.restore("*nat\n-A POSTROUTING -o nowhere -j MASQUERADE\nCOMMIT\n")
        self.restore("*raw\n-A PREROUTING -s 10.9.9.9/32 -j DROP\nCOMMIT\n", "-legacy")
        self.restore(CLOSED6, family="6")
        self.take_over(expect=NO)
        self.run_daemon(rules(STATEFUL, OPEN))
        self.before = [self.saved(), self.saved("-legacy"), self.saved(family="6")]

    def stand_down(self, *words):
        """It runs, the rules are down, and it waits for an answer."""
        def end():
            one.kill()
            one.wait()
            one.stdin.close()
            one.stdout.close()
        one = self.host.start(program.PROGRAM, "import", "--stand-down", self.directory, "--control",
                              self.socket, *words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        self.addCleanup(end)
        said = ""
        while not said.endswith("type yes: "):
            piece = one.stdout.read(1)
            self.assertTrue(piece, said)
            said += piece
        self.told = said
        return one

    def is_down(self):
        return "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT" not in self.saved()

    def is_back(self):
        return [self.saved(), self.saved("-legacy"), self.saved(family="6")] == self.before

    def test_yes_keeps_it(self):
        self.begin()
        self.assertFalse(self.echo(self.peer, self.host, HOST))
        self.host.sh("iptables-nft", "-A", "INPUT", "-s", "10.8.8.8", "-j", "DROP")
        one = self.stand_down()
        self.assertTrue(self.is_down())
        one.stdin.write("no\nyes\n")
        one.stdin.flush()
        self.assertEqual(one.wait(10), OK)
        self.assertIn("they stay down", one.stdout.read())
        # This one has come since.
        self.assertEqual(re.findall("its effect ends: (.*)", self.told), ["-A INPUT -s 10.8.8.8/32 -j DROP"])
        self.assertTrue(self.echo(self.peer, self.host, HOST))
        self.assertEqual(self.saved("-legacy"), ["*raw", ":PREROUTING ACCEPT", ":OUTPUT ACCEPT"])
        # The nat table was not taken, so it stays.
        self.assertIn("-A POSTROUTING -o nowhere -j MASQUERADE", self.saved())
        self.assertIn("--ctstate RELATED,ESTABLISHED", self.read("before.v4"))
        self.assertIn("10.9.9.9", self.read("before-legacy.v4"))
        self.assertIn("ipv6-icmp", self.read("before.v6"))
        self.assertIn("nothing left", self.program("import", "--stand-down", self.directory, "--control", self.socket))
        self.assertIn("filtering", self.program("status", "--control", self.socket))

    def test_else_they_come_back(self):
        self.begin()
        one = self.stand_down("--for", "3s")
        one.stdin.close()
        self.assertTrue(self.is_down())
        self.assertEqual(one.wait(20), NO)
        self.assertIn("they are back as they were", one.stdout.read())
        self.assertTrue(self.is_back())
        # At once, when it is told to end.
        one = self.stand_down()
        self.assertTrue(self.is_down())
        one.send_signal(signal.SIGTERM)
        self.assertEqual(one.wait(10), NO)
        self.assertTrue(self.is_back())

    def test_even_if_it_is_killed(self):
        self.begin()
        one = self.stand_down("--for", "3s")
        self.assertTrue(self.is_down())
        one.kill()
        one.wait()
        self.assertTrue(self.is_down())
        self.assertTrue(self.wait_until(self.is_back, 30))

    def test_queueing_rules_stay_as_they_are_at_the_end(self):
        self.restore("*security\n-A INPUT -s 10.9.9.9/32 -j DROP\nCOMMIT\n")
        self.take_over()
        self.run_daemon(rules(STATEFUL))
        if not self.queueing_rules():  # it is nft's, which knows no table security
            self.host.sh("iptables-nft-restore", "-n", input="*security\n:SALLYPORT-INPUT - [0:0]\n"
                         "-A INPUT -j SALLYPORT-INPUT\n-A SALLYPORT-INPUT -i lo -j RETURN\nCOMMIT\n")
        one = self.stand_down()
        self.assertNotIn("10.9.9.9", self.host.sh("iptables-nft-save"))
        self.assertIn("-A SALLYPORT-INPUT -i lo -j RETURN", self.host.sh("iptables-nft-save"))
        self.host.sh("iptables-nft", "-t", "security", "-R", "SALLYPORT-INPUT", "1", "-i", "eth7", "-j", "RETURN")
        one.send_signal(signal.SIGTERM)
        self.assertEqual(one.wait(20), NO)
        now = self.host.sh("iptables-nft", "-t", "security", "-S")
        self.assertIn("-A INPUT -s 10.9.9.9/32 -j DROP", now)
        self.assertEqual(re.findall("-A SALLYPORT-INPUT -i .* -j RETURN", now),
                         ["-A SALLYPORT-INPUT -i eth7 -j RETURN"])

    def test_when_it_makes_no_sense(self):
        self.assertIn("sallyport import comes first",
                      self.program("import", "--stand-down", self.directory, expect=USAGE))
        self.restore(rules(OPEN))
        self.take_over()
        self.assertIn("Sallyport does not filter here",
                      self.program("import", "--stand-down", self.directory, expect=USAGE))
        self.run_daemon(rules(OPEN), "--for", "60s")
        words = ["import", "--stand-down", self.directory, "--control", self.socket]
        self.assertIn("sallyport confirm comes first", self.program(*words, expect=USAGE))
        self.daemon.kill()
        self.daemon.wait()
        self.assertIn("sallyport doctor says more", self.program(*words, expect=USAGE))
        self.assertIn(OPEN, self.saved())
        self.assertIn("write a time", self.program("import", "--stand-down", "--for", "soon", expect=USAGE))


if __name__ == "__main__":
    main()
