"""sallyport replay: the contract of --json, and what each flag does."""

import os
import shutil
import subprocess

import capture as c
import program
from program import NO, OK, STATEFUL, UNCERTAIN, USAGE, rules

KEYS = ["i", "t", "hook", "verdict", "state", "ctdir", "ctstatus", "rule", "reason", "certain",
        "family", "src", "dst", "proto", "sport", "dport"]


def question(sport=40000, dport=53, peer=c.PEER):
    return c.frame(c.udp(c.HOST, sport, peer, dport))


def answer(sport=53, dport=40000, peer=c.PEER, **more):
    return c.frame(c.udp(peer, sport, c.HOST, dport, **more))


class Json(program.Case):
    def test_every_key_of_an_exchange(self):
        result = self.replay(rules(STATEFUL), c.pcap([question(), answer()]))
        out, back = result.records
        self.assertEqual(out, {
            "i": 0, "t": 1700000000.0, "hook": "POSTROUTING", "verdict": "ACCEPT", "state": "NEW",
            "ctdir": "ORIGINAL", "ctstatus": ["CONFIRMED"],
            "rule": {"table": "filter", "chain": "OUTPUT", "num": "policy", "target": "ACCEPT", "line": 4},
            "reason": "policy", "certain": True, "family": "ipv4", "src": c.HOST, "dst": c.PEER,
            "proto": "udp", "sport": 40000, "dport": 53})
        self.assertEqual(back, {
            "i": 1, "t": 1700000000.001, "hook": "INPUT", "verdict": "ACCEPT", "state": "ESTABLISHED",
            "ctdir": "REPLY", "ctstatus": ["SEEN_REPLY", "CONFIRMED"],
            "rule": {"table": "filter", "chain": "INPUT", "num": 1, "target": "ACCEPT", "line": 5},
            "reason": "rule", "certain": True, "family": "ipv4", "src": c.PEER, "dst": c.HOST,
            "proto": "udp", "sport": 53, "dport": 40000})
        self.assertEqual(list(out), KEYS)

    def test_times_keep_nanoseconds(self):
        frames = [(0.123456789, question())]
        line = self.replay(rules(), c.pcap(frames, nano=True)).out
        self.assertIn('"t":1700000000.123456789,', line)

    def test_one_object_for_every_record_in_order(self):
        frames = [c.ARP, question(), b"\x01\x02", answer(), c.frame(b"\x45" + bytes(10)),
                  c.frame(c.udp("10.0.0.1", 1, "10.0.0.2", 2)), b"",
                  c.frame(c.udp(c.PEER6, 1, c.HOST6, 2)),
                  c.frame(c.udp(c.PEER, 5, "239.1.2.3", 5))]
        result = self.replay(rules(STATEFUL), c.pcap(frames))
        self.assertEqual(result.column("i"), list(range(len(frames))))
        self.assertEqual(list(zip(result.column("verdict"), result.column("reason"))), [
            ("NONE", "not-ip"), ("ACCEPT", "policy"), ("NONE", "not-ip"), ("ACCEPT", "rule"),
            ("NONE", "cut-short"), ("NONE", "other-host"), ("NONE", "not-ip"), ("NONE", "no-rules"),
            ("NONE", "group-not-joined")])

    def test_what_never_reached_a_chain_has_null_where_there_is_nothing(self):
        arp, = self.replay(rules(), c.pcap([c.ARP])).records
        self.assertEqual(arp, dict.fromkeys(KEYS) | {
            "i": 0, "t": 1700000000.0, "verdict": "NONE", "reason": "not-ip", "certain": True})

    def test_reject_is_a_drop_that_says_what_was_sent(self):
        record, = self.replay(rules("-A INPUT -j REJECT --reject-with icmp-port-unreachable"),
                              c.pcap([answer()])).records
        self.assertEqual((record["verdict"], record["rule"]["target"]), ("DROP", "REJECT"))
        self.assertEqual(record["reject_with"], "icmp-port-unreachable")
        self.assertEqual(record["answered"], True)

    def test_a_held_fragment_is_stolen_and_names_the_record_that_completes_it(self):
        parts = c.fragments(c.udp(c.PEER, 53, c.HOST, 7, bytes(100)), 48)
        result = self.replay(rules("-A INPUT -p udp --dport 7 -m conntrack --ctstate NEW -j ACCEPT"),
                             c.pcap([c.frame(p) for p in parts]))
        self.assertEqual(result.column("verdict"), ["STOLEN", "STOLEN", "ACCEPT"])
        self.assertEqual([r.get("completed_by") for r in result.records], [2, 2, None])
        self.assertEqual(result.column("state"), [None, None, "NEW"])

    def test_a_fragment_that_nothing_completes(self):
        first = c.fragments(c.udp(c.PEER, 53, c.HOST, 7, bytes(100)), 48)[0]
        result = self.replay(rules(STATEFUL), c.pcap([c.frame(first)]))
        self.assertEqual(result.column("verdict"), ["STOLEN"])
        self.assertIsNone(result.records[0]["completed_by"])

    def test_states_and_statuses(self):
        frames = [question(),
                  c.frame(c.icmp(c.PEER, c.HOST, 3, 3, bytes(4), c.udp(c.HOST, 40000, c.PEER, 53)[:28])),
                  answer(good=False), c.frame(c.icmp(c.PEER, c.HOST, 0))]
        text = rules(input="ACCEPT") + "*raw\n-A OUTPUT -p tcp -j CT --notrack\nCOMMIT\n"
        frames.append(c.frame(c.tcp(c.HOST, 40001, c.PEER, 80, c.SYN)))
        result = self.replay(text, c.pcap(frames))
        self.assertEqual(result.column("state"), ["NEW", "RELATED", "INVALID", "INVALID", "UNTRACKED"])
        self.assertEqual(result.column("ctdir"), ["ORIGINAL", "REPLY", None, None, None])
        self.assertEqual(result.column("ctstatus")[2:], [None, None, None])

    def test_a_comment_that_is_no_utf8_is_no_trouble(self):
        text = rules().encode().replace(
            b"COMMIT", b'-A INPUT -m comment --comment "caf\xe9 \xff" -j DROP\nCOMMIT')
        for flags in ([], ["--filter", "udp"]):
            self.file("bytes.rules", text)
            self.file("capture", c.pcap([answer()]))
            self.run_program("replay", "--rules", "bytes.rules", "--host", c.HOST, *flags, "capture")
            self.run_program("explain", "--json", "--rules", "bytes.rules", "--host", c.HOST, "capture", 0)
        record, = self.replay(text.decode("latin-1"), c.pcap([answer()])).records
        self.assertEqual(record["rule"]["num"], 1)


