"""sallyport replay --dump, --events and --at: the firewall's state in the kernel's text."""

import os

import capture as c
import program
from program import NO, OK, STATEFUL, USAGE, rules

START = 1_700_000_000  # 2023-11-14 22:13:20 UTC
HOST = ("--host", "eth0=192.168.1.2/24,eth0=fe80::2/64")
UDP_NEW = ("src=192.168.1.2 dst=192.168.1.7 sport=40000 dport=53 {}[UNREPLIED] "
           "src=192.168.1.7 dst=192.168.1.2 sport=53 dport=40000")
UDP_SEEN = ("src=192.168.1.2 dst=192.168.1.7 sport=40000 dport=53 src=192.168.1.7 dst=192.168.1.2 "
            "sport=53 dport=40000")


def exchange():
    """A question at 0 s, its answer at 1 s, another question to another port at 10 s."""
    return c.pcap([(0, c.frame(c.udp(c.HOST, 40000, c.PEER, 53))), (1, c.frame(c.udp(c.PEER, 53, c.HOST, 40000))),
                   (10, c.frame(c.udp(c.HOST, 40000, c.PEER, 54)))])


class Views(program.Case):
    def setUp(self):
        super().setUp()
        self.file("rules", rules(STATEFUL))
        self.file("capture", exchange())

    def view(self, *arguments, **more):
        return self.run_program("replay", "--rules", "rules", *HOST, *arguments, "capture", **more)

    def written(self, name):
        with open(os.path.join(self.scratch, name), encoding="utf-8") as file:
            return file.read()

    def left(self, at):
        """Seconds that the exchange's flow has at a moment, by the listing."""
        lines = self.view("--dump", "conntrack", "--at", at).out.splitlines()
        return [int(line.split()[2]) for line in lines if "dport=53 " in line]

    def test_the_state_at_the_end_and_nothing_else(self):
        self.assertEqual(self.view("--dump", "conntrack").out,
                         f"udp      17 21 {UDP_SEEN} mark=0 use=1\n"
                         "udp      17 30 src=192.168.1.2 dst=192.168.1.7 sport=40000 dport=54 [UNREPLIED] "
                         "src=192.168.1.7 dst=192.168.1.2 sport=54 dport=40000 mark=0 use=1\n")

    def test_what_conntrack_o_adds(self):
        out = self.view("--dump", "conntrack", "--at", 0, "-o", "extended,id").out
        self.assertRegex(out, r"^ipv4     2 udp      17 30 src=.* mark=0 use=1 id=\d+\n$")

    def test_labels_by_their_names(self):
        self.file("rules", rules("-A OUTPUT -m connlabel --label 5 --set", "-A OUTPUT -m connlabel --label 9 --set",
                                 STATEFUL))
        self.file("connlabel.conf", "5 bulk\n")
        labels = ("--labels", "connlabel.conf", "-o", "labels")
        out = self.view(*labels, "--dump", "conntrack", "--at", 0).out
        self.assertRegex(out, r" mark=0 use=1 labels=bulk\n$")
        self.assertNotIn("labels", self.view("--dump", "conntrack").out)
        events = self.view(*labels, "--events").out.splitlines()
        self.assertEqual([line.endswith(" labels=bulk") for line in events], [True, False, True])
        self.assertIn("give --labels FILE", self.view("--dump", "conntrack", "-o", "labels", expect=USAGE).err)
        # A listing with labels is read again, by their names.
        self.file("flows", out)
        self.file("rules", rules("-A OUTPUT -m connlabel --label bulk", "-A OUTPUT -m connlabel ! --label bulk"))
        counted = self.view("--labels", "connlabel.conf", "--conntrack", "flows", "--dump", "iptables", "--at", 0).out
        self.assertIn("[1:33] -A OUTPUT -m connlabel --label", counted)
        self.assertIn("[0:0] -A OUTPUT -m connlabel ! --label", counted)

    def test_events_of_expectations(self):
        self.file("rules", "*raw\n-A OUTPUT -p udp --dport 69 -j CT --helper tftp\nCOMMIT\n" + rules(STATEFUL))
        self.file("capture", c.pcap([(0, c.frame(c.udp(c.HOST, 40000, c.PEER, 69, b"\0\1file\0octet\0"))),
                                     (1, c.frame(c.udp(c.PEER, 5000, c.HOST, 40000, b"\0\3\0\1x")))]))
        events = self.view("--events=expect", "-o", "timestamp").out.splitlines()
        self.assertEqual([line.split()[:3] for line in events],
                         [[f"[{START}.000000]", "[NEW]", "300"], [f"[{START + 1}.000000]", "[DESTROY]", "299"]])
        self.assertEqual(self.view("--events=conntrack").out, self.view("--events").out)

    def test_proc(self):
        self.assertEqual(self.view("--dump", "proc", "--at", 1).out,
                         f"ipv4     2 udp      17 30 {UDP_SEEN} mark=0 zone=0 use=2\n")

    def test_a_moment_in_every_form(self):
        for at in ("1", f"{START + 1}", "2023-11-14 22:13:21", "22:13:21", "2023-11-14T22:13:21Z"):
            self.assertEqual(self.left(at), [30], at)
        self.assertEqual([self.left(at) for at in ("0", "0.999999", "1", "1.5", "30.9", "31", "40", "999")],
                         [[30], [29], [30], [29], [0], [], [], []])

    def test_moments_that_are_none(self):
        self.assertIn("not a time", self.view("--at", "soon", expect=USAGE).err)
        self.assertIn("begins later", self.view("--at", "2023-11-14 22:13:19", expect=USAGE).err)
        self.assertIn("begins later", self.view("--at", START - 1, expect=USAGE).err)

    def test_at_ends_the_summary_too(self):
        self.assertIn("2 packets", self.view("--at", 5).out)

    def test_rules_with_their_counters(self):
        text = self.view("--dump", "iptables").out
        self.assertEqual(text, "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [2:66]\n"
                               f"[1:33] {STATEFUL}\nCOMMIT\n")
        self.file("rules", text)
        self.assertIn("[2:66] " + STATEFUL, self.view("--dump", "iptables").out)  # they go on
        self.assertIn("OUTPUT ACCEPT [3:99]", self.view("--dump", "iptables", "--at", 0).out)

    def test_counters_of_user_chains_and_both_families(self):
        self.file("rules", "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:b - [0:0]\n"
                           ":a - [0:0]\n-A OUTPUT -j b\n-A a -p udp\n-A b -g a\nCOMMIT\n")
        self.file("rules6", rules("-A OUTPUT -p udp -m udp --dport 53 -j ACCEPT", output="DROP"))
        six = [c.frame(c.udp(c.HOST6, 1, c.PEER6, port)) for port in (53, 54, 53)]
        self.file("capture", c.pcap([c.frame(c.udp(c.HOST, 1, c.PEER, 2)), *six]))
        self.view("--rules6", "rules6", "--dump", "iptables=four", "--dump", "ip6tables=six")
        four, six = self.written("four"), self.written("six")
        self.assertEqual(four, "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [1:33]\n"
                               ":a - [0:0]\n:b - [0:0]\n[1:33] -A OUTPUT -j b\n[1:33] -A a -p udp\n"
                               "[1:33] -A b -g a\nCOMMIT\n")
        self.assertIn(":OUTPUT DROP [1:53]\n[2:106] -A OUTPUT -p udp", six)

    def test_sets_at_a_moment(self):
        self.file("sets", "create asked hash:ip,port timeout 5 counters\n")
        self.file("rules", rules("-A OUTPUT -p udp -j SET --add-set asked dst,dst --exist"))
        head = "create asked hash:ip,port family inet hashsize 1024 maxelem 65536 timeout 5 counters"
        for at, elements in ((0, ["192.168.1.7,udp:53 timeout 5"]), (2.5, ["192.168.1.7,udp:53 timeout 2"]),
                             (6, []), (11, ["192.168.1.7,udp:54 timeout 4"])):
            lines = self.view("--sets", "sets", "--dump", "ipset", "--at", at).out.splitlines()
            self.assertTrue(lines[0].startswith(head), lines[0])
            self.assertEqual(lines[1:], [f"add asked {element} packets 1 bytes 33" for element in elements], at)

    def test_what_was_dumped_is_read_again(self):
        for view in ("conntrack", "proc"):
            text = self.view("--dump", view, "--at", 1, "--sysctl", "net.netfilter.nf_conntrack_acct=1").out
            self.file("flows", text)
            self.file("other", c.pcap([(1, c.ARP)]))
            again = self.run_program("replay", "--rules", "rules", *HOST, "--conntrack", "flows", "--sysctl",
                                     "net.netfilter.nf_conntrack_acct=1", "--dump", view, "other").out
            self.assertEqual(again, text)
            self.assertIn("packets=1 bytes=33 ", text)

    def test_expectations_until_they_are_met_or_over(self):
        text = "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p udp --dport 69 -j CT --helper tftp\nCOMMIT\n"
        self.file("rules", text + rules(STATEFUL))
        self.file("capture", c.pcap([(0, c.frame(c.udp(c.HOST, 40000, c.PEER, 69, b"\0\1file\0octet\0"))),
                                     (2, c.frame(c.udp(c.PEER, 50000, c.HOST, 40000))),
                                     (3, c.frame(c.udp(c.HOST, 40001, c.PEER, 69, b"\0\1file\0octet\0")))]))
        line = ("{} proto=17 src=192.168.1.7 dst=192.168.1.2 sport=0 dport={} mask-src=255.255.255.255 "
                "mask-dst=255.255.255.255 sport=0 dport=65535 master-src=192.168.1.2 master-dst=192.168.1.7 sport={} "
                "dport=69 class=0 helper=tftp\n")
        for at, lines in ((0.5, line.format(299, 40000, 40000)), (2, ""), (10, line.format(293, 40001, 40001))):
            self.assertEqual(self.view("--dump", "expect", "--at", at).out, lines)
        flows = self.view("--dump", "conntrack", "--at", 2).out
        self.assertRegex(flows, r"dport=69 \[UNREPLIED\] .* mark=0 helper=tftp use=2\n")

    def test_files_leave_standard_output_to_the_rest(self):
        out = self.view("--dump", "conntrack=flows", "--dump", "iptables=counted", "--json", "--at", 1)
        self.assertEqual(out.column("i"), [0, 1])
        self.assertIn("dport=53", self.written("flows"))
        self.view("--dump", "conntrack=-")

    def test_combinations_that_make_no_sense(self):
        for arguments, words in ((("--dump", "routes"), "there are conntrack, proc, expect, ipset"),
                                 (("--dump", "conntrack="), "name is missing"),
                                 (("--dump", "conntrack", "--dump", "proc"), "not two"),
                                 (("--dump", "conntrack", "--events"), "not two"),
                                 (("--dump", "conntrack=x", "--dump", "proc=x"), "another view"),
                                 (("--dump", "ip6tables"), "give --rules6"),
                                 (("--dump", "conntrack", "--json"), "--json and a view"),
                                 (("--events", "--filter", "udp"), "--filter and a view"),
                                 (("--events", "--against", "rules"), "--against and a view"),
                                 (("--dump", "proc", "-o", "id"), "--output: it is for"),
                                 (("--events=flows",), "events of conntrack and of expect"),
                                 (("--events", "-o", "xml"), "xml"),
                                 (("--dump", "conntrack=no/such/directory"), "No such file"),
                                 (("--dump", "conntrack=/dev/full"), "No space")):
            result = self.view(*arguments, expect=USAGE)
            self.assertIn(words, result.err, arguments)
            self.assertEqual(result.out, "", arguments)

    def test_a_capture_without_packets(self):
        self.file("capture", c.pcap([]))
        self.assertEqual(self.view("--dump", "conntrack").out, "")
        self.assertEqual(self.view("--events", "--at", 3).out, "")


