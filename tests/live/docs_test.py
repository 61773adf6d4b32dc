#!/usr/bin/env python3
"""The commands that docs/live.md shows do what it shows, beside a Sallyport that runs.

    live/docs_test.py PATH/TO/sallyport [unittest's arguments]
"""
import importlib.util
import os
import re
import subprocess
import sys

E2E = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e")
sys.path.insert(1, E2E)
import net
import program
from program import STATEFUL, main, rules


def page_reader():
    """tests/e2e/docs_test.py, which has this file's name."""
    spec = importlib.util.spec_from_file_location("pages", os.path.join(E2E, "docs_test.py"))
    pages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pages)
    return pages


class Live(net.Case):
    def test_what_the_page_shows(self):
        pages = page_reader()
        with open(os.path.join(pages.ROOT, pages.LIVE), encoding="utf-8") as page:
            blocks = pages.BLOCK.findall(page.read())
        self.assertGreater(len(blocks), 3)
        self.run_daemon(rules(STATEFUL))
        self.file("rules.v4", rules(STATEFUL))
        os.symlink(program.PROGRAM, os.path.join(self.scratch, "sallyport"))
        environment = {**os.environ, "PATH": f"{self.scratch}:{os.environ['PATH']}",
                       "SALLYPORT_CONTROL": self.socket}
        for block in blocks:
            for command, shown in pages.steps(block):
                done = subprocess.run(["ip", "netns", "exec", self.host.name, "bash", "-c", command], cwd=self.scratch,
                                      env=environment, timeout=60, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True, check=False)
                self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}")
                wanted = "".join("(?:.*\n)*?" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*") + "\n"
                                 for line in shown)
                self.assertRegex(done.stdout, rf"\A{wanted}\Z", command)


if __name__ == "__main__":
    main()