class LinkTypes(program.Case):
    def expect_exchange(self, data, host=None):
        result = self.replay(rules(STATEFUL), data, *(host or []))
        self.assertEqual(result.column("state"), ["NEW", "ESTABLISHED"])

    def test_each_link_type_that_pcap_files_have(self):
        packets = c.udp(c.HOST, 40000, c.PEER, 53), c.udp(c.PEER, 53, c.HOST, 40000)
        for link in (c.NULL, c.ETHERNET, c.PPP, c.RAW_BSD, c.RAW, c.LOOP, c.COOKED, c.IPV4, c.COOKED2):
            with self.subTest(link=link):
                self.expect_exchange(c.pcap([c.frame(p, link) for p in packets], link))

    def test_vlan_tags_one_and_two(self):
        packets = c.udp(c.HOST, 40000, c.PEER, 53), c.udp(c.PEER, 53, c.HOST, 40000)
        for tags in ([(0x8100, 5)], [(0x88a8, 5), (0x8100, 6)]):
            self.expect_exchange(c.pcap([c.frame(p, vlans=tags) for p in packets]))

    def test_byte_orders_and_resolutions(self):
        for order in "<>":
            for nano in (False, True):
                self.expect_exchange(c.pcap([question(), answer()], order=order, nano=nano))

    def test_pcapng_in_both_byte_orders(self):
        for order in "<>":
            self.expect_exchange(c.pcapng([(0, 0, question()), (0, 1, answer())], order=order))

    def test_ipv6(self):
        frames = [c.frame(c.udp(c.HOST6, 40000, c.PEER6, 53), c.IPV6),
                  c.frame(c.udp(c.PEER6, 53, c.HOST6, 40000), c.IPV6)]
        self.file("rules6", rules(STATEFUL))
        self.file("capture", c.pcap(frames, c.IPV6))
        result = self.run_program("replay", "--json", "--rules6", "rules6", "--host", c.HOST6 + "/64", "capture")
        self.assertEqual(result.column("state"), ["NEW", "ESTABLISHED"])
        self.assertEqual(result.column("family"), ["ipv6", "ipv6"])


