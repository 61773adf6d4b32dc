#!/usr/bin/env python3
"""sallyport doctor: what is wrong, and what to do.

    live/doctor_test.py PATH/TO/sallyport [unittest's arguments]
"""
import json
import os
import signal
import subprocess
import sys

sys.path.insert(1, os.path.join(os.path.dirname(__file__), "..", "e2e"))
import net
import program
from net import HOST, PEER
from program import NO, OK, STATEFUL, USAGE, main, rules

ALL = ["kernel", "rules", "listener", "losses", "control", "foreign"]


class Doctor(net.Case):
    def findings(self, *before):
        """By their checks; what is not well."""
        command = [*before, program.PROGRAM, "doctor", "--json", "--control", self.socket]
        done = subprocess.run(["ip", "netns", "exec", self.host.name, *command], capture_output=True, text=True,
                              timeout=60, check=False)
        found = json.loads(done.stdout)
        bad = {one["check"]: one for one in found if one["status"] != "ok"}
        for one in found:
            self.assertEqual(list(one), ["check", "status", "text", "advice"])
            self.assertIn(one["status"], ("ok", "warning", "error"))
            self.assertEqual(one["status"] == "ok", not one["advice"], one)
        self.assertEqual(done.returncode, NO if bad else OK)
        self.checks = [one["check"] for one in found]
        return bad

    def only(self, check, status, text, advice):
        bad = self.findings()
        self.assertEqual(list(bad), [check])
        self.says(bad[check], status, text, advice)

    def says(self, finding, status, text, advice):
        self.assertEqual(finding["status"], status)
        self.assertRegex(finding["text"], text)
        self.assertIn(advice, finding["advice"])

    def test_all_is_well(self):
        self.run_daemon(rules(STATEFUL), rules6=rules())
        self.assertEqual(self.findings(), {})
        self.assertEqual(self.checks, ALL)
        text = self.program("doctor", "--control", self.socket)
        self.assertEqual([line.split()[:2] for line in text.splitlines()], [["ok", check] for check in ALL])
        self.program("doctor", "more", expect=USAGE)

    def test_nothing_runs(self):
        bad = self.findings()
        self.assertEqual(list(bad), ["rules", "control"])
        self.says(bad["rules"], "error", "no queueing rules", "sallyport run")
        self.says(bad["control"], "error", "No such file", "sallyport run")

    def test_it_has_died(self):
        for fail, what in (("closed", "are dropped"), ("open", "pass unjudged")):
            self.run_daemon(rules(STATEFUL), "--fail", fail)
            self.stop_daemon(signal.SIGKILL, expect=-signal.SIGKILL)
            bad = self.findings()
            self.assertEqual(list(bad), ["listener", "control"])
            self.says(bad["listener"], "error", f"nobody reads the queues 7200, 7201, 7202: packets {what}",
                      "sallyport detach")
        self.program("detach")
        self.assertEqual(list(self.findings()), ["rules", "control"])

    def test_it_hangs_and_loses_packets(self):
        self.run_daemon(rules(STATEFUL))
        self.assertTrue(self.reached(self.host, self.peer, PEER))
        self.daemon.send_signal(signal.SIGSTOP)

        def lost():
            for _ in range(6000):
                one.sendto(b"x", (HOST, 9000))
            queues = self.host.sh("cat", "/proc/net/netfilter/nfnetlink_queue").splitlines()
            return any(int(line.split()[5]) + int(line.split()[6]) for line in queues)
        with self.peer.udp() as one:
            self.assertTrue(self.wait_until(lost, 30))
        bad = self.findings()
        self.says(bad["losses"], "warning", r"queue 7200: \d+ as it was full, \d+ as nobody read", "sallyport status")
        self.says(bad["control"], "error", "it does not answer", "start it anew")
        self.daemon.send_signal(signal.SIGCONT)
        self.assertTrue(self.wait_until(lambda: list(self.findings()) == ["losses"], 20))

    def test_other_rules_drop(self):
        self.run_daemon(rules(STATEFUL))
        for tool in ("iptables-nft", "ip6tables-legacy"):
            self.host.sh(tool, "-P", "FORWARD", "DROP")
            self.only("foreign", "warning", f"^{tool}, table filter: the policy of FORWARD may drop", "--stand-down")
            self.host.sh(tool, "-A", "INPUT", "-p", "tcp", "-j", "REJECT")
            self.only("foreign", "warning", "filter: 1 rule, and the policy of FORWARD may", "sallyport import")
            self.host.sh(tool, "-P", "FORWARD", "ACCEPT")
            self.host.sh(tool, "-F")
            self.assertEqual(self.findings(), {})
        self.host.sh("nft", "add table inet mine; add chain inet mine one; add rule inet mine one tcp dport 7 drop")
        self.only("foreign", "warning", "nft, table inet mine: 1 line may drop", "nft list table inet mine")

    def test_rules_that_lack_something(self):
        self.run_daemon(rules(STATEFUL))
        self.host.sh("ip6tables", "-t", "security", "-F", "SALLYPORT-FORWARD")
        self.only("rules", "error", "no packets are queued in IPv6 FORWARD$", "anew")
        self.host.sh("iptables", "-t", "security", "-D", "OUTPUT", "-j", "SALLYPORT-OUTPUT")
        self.only("rules", "error", "in IPv4 OUTPUT, IPv6 FORWARD$", "anew")

    def test_rules_in_front(self):
        self.run_daemon(rules(STATEFUL))
        self.host.sh("iptables", "-t", "security", "-I", "INPUT", "-s", "10.0.0.9", "-j", "ACCEPT")
        self.only("rules", "warning", "before ours in IPv4 INPUT", "in front")

    def test_a_trial_ends(self):
        self.run_daemon(rules(STATEFUL), "--for", "60s")
        self.only("control", "warning", "on trial", "sallyport confirm")
        self.program("confirm", "--control", self.socket)
        self.assertEqual(self.findings(), {})

    def test_programs_and_rights_are_missing(self):
        # In the mount namespace that `ip netns exec` makes, which ends with it.
        hide = 'for i in nft iptables; do mount --bind /dev/null "$(readlink -f "$(command -v $i)")"; done; exec "$@"'
        bad = self.findings("bash", "-ec", hide, "hide")
        self.says(bad["kernel"], "error", "nft: .*; iptables: ", "install nftables or iptables; the kernel needs "
                  "nfnetlink_queue, and nft_queue or xt_NFQUEUE")
        os.chmod(self.scratch, 0o755)
        bad = self.findings("setpriv", "--reuid", "65534", "--clear-groups")
        self.says(bad["rights"], "error", "root alone", "root")


if __name__ == "__main__":
    main()
