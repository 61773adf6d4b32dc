"""The commands that README.md and docs/*.md show do what they show.

A block marked ```console holds lines `$ COMMAND` and the output under each. It is run in a scratch
directory that has the files of share/demo, and some of them again under the names that a reader's
own files have; the blocks of a file run in their order. Output that is shown must be what is printed, standard error included, where a line `...` stands for
any lines. ```sh is for reading only: it needs root, a network, or files of the reader's own.
"""

import glob
import os
import re
import shutil
import subprocess

import program

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGES = [os.path.join(ROOT, "README.md"), *sorted(glob.glob(os.path.join(ROOT, "docs/*.md")))]
LIVE = "docs/live.md"  # needs a Sallyport that runs: tests/live/docs_test.py
READERS_OWN = {"rules.v4": "ipset-recipe.rules", "sets": "ipset-recipe.sets", "capture.pcap": "discovery.pcap"}
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def steps(block):
    """(command, shown output) of a block."""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif not found:
            raise ValueError(f"a console block begins with '$ ': {line}")
        elif found[-1][0].endswith("\\") and not found[-1][1]:
            found[-1] = (found[-1][0][:-1] + line, [])
        else:
            found[-1][1].append(line)
    return found


def pattern(lines):
    """What the output must match."""
    return "".join("(?:.*\n)*?" if line == "..." else re.escape(line) + "\n" for line in lines)


class Docs(program.Case):
    def run_blocks(self, path):
        for entry in glob.glob(os.path.join(ROOT, "share/demo/*")):
            shutil.copy(entry, self.scratch)
        for name, entry in READERS_OWN.items():
            shutil.copy(os.path.join(ROOT, "share/demo", entry), os.path.join(self.scratch, name))
        self.file("rules.v6", program.rules(program.STATEFUL))
        self.file("flows", "")
        with open(path, encoding="utf-8") as text:
            blocks = BLOCK.findall(text.read())
        tools = os.path.join(self.scratch, ".bin")
        os.mkdir(tools)
        os.symlink(program.PROGRAM, os.path.join(tools, "sallyport"))
        environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
        for block in blocks:
            for command, shown in steps(block):
                done = subprocess.run(["bash", "-c", command], cwd=self.scratch, env=environment, timeout=60,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
                self.assertIn(done.returncode, (program.OK, program.NO, program.UNCERTAIN), f"{command}\n{done.stdout}")
                if shown:
                    self.assertRegex(done.stdout, r"\A" + pattern(shown) + r"\Z", command)

    def test_every_flag_that_is_named_is_one(self):
        """In any line that shows a command, run or not, and in the texts of --help."""
        known = {command: self.run_program(command, "--help").out
                 for command in ("ask", "check", "compare", "confirm", "drops", "explain", "fmt", "reload", "replay", "run",
                                 "status")}
        texts = dict(known)
        for path in PAGES:
            with open(path, encoding="utf-8") as text:
                texts[path] = text.read()
        seen = 0
        for where, text in texts.items():
            for command, rest in re.findall(r"sallyport (\w+) ((?:.*\\\n)*.*)", text):
                if command not in known:
                    continue
                for flag in re.findall(r"(?<![\w-])--[a-z][\w-]*", rest.split(" | ")[0]):
                    seen += 1
                    self.assertRegex(known[command], rf"\s{flag}\b", f"{where}: sallyport {command} {rest}")
        self.assertGreater(seen, 30)

    def test_the_runner_believes_nothing(self):
        scratch = self.file("lies.md", "```console\n$ echo one\ntwo\n```\n")
        with self.assertRaises(AssertionError):
            self.run_blocks(os.path.join(self.scratch, scratch))


def add_tests():
    for path in PAGES:
        with open(path, encoding="utf-8") as text:
            if not BLOCK.search(text.read()) or path.endswith(LIVE):
                continue
        name = "test_" + re.sub(r"\W", "_", os.path.relpath(path, ROOT))
        setattr(Docs, name, lambda self, path=path: self.run_blocks(path))


add_tests()

if __name__ == "__main__":
    program.main()