class Interfaces(program.Case):
    RULES = rules("-A INPUT -i wlan0 -j ACCEPT")

    def test_the_name_that_pcapng_gives(self):
        data = c.pcapng([(0, 0, answer()), (1, 1, answer())],
                        [("eth7", c.ETHERNET), ("wlan0", c.ETHERNET)])
        result = self.replay(self.RULES, data, "--host", c.HOST + "/24")
        self.assertEqual(result.column("verdict"), ["DROP", "ACCEPT"])

    def test_else_the_only_one_in_the_rules(self):
        result = self.replay(self.RULES, c.pcap([answer()]), "--host", c.HOST + "/24")
        self.assertEqual(result.column("verdict"), ["ACCEPT"])

    def test_else_eth0(self):
        two = rules("-A INPUT -i wlan0 -j DROP", "-A INPUT -i eth0 -j ACCEPT")
        result = self.replay(two, c.pcap([answer()]), "--host", c.HOST + "/24")
        self.assertEqual(result.column("rule")[0]["num"], 2)
        self.assertIn("the interface it is taken to be eth0 (the rules name eth0, wlan0)", result.err)
        result = self.replay(two, c.pcap([answer()]), "--host", f"wlan0={c.HOST}/24")
        self.assertNotIn("taken to be", result.err)

    def test_the_one_that_host_names_before_all(self):
        data = c.pcapng([(0, 0, answer())], [("eth7", c.ETHERNET)])
        result = self.replay(self.RULES, data, "--host", f"wlan0={c.HOST}/24")
        self.assertEqual(result.column("verdict"), ["ACCEPT"])


