#!/usr/bin/env python3
"""Set texts, as the engine reads them and as ipset and the kernel do.

    sets.py SETS_SAVE        SETS_SAVE is the program of sets_save.cc

sets.txt holds texts, with blank lines between them. Each goes to `ipset restore` in
a network namespace of its own and to the engine: both must take it and then print
the same sets, or both must refuse it. Two comments name what differs on purpose:

    #! ours takes: WHY          ipset refuses the text, the engine does not
    #! ours refuses: WHY        the other way round

Compared is all that `ipset save` prints, less: the order of elements (a hash's), the
seconds that are left (they pass), and an initval that the text does not give (drawn
by the kernel). Needs root and ipset; exits 77, which ctest calls skipped, without.
"""
import os
import re
import shutil
import subprocess
import sys

NAMESPACE = f"sallyport-sets-{os.getpid()}"


def run(command, text=None):
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)


def kernel(text):
    """What ipset saves after restoring `text`; None where it refuses."""
    run(["ip", "netns", "add", NAMESPACE])
    try:
        inside = ["ip", "netns", "exec", NAMESPACE, "ipset"]
        if run(inside + ["restore"], text).returncode != 0:
            return None
        return run(inside + ["save"]).stdout
    finally:
        run(["ip", "netns", "del", NAMESPACE])


def engine(program, text):
    result = run([program], text)
    return result.stdout if result.returncode == 0 else None


def normal(saved, text):
    """Sets in their order, each its create line and its elements, sorted unless a list's."""
    if saved is None:
        return None
    sets = []
    for line in saved.splitlines():
        if line.startswith("create"):
            if "initval" not in text:
                line = re.sub(r" initval 0x\w+", "", line)
            sets.append([line])
        else:
            sets[-1].append(re.sub(r" timeout [1-9]\d*", " timeout N", line))
    return [s if " list:set " in s[0] else [s[0]] + sorted(s[1:]) for s in sets]


def main():
    program = sys.argv[1]
    if os.geteuid() != 0 or not shutil.which("ipset") or not shutil.which("ip"):
        print("skipped: needs root, ip and ipset")
        return 77
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "sets.txt"), encoding="utf-8") as file:
        blocks = [b for b in re.split(r"\n{2,}", file.read().strip()) if b.strip()]
    wrong = 0
    for block in blocks:
        differs = re.search(r"^#! ours (takes|refuses):", block, re.M)
        text = "\n".join(l for l in block.split("\n") if not l.startswith("#!")) + "\n"
        theirs, ours = normal(kernel(text), text), normal(engine(program, text), text)
        if differs:
            takes = differs.group(1) == "takes"
            fine = (ours is not None) == takes and (theirs is None) == takes
        else:
            fine = ours == theirs
        if not fine:
            wrong += 1
            print(f"--- {text}kernel: {theirs}\nours:   {ours}")
    print(f"{len(blocks)} texts, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
