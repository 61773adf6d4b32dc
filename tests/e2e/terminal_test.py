"""What only a terminal gets: colour, and progress on long captures."""

import os
import pty
import re

import capture as c
import program
from program import STATEFUL, rules

LONG = 33 << 20  # progress begins at 32 MiB


class Terminal(program.Case):
    def setUp(self):
        super().setUp()
        self.file("rules", rules(STATEFUL))
        self.file("short", c.pcap([c.frame(c.udp(c.PEER, 53, c.HOST, 40000))]))

    def on_terminal(self, capture, environment=None, stdout=None):
        """What a terminal gets of a replay; `stdout` is a file that gets standard output instead."""
        command = [program.PROGRAM, "replay", "--rules", "rules", "--host", c.HOST + "/24", capture]
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.scratch)
            if stdout:
                os.dup2(os.open(stdout, os.O_WRONLY | os.O_CREAT), 1)
            os.execve(program.PROGRAM, command, {**os.environ, **(environment or {})})
        shown = b""
        while True:
            try:
                data = os.read(terminal, 1 << 16)
            except OSError:  # Linux's end of a terminal
                break
            if not data:
                break
            shown += data
        os.close(terminal)
        self.assertEqual(os.waitpid(child, 0)[1], 0, shown)
        return shown.decode()

    def long_capture(self):
        packet = c.frame(c.udp(c.PEER, 53, c.HOST, 40000, bytes(1400)))
        one = c.pcap([packet])[24:]
        with open(os.path.join(self.scratch, "long"), "wb") as out:
            out.write(c.pcap([]) + one * (LONG // len(one)))
        return "long"

    def test_colour_unless_it_is_not_wanted(self):
        self.assertIn("\x1b[1mverdicts", self.on_terminal("short"))
        self.assertNotIn("\x1b", self.on_terminal("short", {"NO_COLOR": "1"}))
        self.assertNotIn("\x1b", self.run_program("replay", "--rules", "rules", "--host", c.HOST, "short").out)

    def test_progress_of_a_long_capture_goes_up_and_is_wiped(self):
        shown = self.on_terminal(self.long_capture())
        percents = [int(number) for number in re.findall(r"\r +(\d+) %", shown)]
        self.assertGreater(len(percents), 50)
        self.assertEqual(percents, sorted(set(percents)))
        self.assertLessEqual(percents[-1], 100)
        self.assertRegex(shown, r" %\r     \r\S")
        self.assertNotIn(" %", self.on_terminal("short"))

    def test_progress_is_not_in_what_goes_to_a_file(self):
        self.on_terminal(self.long_capture(), stdout="summary")
        with open(os.path.join(self.scratch, "summary"), encoding="utf-8") as summary:
            self.assertNotIn("%", summary.read())


if __name__ == "__main__":
    program.main()
