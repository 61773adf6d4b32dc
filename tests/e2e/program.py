"""The program as a user runs it, in a scratch directory of each test's own.

    e2e/NAME_test.py PATH/TO/sallyport [unittest's arguments]
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.environ.get("SALLYPORT", "sallyport")
OK, NO, USAGE, UNCERTAIN = 0, 1, 2, 3

FILTER = "*filter\n:INPUT {input} [0:0]\n:FORWARD {forward} [0:0]\n:OUTPUT {output} [0:0]\n{rules}COMMIT\n"
STATEFUL = "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"


def rules(*lines, input="DROP", forward="DROP", output="ACCEPT"):
    """A filter table; each line is a rule."""
    text = "".join(line + "\n" for line in lines)
    return FILTER.format(input=input, forward=forward, output=output, rules=text)


class Result:
    def __init__(self, done):
        self.code = done.returncode
        self.raw = done.stdout
        self.out = done.stdout.decode(errors="replace")
        self.err = done.stderr.decode(errors="replace")

    @property
    def records(self):
        return [json.loads(line) for line in self.out.splitlines()]

    def column(self, key):
        return [record[key] for record in self.records]


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="sallyport-e2e-")
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name

    def file(self, name, content):
        """Writes a file into the scratch directory; its name is good as an argument."""
        with open(os.path.join(self.scratch, name), "wb") as out:
            out.write(content.encode() if isinstance(content, str) else content)
        return name

    def run_program(self, *arguments, stdin=b"", expect=OK, timeout=60, **more):
        """Runs it; a signal, an unexpected exit code or a hang is a failure."""
        more.setdefault("stdout", subprocess.PIPE)
        done = subprocess.run([PROGRAM, *map(str, arguments)], input=stdin, cwd=self.scratch,
                              stderr=subprocess.PIPE, timeout=timeout, check=False, **more)
        done.stdout = done.stdout or b""
        result = Result(done)
        self.assertEqual(result.code, expect, f"{arguments}\n{result.out[-2000:]}\n{result.err[-2000:]}")
        self.assertNotIn("terminate called", result.err)
        return result

    def replay(self, rule_text, capture, *arguments, **more):
        """replay --json of a capture's bytes, as the host 192.168.1.2/24 unless told otherwise."""
        self.file("rules", rule_text)
        self.file("capture", capture)
        if not {"--host", "--forward"} & set(arguments) and not more.pop("guess", False):
            arguments += ("--host", "eth0=192.168.1.2/24,eth0=fe80::2/64")
        return self.run_program("replay", "--rules", "rules", "--json", *arguments, "capture", **more)


def main():
    global PROGRAM
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        PROGRAM = os.path.abspath(sys.argv.pop(1))
    # The tests import this file as a module of its own name, whose PROGRAM they use.
    sys.modules["program"].PROGRAM = PROGRAM
    run = unittest.main(module="__main__", verbosity=1, exit=False)
    for test, why in run.result.skipped:
        print(f"skipped: {test.id().removeprefix('__main__.')}: {why}")  # for scripts/count-tests
    sys.exit(not run.result.wasSuccessful())
