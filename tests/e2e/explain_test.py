"""sallyport explain and ask: one packet, its way, and what would change it."""

import json

import capture as c
import program
from program import NO, STATEFUL, UNCERTAIN, USAGE, rules

SEARCH = b"M-SEARCH * HTTP/1.1\r\nMX: 2\r\nMAN: \"ssdp:discover\"\r\n\r\n"


class Explain(program.Case):
    def setUp(self):
        super().setUp()
        self.file("rules", rules(STATEFUL, "-A INPUT -s 10.0.0.0/8 -p udp -j ACCEPT"))
        frames = [(0, c.frame(c.udp(c.HOST, 40000, "239.255.255.250", 1900, SEARCH))),
                  (1, c.frame(c.udp(c.PEER, 1900, c.HOST, 40000))),
                  (2, c.frame(c.udp(c.PEER, 53, c.HOST, 41000)))]
        self.file("capture", c.pcap(frames))

    def explain(self, *arguments, **more):
        return self.run_program("explain", "--rules", "rules", "--host", "eth0=192.168.1.2/24", *arguments, **more)

    def test_tells_the_way_with_the_first_condition_that_failed_of_each_rule(self):
        out = self.explain("capture", 2).out
        self.assertIn("filter INPUT\n", out)
        self.assertIn("no: --ctstate RELATED,ESTABLISHED   (the packet: NEW)", out)
        self.assertIn("no: -s 10.0.0.0/8   (the packet: 192.168.1.7)", out)
        self.assertIn("DROP by the policy of INPUT in filter (rules:2)", out)

    def test_tells_the_near_miss_and_what_would_let_it_in(self):
        out = self.explain("--compat", "linux", "capture", 1).out
        self.assertIn("239.255.255.250", out)
        self.assertIn("also lets through", out)

    def test_a_bad_checksum_among_many_is_suspicious(self):
        bad = c.frame(c.udp(c.HOST, 40000, c.PEER, 53, good=False))
        answer = c.frame(c.udp(c.PEER, 53, c.HOST, 40000, good=False))
        self.file("capture", c.pcap([bad, bad, answer]))
        out = self.explain("capture", 2).out
        self.assertIn("2 of 2 packets of the local host have a bad checksum: captured with offload?", out)
        self.assertLess(out.index("--checksums ignore, if"), out.index("iptables -I"))

    def test_an_expression_means_its_first_match(self):
        self.assertEqual(self.explain("capture", "src port 53").out, self.explain("capture", 2).out)

    def test_json_is_the_record_with_three_keys_more(self):
        found = json.loads(self.explain("--json", "capture", 2).out)
        self.assertEqual((found["i"], found["verdict"]), (2, "DROP"))
        self.assertEqual(list(found)[-3:], ["way", "near_misses", "remedies"])

    def test_anonymized_it_holds_no_address_of_the_capture(self):
        out = self.explain("--anonymize", "capture", 2).out
        self.assertNotIn("192.168.", out)
        self.assertIn("DROP", out)

    def test_a_packet_that_is_not_there(self):
        self.assertIn("capture has no packet 99: its last is 2", self.explain("capture", 99, expect=USAGE).err)
        self.assertIn("matches 'port 5'", self.explain("capture", "port 5", expect=USAGE).err)
        self.assertIn("neither a packet's number", self.explain("capture", "nonsense (", expect=USAGE).err)


class Ask(program.Case):
    def setUp(self):
        super().setUp()
        self.file("rules", rules(STATEFUL, "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"))

    def ask(self, *arguments, **more):
        return self.run_program("ask", "--rules", "rules", *arguments, **more)

    def test_one_packet(self):
        out = self.ask("in eth0 tcp 10.0.0.7:4000 > 192.168.1.2:22 flags S").out
        self.assertIn("ACCEPT by filter/INPUT:2", out)

    def test_several_in_order_with_times(self):
        question, answer = "out udp 192.168.1.2:40000 > 10.0.0.7:53", "in udp 10.0.0.7:53 > 192.168.1.2:40000"
        soon = self.ask("--json", question, "+29 " + answer)
        late = self.ask("--json", question, "+31 " + answer)
        self.assertEqual(soon.column("state"), ["NEW", "ESTABLISHED"])
        self.assertEqual(late.column("state"), ["NEW", "NEW"])
        self.assertEqual(late.column("certain"), [True, True])

    def test_packets_from_a_file_and_from_standard_input(self):
        lines = "out udp 192.168.1.2:40000 > 10.0.0.7:53\nin udp 10.0.0.7:53 > 192.168.1.2:40000\n"
        self.file("packets", lines)
        expected = ["NEW", "ESTABLISHED"]
        self.assertEqual(self.ask("--json", "--file", "packets").column("state"), expected)
        self.assertEqual(self.ask("--json", "--file", "-", stdin=lines.encode()).column("state"), expected)

    def test_an_error_in_a_packet_points(self):
        result = self.ask("in eth0 udp 1.2.3.4:5 > 192.168.1.2:6 nonsense", expect=NO)
        self.assertIn("packet:1:39: error: unknown option 'nonsense'", result.err)
        self.assertIn("^~~~~~~~", result.err)

    def test_nothing_to_ask(self):
        self.assertIn("no packet", self.ask(expect=USAGE).err)

    def test_strict(self):
        self.file("rules", rules() + "*nat\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n")
        self.ask("--strict", "out udp 192.168.1.2:40000 > 10.0.0.7:53", expect=UNCERTAIN)


if __name__ == "__main__":
    program.main()
