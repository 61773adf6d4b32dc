"""sallyport compare: the table, its forms, and what is wrong with a policies file."""

import re

import capture as c
import program
from program import NO, STATEFUL, USAGE, rules

SEARCH = b"M-SEARCH * HTTP/1.1\r\nMX: 2\r\nMAN: \"ssdp:discover\"\r\n\r\n"
GROUP = "239.255.255.250"

POLICIES = """\
host = "eth0=192.168.1.2/24"
conntrack = "/dev/null"
[[policy]]
name = "Linux"
rules = "stateful.rules"
compat = "linux"
[[policy]]
name = "open"
rules = "open.rules"
compat = "linux"
[[policy]]
name = "Sallyport"
rules = "stateful.rules"
[[packet]]
name = "answer"
filter = "src 192.168.1.7"
[[packet]]
name = "forged"
filter = "src 203.0.113.66"
unwanted = true
"""
EXPOSURE = """\
[[exposure]]
after = "udp dst port 1900"
[[exposure.probe]]
admits = "anyone"
packet = "in eth0 udp 198.51.100.9:1900 > 192.168.1.2:40000"
[[exposure.probe]]
admits = "the local network"
packet = "in eth0 udp 192.168.1.99:1900 > 192.168.1.2:40000"
"""


class Compare(program.Case):
    def setUp(self):
        super().setUp()
        self.file("stateful.rules", rules(STATEFUL))
        self.file("open.rules", rules("-A INPUT -p udp --sport 1900 -j ACCEPT"))
        self.file("capture", c.pcap([
            (0, c.frame(c.udp(c.HOST, 40000, GROUP, 1900, SEARCH))),
            (1, c.frame(c.udp(c.PEER, 1900, c.HOST, 40000))),
            (2, c.frame(c.udp("203.0.113.66", 1900, c.HOST, 40000)))]))

    def compare(self, policies, *flags, **more):
        self.file("policies", policies)
        return self.run_program("compare", *flags, "policies", "capture", **more)

    def test_json_has_every_packet_under_every_policy_and_what_else_is_admitted(self):
        result, = self.compare(POLICIES + EXPOSURE, "--json").records
        self.assertEqual(result["packets"], [{"name": "answer", "i": 1, "unwanted": False},
                                             {"name": "forged", "i": 2, "unwanted": True}])
        linux, open_, sallyport = result["policies"]
        self.assertEqual([p["name"] for p in result["policies"]], ["Linux", "open", "Sallyport"])
        self.assertEqual(linux["verdicts"],
                         [{"verdict": "DROP", "state": "NEW", "reason": "policy", "certain": True}] * 2)
        self.assertEqual([v["verdict"] for v in open_["verdicts"]], ["ACCEPT", "ACCEPT"])
        self.assertEqual([(v["verdict"], v["state"]) for v in sallyport["verdicts"]],
                         [("ACCEPT", "RELATED"), ("DROP", "NEW")])
        self.assertEqual(linux["admits"], [])
        self.assertEqual(open_["admits"], [{"what": "anyone", "seconds": None, "always": True}])
        # MX of 2 and a second.
        self.assertEqual(sallyport["admits"],
                         [{"what": "the local network", "seconds": 3.0, "always": False}])

    def test_the_table_has_capitals_where_it_should_be_the_other_way(self):
        rows = self.compare(POLICIES, "--markdown").out.splitlines()
        self.assertEqual(rows, ["| policy | answer | forged |", "|---|---|---|", "| Linux | **NO** | no |",
                                "| open | yes | **YES** |", "| Sallyport | yes | no |"])
        text = self.compare(POLICIES).out
        self.assertRegex(text, r"\nopen +yes +YES\n")
        self.assertIn("in capitals where it should be the other way", text)
        self.assertNotIn("\x1b", text)

    def test_what_an_earlier_flow_could_change_has_a_question_mark(self):
        result = self.compare(POLICIES.replace('conntrack = "/dev/null"\n', ""))
        self.assertRegex(result.out, r"\nLinux +NO\? +no\?\n")
        self.assertIn("?: hangs on what the capture does not show", result.out)

    def test_a_guessed_host_is_said(self):
        result = self.compare(POLICIES.replace('host = "eth0=192.168.1.2/24"\n', ""))
        self.assertIn("note: guessed: the host is 192.168.1.2/24", result.out)

    def test_every_error_points(self):
        for change, line, says in (
                (('name = "Linux"', 'nmae = "Linux"'), 4, "unknown key 'nmae'"),
                (('compat = "linux"', 'compat = "bsd"'), 6, "'compat' cannot be 'bsd'"),
                (("unwanted = true", "unwanted = 1"), 20, "'unwanted' is true or false"),
                (("src 192.168.1.7", "src src"), 16, "'filter': "),
                (("src 192.168.1.7", "src 192.168.1.77"), 16, "no packet of capture matches"),
                (('name = "Linux"', 'name = "Linux'), 4, ""),
                (("udp dst port 1900", "udp dst port 19000"), 22, "no packet of capture matches"),
                (("198.51.100.9:1900 >", "198.51.100.9:1900 <"), 25, "expected '>' here"),
        ):
            with self.subTest(says=says):
                text = (POLICIES + EXPOSURE).replace(*change, 1)
                result = self.compare(text, expect=NO)
                self.assertEqual(result.out, "")
                self.assertRegex(result.err, rf"(?m)^policies:{line}:\d+: error: .*{re.escape(says)}")

    def test_an_error_in_a_policys_rules_has_its_place_there(self):
        self.file("open.rules", rules("-A INPUT --nonsense -j ACCEPT"))
        result = self.compare(POLICIES, expect=NO)
        self.assertIn("open.rules:5:10: error: ", result.err)

    def test_files_that_are_not_there_are_named(self):
        self.assertIn("no.rules: No such file", self.compare(
            POLICIES.replace("open.rules", "no.rules"), expect=NO).err)
        self.assertIn("missing: No such file",
                      self.run_program("compare", "missing", "capture", expect=USAGE).err)
        self.file("policies", POLICIES)
        self.assertIn("missing: No such file",
                      self.run_program("compare", "policies", "missing", expect=USAGE).err)

    def test_a_file_of_nothing(self):
        for text in ("", "# nothing\n"):
            result = self.compare(text, expect=NO)
            self.assertIn("no [[policy]]", result.err)
            self.assertIn("no [[packet]]", result.err)


if __name__ == "__main__":
    program.main()