class WhoTheHostIs(program.Case):
    def hooks(self, *flags, frames):
        return self.replay(rules(), c.pcap(frames), *flags).column("hook")

    def test_from_it_to_it_its_broadcast_and_from_itself_to_itself(self):
        frames = [question(), answer(), c.frame(c.udp(c.PEER, 137, "192.168.1.255", 137)),
                  c.frame(c.udp(c.PEER, 68, "255.255.255.255", 67)),
                  c.frame(c.udp(c.HOST, 5, c.HOST, 6)), c.frame(c.udp(c.PEER, 5, "192.168.1.9", 6))]
        self.assertEqual(self.hooks("--host", c.HOST + "/24", frames=frames),
                         ["POSTROUTING", "INPUT", "INPUT", "INPUT", "INPUT", None])

    def test_several_addresses_in_one_flag_or_in_more(self):
        frames = [answer(), c.frame(c.udp("10.0.0.9", 5, "10.0.0.1", 6))]
        for flags in (["--host", f"eth0={c.HOST}/24,eth1=10.0.0.1/8"],
                      ["--host", c.HOST, "--host", "10.0.0.1"]):
            self.assertEqual(self.hooks(*flags, frames=frames), ["INPUT", "INPUT"])

    def test_a_group_joined_before_the_capture(self):
        frame = [c.frame(c.udp(c.PEER, 1900, "239.255.255.250", 1900))]
        self.assertEqual(self.replay(rules(), c.pcap(frame)).column("reason"), ["group-not-joined"])
        self.assertEqual(self.hooks("--group", "239.255.255.250", frames=frame), ["INPUT"])

    def test_the_answers_of_reject_are_a_capture(self):
        frames = [c.frame(c.udp(c.PEER, 5, c.HOST, 6)), c.frame(c.icmp(c.PEER, c.HOST, 3)),
                  c.frame(c.tcp(c.PEER, 5, c.HOST, 6, c.SYN))]
        reject = rules("-A INPUT -p tcp -j REJECT --reject-with tcp-reset", "-A INPUT -j REJECT")
        result = self.replay(reject, c.pcap(frames), "--answers", "answers.pcapng")
        self.assertEqual(result.column("answered"), [True, False, True])
        self.file("accept", rules(input="ACCEPT"))
        answers = self.run_program("replay", "--json", "--rules", "accept", "--host", c.HOST, "answers.pcapng")
        self.assertEqual(answers.column("hook"), ["POSTROUTING"] * 2)
        self.assertEqual(answers.column("proto"), ["icmp", "tcp"])
        self.assertEqual(answers.column("dst"), [c.PEER] * 2)
        self.run_program("replay", "--rules", "rules", "--host", c.HOST, "--answers", "capture", "capture",
                         expect=USAGE)

    def test_a_guess_is_printed(self):
        frames = [question(), answer(), question(peer="10.0.0.1"), answer(peer="10.0.0.1")]
        result = self.replay(rules(STATEFUL), c.pcap(frames), guess=True)
        self.assertIn(f"guessed: the host is {c.HOST}/24: ", result.err)
        self.assertIn(f"say --host {c.HOST}/24 (", result.err)
        self.assertEqual(result.column("verdict"), ["ACCEPT"] * 4)

    def test_a_routers_capture_is_nobodys(self):
        ways = [c.udp(c.PEER, 5, "203.0.113.9", 53, ttl=ttl) for ttl in (64, 63)]
        result = self.replay(rules(), c.pcap([c.frame(packet) for packet in ways]), guess=True)
        self.assertIn("a router's capture: 1 of 2 packets come a second time, one hop on", result.err)
        self.assertIn("--forward", result.err)
        self.assertNotIn("guessed", result.err)

    def test_a_capture_from_a_pipe_is_judged_as_its_guess_says(self):
        data = c.pcap([question(), answer(), question(peer="10.0.0.1"), answer(peer="10.0.0.1")])
        self.file("rules", rules(STATEFUL))
        result = self.run_program("replay", "--json", "--rules", "rules", "-", stdin=data)
        self.assertIn(f"guessed: the host is {c.HOST}", result.err)
        self.assertEqual(result.column("verdict"), ["ACCEPT"] * 4)

    def test_a_group_counts_for_a_guessed_host_too(self):
        frames = [question(), answer(), question(peer="10.0.0.1"),
                  c.frame(c.udp(c.PEER, 1900, "239.255.255.250", 1900))]
        result = self.replay(rules(), c.pcap(frames), "--group", "239.255.255.250", guess=True)
        self.assertEqual(result.column("hook")[3], "INPUT")

    def test_a_host_of_32_bits_is_warned_about_discovery(self):
        result = self.replay(rules(), c.pcap([answer()]), "--host", c.HOST)
        self.assertIn("nothing is on-link of a /32", result.err)

    def test_flags_that_make_no_sense_are_usage(self):
        for flags, says in ((["--host", "nonsense"], "--host nonsense: 'nonsense' is no address"),
                            (["--host", c.HOST + "/33"], "--host 192.168.1.2/33: "),
                            (["--group", c.HOST], "--group 192.168.1.2: not a multicast address"),
                            (["--forward", "--inside", "x"], "--inside x: not a network"),
                            (["--forward", "--in-if", "a-name-of-17-bytes"], "--in-if a-name-of-17-bytes: "),
                            (["--forward", "--host", c.HOST], "--host excludes --forward"),
                            (["--inside", "10.0.0.0/8"], "--inside requires --forward"),
                            (["--bridge", "br0"], "--bridge requires --forward"),
                            (["--forward", "--bridge", "a-name-of-17-bytes"], "--bridge a-name-of-17-bytes: "),
                            (["--forward", "--bridge", "in0"], "--bridge in0: it has two ports"),
                            (["--compat", "bsd"], "--compat: bsd"),
                            (["--checksums", "maybe"], "--checksums: maybe"),
                            (["--sysctl", "net.netfilter.nonsense=1"], "no such knob"),
                            (["--sysctl", "net.netfilter.nf_conntrack_udp_timeout=-1"], "a number from 0"),
                            (["--filter", "nonsense ("], "--filter: ")):
            with self.subTest(flags=flags):
                result = self.replay(rules(), c.pcap([]), *flags, expect=USAGE)
                self.assertIn(says, result.err)
                self.assertEqual(result.out, "")


