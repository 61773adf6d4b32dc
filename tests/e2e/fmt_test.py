"""sallyport fmt: what iptables-legacy-save prints of the same rules."""

import os
import shutil
import subprocess
import unittest

import program
from program import NO, rules

MESSY = """\
# a comment
*filter
:INPUT DROP [3:120]
:web - [0:0]
:rest - [0:0]
[7:420] -A INPUT -p tcp --dport 80 -j web
-A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT
-A INPUT -i eth+ ! -s 10.0.0.0/255.0.0.0 -p icmp --icmp-type echo-request -m limit --limit 2/s -j ACCEPT
-A INPUT -p udp -m multiport --dports 53,67:68 -m comment --comment "names and \\"leases\\"" -j ACCEPT
-A web -m conntrack ! --ctstate INVALID --ctdir ORIGINAL -g rest
-A rest -m iprange --src-range 10.1.1.1-10.1.1.9 -j REJECT --reject-with tcp-reset -p tcp
-A rest -j LOG --log-prefix "dropped: " --log-level 4
COMMIT
*mangle
-A PREROUTING -i lo -j MARK --set-mark 0x1/0xff
-A FORWARD -m mark --mark 1 -m mac --mac-source 02:00:00:00:00:07 -j CONNMARK --save-mark
COMMIT
*raw
-A OUTPUT -p udp -m udp --dport 53 -j CT --notrack
-A PREROUTING -d 224.0.0.0/4 -m addrtype --dst-type MULTICAST -j CT --zone 5
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
-A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.0.0.5:80
COMMIT
"""

MESSY6 = """\
*filter
:INPUT DROP [0:0]
-A INPUT -s fe80::/10 -p ipv6-icmp --icmpv6-type neighbor-solicitation -m hl --hl-eq 255 -j ACCEPT
-A INPUT -p udp -d ff02::fb --dport 5353 -j ACCEPT
-A INPUT -j REJECT --reject-with icmp6-adm-prohibited
COMMIT
"""


def in_namespace(script):
    return subprocess.run(["unshare", "-n", "bash", "-euc", script], capture_output=True, text=True,
                          timeout=60, check=False)


def without_comments(text):
    return [line for line in text.splitlines() if not line.startswith("#")]


class Fmt(program.Case):
    def test_prints_canonically_and_its_output_is_stable(self):
        self.file("rules", rules("-A INPUT -p tcp --dport 22 -j ACCEPT", "-A INPUT -s 10.0.0.1 -j DROP"))
        once = self.run_program("fmt", "rules").out
        self.assertIn("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -s 10.0.0.1/32 -j DROP\n", once)
        self.file("again", once)
        self.assertEqual(self.run_program("fmt", "again").out, once)

    def test_an_error_prints_nothing_on_standard_output(self):
        self.file("rules", rules("-A INPUT -j NONSENSE"))
        result = self.run_program("fmt", "rules", expect=NO)
        self.assertEqual(result.out, "")
        self.assertIn("rules:5:", result.err)

    def against_iptables(self, tool, text, *flags):
        if os.geteuid() != 0 or not shutil.which(f"{tool}-legacy-restore"):
            self.skipTest(f"{tool}-legacy needs root and must be installed")
        name = self.file("rules", text)
        path = os.path.join(self.scratch, name)
        counters = "-c" if "-c" in flags else ""
        # With the file's counters: a policy's are printed with and without -c.
        done = in_namespace(f"{tool}-legacy-restore -c < {path}; {tool}-legacy-save {counters}")
        self.assertEqual(done.returncode, 0, done.stderr)
        ours = self.run_program("fmt", *flags, *(["-6"] if tool == "ip6tables" else []), name).out
        # The kernel lists tables in the order of their last change.
        def tables(text):
            found, table = {}, []
            for line in without_comments(text):
                if line.startswith("*"):
                    table = found.setdefault(line, [])
                else:
                    table.append(line)
            return found
        self.assertEqual(tables(ours), tables(done.stdout))

    def test_is_what_iptables_save_prints(self):
        self.against_iptables("iptables", MESSY)

    def test_is_what_iptables_save_prints_with_counters(self):
        self.against_iptables("iptables", MESSY, "-c")

    def test_is_what_ip6tables_save_prints(self):
        self.against_iptables("ip6tables", MESSY6)


if __name__ == "__main__":
    program.main()
