"""What every command does with bad input and bad output: a clear end, never a crash."""

import os
import random
import signal
import subprocess

import capture as c
import program
from program import NO, OK, STATEFUL, USAGE, rules

FRAMES = [c.frame(c.udp(c.HOST, 40000, c.PEER, 53)), c.frame(c.udp(c.PEER, 53, c.HOST, 40000))]


class Output(program.Case):
    def setUp(self):
        super().setUp()
        self.file("rules", rules(STATEFUL))
        self.file("capture", c.pcap(FRAMES))

    COMMANDS = (["check", "rules"], ["fmt", "rules"], ["replay", "--rules", "rules", "capture"],
                ["replay", "--json", "--rules", "rules", "capture"],
                ["explain", "--rules", "rules", "capture", "0"],
                ["ask", "--rules", "rules", "in udp 1.2.3.4:5 > 1.2.3.5:6"], ["--help"])

    def test_a_full_disk_is_noticed(self):
        for command in self.COMMANDS:
            with open("/dev/full", "wb") as full:
                result = self.run_program(*command, stdout=full, expect=USAGE)
            self.assertIn("standard output: not all of it could be written", result.err, command)

    def test_a_closed_output_is_noticed(self):
        for command in self.COMMANDS:
            done = subprocess.run(["sh", "-c", 'exec "$0" "$@" >&-', program.PROGRAM, *command],
                                  cwd=self.scratch, capture_output=True, check=False, timeout=60)
            self.assertEqual(done.returncode, USAGE, command)

    def test_a_reader_that_leaves_ends_it_quietly(self):
        self.file("capture", c.pcap(FRAMES * 5000))
        command = [program.PROGRAM, "replay", "--json", "--rules", "rules", "--host", c.HOST, "capture"]
        with subprocess.Popen(command, cwd=self.scratch, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
            run.stdout.readline()
            run.stdout.close()
            self.assertNotIn(b"terminate", run.stderr.read())
            self.assertEqual(run.wait(60), -signal.SIGPIPE)

    def test_annotations_that_cannot_be_written(self):
        for out, says in (("/dev/full", "No space left"), ("no/such/place", "No such file")):
            result = self.run_program("replay", "--rules", "rules", "--host", c.HOST, "--annotate", out,
                                      "capture", expect=USAGE)
            self.assertIn(f"{out}: {says}", result.err)


class Captures(program.Case):
    def test_cut_at_each_byte(self):
        for name, whole in (("pcap", c.pcap(FRAMES)), ("pcapng", c.pcapng([(0, 0, f) for f in FRAMES]))):
            complete = 0
            for size in range(24 if name == "pcap" else 28, len(whole)):
                result = self.replay(rules(STATEFUL), whole[:size])
                self.assertGreaterEqual(len(result.records), complete)
                complete = len(result.records)
            self.assertEqual(complete, 1, name)

    def test_cut_in_the_middle_says_so(self):
        result = self.replay(rules(STATEFUL), c.pcap(FRAMES)[:-10])
        self.assertEqual(len(result.records), 1)
        self.assertRegex(result.err, r"sallyport: capture: .+")

    def test_what_is_no_capture(self):
        for content, says in ((b"", "it is empty"), (b"hello world, no capture", "a pcap or pcapng file is wanted")):
            self.assertIn(says, self.replay(rules(), content, expect=USAGE).err)

    def test_random_bytes_behind_a_good_header(self):
        chance = random.Random(7)
        for head in (c.pcap([]), c.pcapng([])):
            for _ in range(20):
                self.replay(rules(STATEFUL), head + chance.randbytes(2000))

    def test_damaged_frames(self):
        chance = random.Random(8)
        packets = [c.udp(c.PEER, 53, c.HOST, 40000), c.udp(c.PEER6, 53, c.HOST6, 40000),
                   c.tcp(c.PEER, 80, c.HOST, 41000, c.SYN | c.ACK),
                   c.icmp(c.PEER, c.HOST, 3, 3, bytes(4), c.udp(c.HOST, 1, c.PEER, 2))]
        frames = []
        for _ in range(3000):
            raw = bytearray(c.frame(chance.choice(packets)))
            for _ in range(chance.randint(1, 4)):
                raw[chance.randrange(len(raw))] = chance.randrange(256)
            frames.append(bytes(raw[:chance.randint(0, len(raw))]) if chance.random() < 0.3 else bytes(raw))
        self.file("rules6", rules(STATEFUL))
        result = self.replay(rules(STATEFUL), c.pcap(frames), "--rules6", "rules6")
        self.assertEqual(result.column("i"), list(range(3000)))


class Texts(program.Case):
    FLAGS = ("--rules", "--rules6", "--sets", "--conntrack", "--discovery", "--sysctl")

    def with_file(self, flag, expect):
        self.file("capture", c.pcap(FRAMES))
        own = [] if flag == "--rules" else ["--rules", "rules"]
        return self.run_program("replay", *own, flag, "input", "--host", c.HOST, "capture", expect=expect)

    def test_random_bytes_as_each_kind_of_file(self):
        self.file("rules", rules())
        data = random.Random(9).randbytes(100_000)
        self.file("input", data)
        for flag in self.FLAGS:
            # sysctl.conf holds lines of others, which are passed over.
            result = self.with_file(flag, OK if flag == "--sysctl" else NO)
            if flag != "--sysctl":
                self.assertRegex(result.err, r"^(sallyport: .*\n)?input:1:\d+: error: ", flag)

    def test_zeroes_as_each_kind_of_file(self):
        self.file("rules", rules())
        self.file("input", bytes(10_000))
        for flag in self.FLAGS:
            self.with_file(flag, OK if flag == "--sysctl" else NO)

    def test_a_directory_as_each_kind_of_file(self):
        self.file("rules", rules())
        os.mkdir(os.path.join(self.scratch, "input"))
        for flag in self.FLAGS:
            self.assertIn("input: Is a directory", self.with_file(flag, USAGE).err)

    def test_numbers_out_of_range(self):
        for rule in ("-p tcp -m tcp --dport 65536", "-s 1.2.3.4/33", "-s 256.1.1.1", "-m mark --mark 0x100000000",
                     "-m length --length 65536", "-m ttl --ttl-eq 256", "-p 256", "-m limit --limit 0/s",
                     "-m multiport -p tcp --dports " + "1," * 15 + "1"):
            self.file("rules", rules(f"-A INPUT {rule} -j ACCEPT"))
            result = self.run_program("check", "rules", expect=NO)
            self.assertRegex(result.err, r"^rules:5:\d+: error: .+\n  -A INPUT .*\n +\^", rule)


if __name__ == "__main__":
    program.main()