class Forward(program.Case):
    RULES = rules("-A FORWARD -i in0 -o out0 -j ACCEPT", STATEFUL.replace("INPUT", "FORWARD"))
    FRAMES = [c.frame(c.udp("10.0.0.5", 4000, "1.1.1.1", 53)), c.frame(c.udp("1.1.1.1", 53, "10.0.0.5", 4000)),
              c.frame(c.udp("1.1.1.2", 53, "10.0.0.5", 4000))]

    def test_every_packet_crosses_forward_in_at_in0_if_its_source_is_inside(self):
        result = self.replay(self.RULES, c.pcap(self.FRAMES), "--forward", "--inside", "10.0.0.0/8,172.16.0.0/12")
        self.assertEqual(result.column("verdict"), ["ACCEPT", "ACCEPT", "DROP"])
        self.assertEqual(result.column("hook"), ["POSTROUTING", "POSTROUTING", "FORWARD"])
        self.assertEqual(result.column("rule")[1]["num"], 2)

    def test_without_inside_it_says_what_it_takes_for_granted(self):
        result = self.replay(self.RULES, c.pcap(self.FRAMES), "--forward")
        self.assertIn("no --inside: every packet is taken to come in at out0", result.err)
        self.assertEqual(result.column("verdict"), ["DROP"] * 3)

    def test_rules_for_other_interfaces_are_said(self):
        text = self.RULES.replace("in0", "lan").replace("out0", "wan")
        result = self.replay(text, c.pcap(self.FRAMES), "--forward", "--inside", "10.0.0.0/8")
        self.assertIn("the rules name lan, wan, and not in0 or out0: give --in-if and --out-if", result.err)

    def test_the_interfaces_have_the_names_that_are_given(self):
        text = self.RULES.replace("in0", "lan").replace("out0", "wan")
        result = self.replay(text, c.pcap(self.FRAMES), "--forward", "--inside", "10.0.0.0/8",
                             "--in-if", "lan", "--out-if", "wan")
        self.assertEqual(result.column("verdict"), ["ACCEPT", "ACCEPT", "DROP"])


class Bridge(program.Case):
    RULES = rules("-A FORWARD -i br0 -o br0 -m physdev --physdev-in in0 --physdev-out out0 -m ttl --ttl-eq 64 -j ACCEPT",
                  "-A FORWARD -m physdev --physdev-is-bridged -m conntrack --ctstate ESTABLISHED -j ACCEPT")

    def test_packets_are_handed_on_between_the_ports_and_not_routed(self):
        result = self.replay(self.RULES, c.pcap(Forward.FRAMES), "--forward", "--bridge", "br0",
                             "--inside", "10.0.0.0/8")
        self.assertEqual(result.column("verdict"), ["ACCEPT", "ACCEPT", "DROP"])
        self.assertEqual([rule["num"] for rule in result.column("rule")], [1, 2, "policy"])

    def test_a_port_has_the_name_that_is_given(self):
        text = self.RULES.replace("in0", "lan").replace("out0", "wan")
        result = self.replay(text, c.pcap(Forward.FRAMES), "--forward", "--bridge", "br0",
                             "--inside", "10.0.0.0/8", "--in-if", "lan", "--out-if", "wan")
        self.assertEqual(result.column("verdict"), ["ACCEPT", "ACCEPT", "DROP"])

    def test_rules_that_take_a_port_for_an_interface_are_said(self):
        text = self.RULES.replace("-i br0", "-i in0").replace("-o br0", "-o out0")
        result = self.replay(text, c.pcap(Forward.FRAMES), "--forward", "--bridge", "br0")
        self.assertIn("the rules name in0, out0, and not br0", result.err)

    def test_ask_goes_by_the_bridge_where_a_way_names_its_ports(self):
        packet = "udp 10.0.0.5:4000 > 1.1.1.1:53"
        for way, flags, verdict in (("fwd in0 out0", ["--bridge", "br0"], "ACCEPT"),
                                    ("fwd out0 in0", ["--bridge", "br0"], "DROP"),
                                    ("fwd in0 eth9", ["--bridge", "br0"], "DROP"),
                                    ("fwd in0 out0", [], "DROP")):
            with self.subTest(way=way, flags=flags):
                result = self.run_program("ask", "--rules", self.file("my.rules", self.RULES), "--forward",
                                          *flags, "--json", f"{way} {packet}")
                self.assertEqual(result.column("verdict"), [verdict])

    def test_what_a_bridge_rejects_is_answered_though_no_route_is_known(self):
        result = self.replay(rules("-A FORWARD -j REJECT"), c.pcap(Forward.FRAMES[:1]), "--forward", "--bridge", "br0",
                             "--answers", "answers.pcapng")
        self.assertEqual(result.column("verdict"), ["DROP"])
        answers = self.run_program("replay", "--json", "--rules", "rules", "--forward", "answers.pcapng")
        self.assertEqual(answers.column("dst"), ["10.0.0.5"])

    def test_tagged_frames_are_judged_like_others(self):
        tagged = c.frame(c.udp("10.0.0.5", 4000, "1.1.1.1", 53), vlans=[(0x8100, 7)])
        result = self.replay(self.RULES, c.pcap([tagged]), "--forward", "--bridge", "br0", "--inside", "10.0.0.0/8")
        self.assertEqual(result.column("verdict"), ["ACCEPT"])

    def test_explain_says_the_ports(self):
        packet = "fwd out0 in0 udp 10.0.0.5:4000 > 1.1.1.1:53"
        result = self.run_program("ask", "--rules", self.file("my.rules", self.RULES), "--forward",
                                  "--bridge", "br0", packet)
        self.assertIn("it came in at out0, and goes out by in0", result.out)