class Events(program.Case):
    def events(self, frames, *arguments, rule_text=rules(STATEFUL), expect=OK):
        self.file("rules", rule_text)
        self.file("capture", c.pcap(frames))
        return self.run_program("replay", "--rules", "rules", *HOST, "--events", *arguments, "capture",
                                expect=expect).out

    def test_a_flow_from_its_beginning_to_its_end(self):
        frames = [(0, c.frame(c.udp(c.HOST, 40000, c.PEER, 53))), (1, c.frame(c.udp(c.PEER, 53, c.HOST, 40000)))]
        lines = [f"    [NEW] udp      17 30 {UDP_NEW.format('')}", f" [UPDATE] udp      17 30 {UDP_SEEN}",
                 f"[DESTROY] udp      17 {UDP_SEEN}"]
        self.assertEqual(self.events(frames).splitlines(), lines[:2])
        self.assertEqual(self.events(frames, "--at", 40).splitlines(), lines)
        stamped = self.events(frames, "--at", 40, "-o", "timestamp,extended").splitlines()
        self.assertEqual(stamped[0], f"[{START}.000000]\t    [NEW] ipv4     2 udp      17 30 {UDP_NEW.format('')}")
        self.assertEqual(stamped[2], f"[{START + 31}.000000]\t[DESTROY] ipv4     2 udp      17 {UDP_SEEN}")

    def test_counters_and_ages_when_a_flow_ends(self):
        frames = [(0.5, c.frame(c.udp(c.HOST, 40000, c.PEER, 53)))]
        out = self.events(frames, "--at", 40, "--sysctl", "net.netfilter.nf_conntrack_acct=1", "--sysctl",
                          "net.netfilter.nf_conntrack_timestamp=1", "-o", "id").splitlines()
        self.assertRegex(out[1], r"^\[DESTROY\] udp      17 .* packets=1 bytes=33 \[UNREPLIED\] .* packets=0 bytes=0 "
                                 r"delta-time=30 id=\d+$")
        self.assertEqual(out[0].split()[-1], out[1].split()[-1])
        self.assertNotIn("packets", out[0])

    def test_the_states_of_tcp_and_an_end_by_reset(self):
        frames = [(0, c.frame(c.tcp(c.HOST, 4000, c.PEER, 80, c.SYN, 1))),
                  (1, c.frame(c.tcp(c.PEER, 80, c.HOST, 4000, c.SYN | c.ACK, 1, 2))),
                  (2, c.frame(c.tcp(c.HOST, 4000, c.PEER, 80, c.ACK, 2, 2))),
                  (3, c.frame(c.tcp(c.HOST, 4001, c.PEER, 80, c.SYN, 1))),
                  (4, c.frame(c.tcp(c.PEER, 80, c.HOST, 4001, c.RST | c.ACK, 0, 2)))]
        words = [line.split()[:5] for line in self.events(frames).splitlines()]
        self.assertEqual(words, [["[NEW]", "tcp", "6", "120", "SYN_SENT"], ["[UPDATE]", "tcp", "6", "60", "SYN_RECV"],
                                 ["[UPDATE]", "tcp", "6", "432000", "ESTABLISHED"],
                                 ["[NEW]", "tcp", "6", "120", "SYN_SENT"], ["[DESTROY]", "tcp", "6", "119", "CLOSE"]])

    def test_a_mark_is_told_without_the_state(self):
        text = "*mangle\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p tcp -m tcp --tcp-flags PSH PSH -j CONNMARK --set-mark 5\nCOMMIT\n"
        frames = [c.frame(c.tcp(c.HOST, 4000, c.PEER, 80, c.ACK, 1, 1)),
                  c.frame(c.tcp(c.HOST, 4000, c.PEER, 80, c.ACK | c.PSH, 1, 1, b"x"))]
        line = self.events(frames, rule_text=text).splitlines()[-1]
        self.assertRegex(line, r"^ \[UPDATE\] tcp      6 300 src=.* dport=4000 mark=5$")

    def test_flows_that_end_between_two_packets_end_in_order(self):
        frames = [(i, c.frame(c.udp(c.HOST, 40000 + i, c.PEER, 53))) for i in range(20)]
        frames.append((300, c.ARP))
        ends = [line for line in self.events(frames).splitlines() if "DESTROY" in line]
        self.assertEqual([f"sport={40000 + i} " in line for i, line in enumerate(ends)], [True] * 20)

    def test_more_at_once_than_are_kept_is_said(self):
        frames = [(i * 1e-6, c.frame(c.udp(c.HOST, 1024 + i % 60000, c.PEER, 53 + i // 60000))) for i in range(70000)]
        frames.append((300, c.ARP))
        self.file("rules", rules(STATEFUL))
        self.file("capture", c.pcap(frames))
        result = self.run_program("replay", "--rules", "rules", *HOST, "--events", "capture")
        self.assertEqual(result.out.count("[NEW]"), 70000)
        self.assertEqual(result.out.count("[DESTROY]"), 65536)
        self.assertIn("4464 events were lost", result.err)

    def test_with_a_script_that_is_not_met(self):
        self.file("script.flow", "out udp 192.168.1.2:40000 > 192.168.1.7:53 => ACCEPT ESTABLISHED\n")
        frames = [(0, c.frame(c.udp(c.HOST, 40000, c.PEER, 53)))]
        self.assertIn("[NEW]", self.events(frames, "--expect", "script.flow", expect=NO))


if __name__ == "__main__":
    program.main()
