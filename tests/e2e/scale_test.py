"""Large input: time and memory stay in bounds."""

import os
import resource

import capture as c
import program
from program import NO, OK, USAGE, rules

MIB = 1 << 20
FILE = 100_000_000


class Scale(program.Case):
    def within(self, seconds, mebibytes, *arguments, expect=OK):
        """Runs it, with so much address space and time at most."""
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (mebibytes * MIB, mebibytes * MIB))
        return self.run_program(*arguments, expect=expect, timeout=seconds, preexec_fn=limit)

    def repeat(self, name, head, line, tail=b""):
        with open(os.path.join(self.scratch, name), "wb") as out:
            out.write(head)
            for _ in range(max((FILE - len(head)) // (len(line) * 1000), 1)):
                out.write(line * 1000)
            out.write(tail)

    HEAD = b"*filter\n:INPUT DROP [0:0]\n"

    def test_100_megabytes_of_good_rules(self):
        self.repeat("rules", self.HEAD, b'-A INPUT -s 10.1.2.3/32 -p tcp -m tcp --dport 22 '
                                        b'-m comment --comment "a rule" -j ACCEPT\n', b"COMMIT\n")
        self.assertIn("rules, all right", self.within(60, 2000, "check", "rules").out)

    def test_100_megabytes_of_nonsense_rules(self):
        self.repeat("rules", self.HEAD, b'-A INPUT --nonsense "here -j FOO\n', b"COMMIT\n")
        result = self.within(60, 500, "check", "rules", expect=NO)
        self.assertLess(len(result.err), 100_000)
        self.assertRegex(result.err, r"rules: \d+ more errors\n$")

    def test_one_line_of_100_megabytes(self):
        for line in (b"x " * 1000, b"x" * 1000, b'"' * 1000):
            self.repeat("rules", self.HEAD + b"-A INPUT ", line, b"\nCOMMIT\n")
            self.assertLess(len(self.within(60, 500, "check", "rules", expect=NO).err), 10_000)

    def test_input_without_end(self):
        self.assertIn("more than 1024 MiB", self.within(60, 4000, "check", "/dev/zero", expect=USAGE).err)
        self.assertIn("out of memory", self.within(60, 500, "check", "/dev/zero", expect=USAGE).err)

    def test_chains_by_the_hundred_thousand(self):
        chains = "".join(f":c{i} - [0:0]\n" for i in range(100_000))
        jumps = "".join(f"-A INPUT -j c{i}\n" for i in range(100_000))
        self.file("rules", "*filter\n" + chains + jumps + "COMMIT\n")
        self.within(60, 1000, "check", "rules")
        loops = "".join(f"-A c{i} -j c{(i + 1) % 100_000}\n" for i in range(100_000))
        self.file("rules", "*filter\n" + chains + loops + "COMMIT\n")
        self.assertIn("chains jump in a circle", self.within(60, 1000, "check", "rules", expect=NO).err)

    def test_a_set_of_100_000_elements(self):
        members = "".join(f"add many 10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}\n" for i in range(100_000))
        self.file("sets", "create many hash:ip maxelem 200000\n" + members)
        self.file("rules", rules("-A INPUT -m set --match-set many src -j ACCEPT"))
        self.file("capture", c.pcap([c.frame(c.udp("10.1.134.159", 5, c.HOST, 6)),
                                     c.frame(c.udp("10.1.134.160", 5, c.HOST, 6))]))
        result = self.within(60, 1000, "replay", "--json", "--rules", "rules", "--sets", "sets", "--host", c.HOST,
                             "capture")
        self.assertEqual(result.column("verdict"), ["ACCEPT", "DROP"])

    def test_a_long_capture_of_many_flows(self):
        packets = [c.frame(c.tcp(c.PEER, 1024 + i % 60000, c.HOST, 80, c.SYN)) for i in range(50_000)]
        self.file("rules", rules("-A INPUT -p tcp --dport 80 -j ACCEPT"))
        self.file("capture", c.pcap(packets * 8, step=0.00001))
        out = self.within(120, 2000, "replay", "--rules", "rules", "--host", c.HOST, "capture").out
        self.assertIn("400000  ACCEPT", out)


if __name__ == "__main__":
    program.main()