class Knobs(program.Case):
    FRAMES = [(0, question()), (40, answer())]

    def states(self, *flags):
        return self.replay(rules(STATEFUL), c.pcap(self.FRAMES), *flags).column("state")

    def test_sysctl_as_a_word_and_as_a_file(self):
        self.assertEqual(self.states(), ["NEW", "NEW"])
        self.assertEqual(self.states("--sysctl", "net.netfilter.nf_conntrack_udp_timeout=60"),
                         ["NEW", "ESTABLISHED"])
        self.file("sysctl.conf", "# of the machine\nnet.ipv4.ip_forward = 1\n"
                                 "net.netfilter.nf_conntrack_udp_timeout = 60\n")
        self.assertEqual(self.states("--sysctl", "sysctl.conf"), ["NEW", "ESTABLISHED"])

    def test_the_last_one_holds(self):
        knob = "net.netfilter.nf_conntrack_udp_timeout="
        self.assertEqual(self.states("--sysctl", knob + "60", "--sysctl", knob + "5"), ["NEW", "NEW"])

    def test_an_error_in_a_sysctl_file_has_its_place(self):
        self.file("sysctl.conf", "\nnet.netfilter.nf_conntrack_udp_timeout = often\n")
        result = self.replay(rules(), c.pcap([]), "--sysctl", "sysctl.conf", expect=NO)
        self.assertIn("sysctl.conf:2:42: error: ", result.err)

    def test_compat_linux_turns_discovery_off(self):
        search = b"M-SEARCH * HTTP/1.1\r\nMX: 2\r\nMAN: \"ssdp:discover\"\r\n\r\n"
        frames = [(0, c.frame(c.udp(c.HOST, 40000, "239.255.255.250", 1900, search))),
                  (1, answer(1900, 40000))]
        self.assertEqual(self.replay(rules(STATEFUL), c.pcap(frames)).column("state"), ["NEW", "RELATED"])
        linux = self.replay(rules(STATEFUL), c.pcap(frames), "--compat", "linux")
        self.assertEqual(linux.column("state"), ["NEW", "NEW"])

    def test_a_descriptor_of_the_users_own(self):
        frames = [(0, c.frame(c.udp(c.HOST, 40000, "239.1.1.1", 777, b"who?"))), (1, answer(777, 40000))]
        self.file("my.discovery", "protocol mine\nquestion to 239.1.1.1 port 777\nanswer within 3 s\n")
        result = self.replay(rules(STATEFUL), c.pcap(frames), "--discovery", "my.discovery")
        self.assertEqual(result.column("state"), ["NEW", "RELATED"])

    def test_wrong_checksums_are_invalid_unless_ignored(self):
        data = c.pcap([question(), answer(good=False)])
        self.assertEqual(self.replay(rules(STATEFUL), data).column("reason")[1], "invalid-checksum")
        ignored = self.replay(rules(STATEFUL), data, "--checksums", "ignore")
        self.assertEqual(ignored.column("state"), ["NEW", "ESTABLISHED"])


