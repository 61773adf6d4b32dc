#!/usr/bin/env python3
"""The verdicts of `sallyport compare` on the demonstration are those of share/demo/README.md,
which tests/kernel/demo.py asks of the kernel for all policies that are Linux's."""
import json
import pathlib
import re
import subprocess
import sys

demo = pathlib.Path(__file__).resolve().parents[2] / "share" / "demo"
COLUMNS = {"DNS": "DNS", "0.3 s": "answer 0.3 s", "1.1 s": "other port", "1.6 s": "forged answer",
           "2.2 s": "NOTIFY", "2.9 s": "answer 2.9 s", "ICMP": "ICMP error",
           "4.6 s": "answer 4.6 s"}

printed = json.loads(subprocess.run(
    [sys.argv[1], "compare", "--json", demo / "policies.toml", demo / "discovery.pcap"],
    check=True, capture_output=True, text=True).stdout)
names = [packet["name"] for packet in printed["packets"]]
assert sorted(names) == sorted(COLUMNS.values()), names

rows = [[cell.strip() for cell in line.strip("|").split("|")]
        for line in (demo / "README.md").read_text().splitlines()
        if re.search(r"\| (NEW|ESTABLISHED|RELATED) \|", line)]
assert len(rows) == len(COLUMNS), rows
wrong = 0
for what, state, *expected in rows:
    column = next(names.index(COLUMNS[start]) for start in COLUMNS if what.startswith(start))
    for policy, sign in zip(printed["policies"], expected, strict=True):
        verdict = policy["verdicts"][column]
        right = verdict["certain"] and verdict["verdict"] == ("ACCEPT" if sign == "+" else "DROP")
        if policy is not printed["policies"][-1]:  # Sallyport's may be RELATED where Linux says NEW
            right = right and verdict["state"] == state
        if not right:
            print(f"{what}: {policy['name']}: {verdict}, not {sign} {state}")
            wrong += 1
sys.exit(bool(wrong))
