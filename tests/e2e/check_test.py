"""sallyport check: every error at its place, and what cannot be read."""

import capture as c
import program
from program import NO, OK, USAGE, rules


class Check(program.Case):
    def test_says_that_all_is_right(self):
        self.file("rules", rules("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"))
        result = self.run_program("check", "rules")
        self.assertEqual(result.out, "1 rule, all right\n")
        self.assertEqual(result.err, "")

    def test_a_file_without_a_table_is_right_and_suspicious(self):
        for text in ("", "# Warning: iptables-legacy tables present\n"):
            self.file("rules", text)
            self.assertIn("there are no rules in it", self.run_program("check", "rules").out)
        self.file("rules", rules())
        self.assertEqual(self.run_program("check", "rules").out, "0 rules, all right\n")

    def test_rules_in_another_form(self):
        for text in ("#!/bin/sh\niptables -A INPUT -j ACCEPT\n", "Chain INPUT (policy ACCEPT)\n",
                     "table ip filter {\n"):
            self.file("rules", text)
            self.assertIn("hint: what iptables-save prints is wanted",
                          self.run_program("check", "rules", expect=NO).err)

    def test_a_capture_is_no_text(self):
        for capture in (c.pcap([]), c.pcap([], nano=True), c.pcap([], order=">"), c.pcapng([])):
            self.file("capture", capture)
            self.assertIn("capture: it is a capture", self.run_program("check", "capture", expect=USAGE).err)

    def test_shows_each_error_with_its_place_a_caret_and_a_hint(self):
        self.file("rules", "*filter\n:INPUT DROP [0:0]\n"
                           "-A INPUT --dport 22 -j ACCEPT\n"
                           "-A INPUT -p tcp -m tcp --dport 70000 -j ACCEPT\nCOMMIT\n*filer\n")
        result = self.run_program("check", "rules", expect=NO)
        self.assertEqual(result.out, "")
        lines = result.err.splitlines()
        first = next(i for i, line in enumerate(lines) if line.startswith("rules:3:10: error: "))
        self.assertEqual(lines[first + 1], "  -A INPUT --dport 22 -j ACCEPT")
        self.assertEqual(lines[first + 2], "           ^~~~~~~")
        self.assertIn("rules:4:32: error: ", result.err)
        self.assertTrue(result.err.endswith("rules:6:1: error: there is no table 'filer'\n  *filer\n  ^~~~~~\n"
                                            "  hint: raw, mangle, nat, filter or security\n"), result.err)

    def test_names_an_extension_that_it_does_not_know(self):
        self.file("rules", rules("-A INPUT -m quota --quota 10 -j ACCEPT"))
        result = self.run_program("check", "rules", expect=NO)
        self.assertRegex(result.err, r"rules:5:\d+: error: .*quota")

    def test_ipv6_rules_take_ipv6_addresses(self):
        self.file("rules6", rules("-A INPUT -s fe80::/10 -j ACCEPT"))
        self.run_program("check", "-6", "rules6")
        result = self.run_program("check", "rules6", expect=NO)
        self.assertRegex(result.err, r"rules6:5:\d+: error: ")

    def test_knows_the_sets_that_it_was_given(self):
        self.file("rules", rules("-A INPUT -m set --match-set good src -j ACCEPT"))
        self.file("sets", "create good hash:ip family inet\nadd good 192.168.1.7\n")
        self.run_program("check", "--sets", "sets", "rules")
        result = self.run_program("check", "rules", expect=NO)
        self.assertRegex(result.err, r"rules:5:\d+: error: .*good")

    def test_knows_the_names_of_labels(self):
        self.file("rules", rules("-A INPUT -m connlabel --label bulk -j ACCEPT", "-A INPUT -m connlabel --label 9"))
        self.file("connlabel.conf", "# names\n5 bulk\n9 nine\n")
        self.run_program("check", "--labels", "connlabel.conf", "rules")
        printed = self.run_program("fmt", "--labels", "connlabel.conf", "rules").out
        self.assertIn('-A INPUT -m connlabel --label "bulk" -j ACCEPT\n-A INPUT -m connlabel --label "nine"\n', printed)
        result = self.run_program("check", "rules", expect=NO)
        self.assertRegex(result.err, r"rules:5:\d+: error: .*no label has the name 'bulk'; --labels FILE")

    def test_errors_of_sets_and_of_rules_come_together(self):
        self.file("rules", rules("-A INPUT --nonsense -j ACCEPT"))
        self.file("sets", "create good hash:nonsense\n")
        result = self.run_program("check", "--sets", "sets", "rules", expect=NO)
        self.assertIn("sets:1:13: error: ", result.err)
        self.assertIn("rules:5:10: error: ", result.err)

    def test_chains_in_a_circle(self):
        self.file("rules", "*filter\n:a - [0:0]\n:b - [0:0]\n-A INPUT -j a\n-A a -j b\n-A b -j a\nCOMMIT\n")
        result = self.run_program("check", "rules", expect=NO)
        self.assertIn("rules:6:1: error: chains jump in a circle: b leads back to a", result.err)

    def test_reads_standard_input(self):
        self.run_program("check", "-", stdin=rules().encode())
        result = self.run_program("check", "-", stdin=b"*nonsense\n", expect=NO)
        self.assertIn("standard input:1:1: error: ", result.err)

    def test_messages_hold_no_bytes_that_a_terminal_obeys(self):
        self.file("rules", b"*\x1b[31mfilter\n-A INPUT --\x1b]0;title\x07 -j \xff\xfe\nCOMMIT\n")
        result = self.run_program("check", "rules", expect=NO)
        self.assertTrue(all(c == "\n" or " " <= c <= "~" for c in result.err), result.err)

    def test_what_cannot_be_read_is_named(self):
        self.assertIn("No such file", self.run_program("check", "missing", expect=USAGE).err)
        self.assertIn("Is a directory", self.run_program("check", ".", expect=USAGE).err)

    def test_a_line_of_more_words_than_iptables_takes(self):
        self.file("rules", rules("-A INPUT" + " -4" * 250))
        result = self.run_program("check", "rules", expect=NO)
        self.assertIn("rules:5:757: error: more than 251 words in a line", result.err)


class Usage(program.Case):
    def test_no_command_and_wrong_flags_say_which_help_to_read(self):
        for arguments, help_of in (((), "sallyport"), (("check",), "sallyport check"),
                                   (("check", "--nonsense", "rules"), "sallyport check"),
                                   (("nonsense",), "sallyport")):
            result = self.run_program(*arguments, expect=USAGE)
            self.assertEqual(result.out, "", arguments)
            self.assertRegex(result.err, rf"^sallyport: .+\nsee {help_of} --help\n$", arguments)

    def test_help_fits_a_terminal_and_has_examples(self):
        for command in ([], ["ask"], ["check"], ["compare"], ["explain"], ["fmt"], ["replay"]):
            result = self.run_program(*command, "--help", expect=OK)
            self.assertLessEqual(max(map(len, result.out.splitlines())), 80, command)
            self.assertIn("\n  sallyport ", result.out, command)
            self.assertIn("Exit codes: 0", result.out, command)

    def test_version(self):
        self.assertRegex(self.run_program("--version").out, r"^\d+\.\d+\.\d+\n$")


if __name__ == "__main__":
    program.main()