class Certainty(program.Case):
    CONNTRACK = (f"ipv4     2 udp      17 25 src={c.HOST} dst={c.PEER} sport=40000 dport=53 [UNREPLIED] "
                 f"src={c.PEER} dst={c.HOST} sport=53 dport=40000 mark=0 use=1\n")

    def test_a_drop_that_an_unseen_flow_could_explain_is_uncertain(self):
        data = c.pcap([answer()])
        record, = self.replay(rules(STATEFUL), data).records
        self.assertEqual((record["verdict"], record["reason"], record["certain"]),
                         ("DROP", "may-predate-capture", False))
        self.replay(rules(STATEFUL), data, "--strict", expect=UNCERTAIN)

    def test_conntrack_says_what_there_was(self):
        self.file("ct", self.CONNTRACK)
        result = self.replay(rules(STATEFUL), c.pcap([answer()]), "--conntrack", "ct", "--strict")
        self.assertEqual((result.column("verdict"), result.column("state")), (["ACCEPT"], ["ESTABLISHED"]))
        self.file("none", "")
        result = self.replay(rules(STATEFUL), c.pcap([answer()]), "--conntrack", "none", "--strict")
        self.assertEqual((result.column("reason"), result.column("certain")), (["policy"], [True]))

    def test_a_rule_that_needs_bytes_that_were_cut_off_says_so(self):
        text = rules("-A INPUT -p udp --dport 7 -j ACCEPT")
        record, = self.replay(text, c.pcap([answer(dport=7)], snaplen=14 + 20)).records
        self.assertEqual((record["reason"], record["certain"]), ("not-in-the-capture", False))

    def test_headers_that_are_there_are_enough(self):
        text = rules("-A INPUT -p udp --dport 7 -m length --length 128 -j ACCEPT")
        data = c.pcap([answer(dport=7, payload=bytes(100))], snaplen=14 + 28)
        record, = self.replay(text, data).records
        self.assertEqual((record["verdict"], record["certain"]), ("ACCEPT", True))

    def test_nat_is_not_done_and_is_counted(self):
        text = rules() + "*nat\n-A POSTROUTING -o eth0 -j MASQUERADE\nCOMMIT\n"
        record, = self.replay(text, c.pcap([question()])).records
        self.assertEqual((record["certain"], record["reason"]), (False, "nat-not-done"))
        self.replay(text, c.pcap([question()]), "--strict", expect=UNCERTAIN)
        people = self.run_program("replay", "--rules", "rules", "--host", c.HOST + "/24", "capture")
        self.assertIn("NAT", people.out)


class Printing(program.Case):
    FRAMES = [question(), answer(), question(sport=41000, dport=123), answer(sport=123, dport=41000)]

    def test_filter_prints_matches_only_but_tracks_all(self):
        result = self.replay(rules(STATEFUL), c.pcap(self.FRAMES), "--filter", "src port 123")
        self.assertEqual((result.column("i"), result.column("state")), ([3], ["ESTABLISHED"]))

    def test_against_prints_what_differs(self):
        self.file("second", rules())
        result = self.replay(rules(STATEFUL), c.pcap(self.FRAMES), "--against", "second")
        self.assertEqual(result.column("i"), [1, 3])
        for record in result.records:
            self.assertEqual(record["verdict"], "ACCEPT")
            self.assertEqual(record["against"]["verdict"], "DROP")
            self.assertEqual(record["against"]["rule"]["num"], "policy")

    def test_against_itself_prints_nothing(self):
        self.file("second", rules(STATEFUL))
        self.assertEqual(self.replay(rules(STATEFUL), c.pcap(self.FRAMES), "--against", "second").out, "")

    def test_annotations_are_read_back_with_the_same_verdicts(self):
        frames = [c.ARP, *self.FRAMES, c.frame(c.udp(c.PEER, 1, c.HOST, 1))]
        before = self.replay(rules(STATEFUL), c.pcap(frames), "--annotate", "out.pcapng")
        again = self.run_program("replay", "--json", "--rules", "rules", "--host",
                                 "eth0=192.168.1.2/24", "out.pcapng")
        for key in KEYS:
            self.assertEqual(before.column(key), again.column(key), key)
        with open(os.path.join(self.scratch, "out.pcapng"), "rb") as out:
            data = out.read()
        self.assertIn(b"ACCEPT ESTABLISHED  filter/INPUT:1", data)

    def test_wireshark_shows_the_comments(self):
        if not shutil.which("tshark"):
            self.skipTest("tshark is not installed")
        self.replay(rules(STATEFUL), c.pcap(self.FRAMES), "--annotate", "out.pcapng")
        shown = subprocess.run(["tshark", "-r", "out.pcapng", "-T", "fields", "-e", "frame.comment"],
                               cwd=self.scratch, capture_output=True, text=True, timeout=60, check=True)
        self.assertEqual(len(shown.stdout.splitlines()), 4)
        self.assertIn("ACCEPT ESTABLISHED  filter/INPUT:1", shown.stdout.splitlines()[1])

    def test_annotating_the_capture_itself_is_refused(self):
        data = c.pcap(self.FRAMES)
        result = self.replay(rules(), data, "--annotate", "capture", expect=USAGE)
        self.assertIn("it is the capture itself", result.err)
        with open(os.path.join(self.scratch, "capture"), "rb") as kept:
            self.assertEqual(kept.read(), data)

    def test_standard_input_can_be_the_capture_or_the_rules_not_both(self):
        self.file("rules", rules(STATEFUL))
        data = self.file("capture", c.pcap(self.FRAMES))
        with open(os.path.join(self.scratch, data), "rb") as whole:
            piped = self.run_program("replay", "--json", "--rules", "rules", "--host", c.HOST, "-",
                                     stdin=whole.read())
        self.assertEqual(len(piped.records), 4)
        self.run_program("replay", "--rules", "-", "--host", c.HOST, "capture", stdin=rules().encode())
        both = self.run_program("replay", "--rules", "-", "--host", c.HOST, "-", stdin=rules().encode(),
                                expect=USAGE)
        self.assertIn("read already", both.err)


class Summary(program.Case):
    def people(self, text, data, *flags):
        self.file("rules", text)
        self.file("capture", data)
        return self.run_program("replay", "--rules", "rules", "--host", "eth0=192.168.1.2/24", *flags, "capture").out

    def test_is_for_people(self):
        frames = [question(), answer(), answer(sport=9, dport=9), c.ARP]
        out = self.people(rules(STATEFUL, "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"), c.pcap(frames))
        self.assertEqual(out, SUMMARY)

    def test_hints_at_offload(self):
        frames = [c.frame(c.udp(c.HOST, 40000, c.PEER, 53, good=False)), answer()]
        self.assertIn("--checksums ignore", self.people(rules(STATEFUL), c.pcap(frames)))
        self.assertNotIn("offload", self.people(rules(STATEFUL), c.pcap([question(), answer()])))
        self.assertNotIn("offload", self.people(rules(STATEFUL), c.pcap(frames), "--checksums", "ignore"))
        # Sent by a container of the same machine, and forwarded.
        self.assertIn("2 of 2 packets that came in have a bad checksum",
                      self.people(rules(STATEFUL), c.pcap([answer(good=False)] * 2)))

    def test_hints_at_rules_that_are_missing(self):
        out = self.people(rules(), c.pcap([c.frame(c.udp(c.PEER6, 1, c.HOST6, 2))]), "--host", c.HOST6 + "/64")
        self.assertNotIn("rules hit", out)
        self.assertIn("1 IPv6 packet not judged, as there are no rules of this family: give --rules6", out)

    def test_names_the_groups_whose_joining_was_not_seen_in_one_hint(self):
        frames = [c.frame(c.udp(c.PEER, 5, group, 5)) for group in ("224.0.0.251", "239.1.1.1", "224.0.0.251")]
        out = self.people(rules(), c.pcap(frames))
        self.assertIn("3 packets to groups whose joining is not in the capture", out)
        self.assertIn("--group 224.0.0.251,239.1.1.1", out)

    def test_counts_the_flows_that_are_left(self):
        frames = [question(), answer(), question(sport=1), c.frame(c.icmp(c.HOST, c.PEER, 8))]
        out = self.people(rules(STATEFUL), c.pcap(frames))
        self.assertIn("        3  at the end\n          1  icmp, 1 without an answer\n"
                      "          2  udp, 1 without an answer\n", out)

    def test_has_no_colour_in_a_pipe(self):
        self.assertNotIn("\x1b", self.people(rules(STATEFUL), c.pcap([question()])))

    def test_an_empty_capture(self):
        self.assertIn("0 packets", self.people(rules(), c.pcap([])))


SUMMARY = """\
4 packets in 0.003000 s

verdicts, and the rules that gave them
        1  NONE: no chain gave a verdict
        2  ACCEPT
          1  filter/INPUT:1
          1  filter/OUTPUT:policy
        1  DROP
          1  filter/INPUT:policy

states
        2  NEW
        1  ESTABLISHED

why packets were not accepted
        1  may-predate-capture:
           an exchange that began before the capture could explain this packet

rules hit
  packets      bytes
        1         33  filter/INPUT:1  -m conntrack --ctstate RELATED,ESTABLISHED
                        -j ACCEPT
        1         33  filter/INPUT:policy  DROP
        1         33  filter/OUTPUT:policy  ACCEPT

rules never hit
                      filter/INPUT:2  -p tcp -m tcp --dport 22 -j ACCEPT

flows
        1  at the end
          1  udp

hints
  1 drop could be explained by exchanges that began before the capture: give the
    table of that moment with --conntrack FILE (`conntrack -L -o extended`), or
    --conntrack /dev/null if it was empty
"""

if __name__ == "__main__":
    program.main()
