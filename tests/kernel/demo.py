"""Asks this kernel for the table of share/demo/README.md, policies 1 to 4.

Each policy's rules are loaded into the host of scripts/record-discovery, and what its
programs heard is compared with the table's `+` and `-`. Skipped (77) without root and tools.
"""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "share" / "demo"
POLICIES = ["linux-established", "source-port", "ipset-recipe", "any-source"]


def expected():
    """What each policy lets through, by the words that the scene prints."""
    table = [set() for _ in POLICIES]
    rows = [line for line in (DEMO / "README.md").read_text().splitlines()
            if re.search(r"\| (NEW|ESTABLISHED|RELATED) \|", line)]
    if len(rows) != 8:
        sys.exit(f"README.md: {len(rows)} packets in the table, not 8")
    for row in rows:
        packet, _, *columns = [cell.strip() for cell in row.strip("|").split("|")]
        endpoint = re.search(r"[\d.]+:\d+", packet)
        if packet.startswith("DNS"):
            heard = "DNS answer"
        elif packet.startswith("ICMP"):
            heard = "ICMP port unreachable"
        elif "NOTIFY" in packet:
            heard = f"NOTIFY from {endpoint[0]}"
        else:
            heard = f"answer from {endpoint[0]}"
        for column, through in zip(columns, table):
            if column == "+":
                through.add(heard)
    return table


def judge(policy):
    command = [ROOT / "scripts" / "record-discovery", "--judge", DEMO / f"{policy}.rules"]
    sets = DEMO / f"{policy}.sets"
    if sets.exists():
        command.append(sets)
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def main():
    tools = ["ip", "iptables-legacy-restore", "ipset", "sysctl"]
    missing = [tool for tool in tools if not shutil.which(tool)]
    if os.geteuid() != 0 or missing:
        print("skipped:", "not root" if not missing else f"no {', '.join(missing)}")
        sys.exit(77)
    wrong = dict(zip(POLICIES, expected()))
    # An answer comes 0.1 s before the ipset recipe's time is over: on a busy machine that may
    # be late. What differs thrice does differ.
    for _ in range(3):
        runs = {policy: judge(policy) for policy in wrong}
        for policy, run in runs.items():
            heard = set(run.communicate(timeout=60)[0].splitlines())
            if run.returncode == 0 and heard == wrong[policy]:
                del wrong[policy]
                continue
            print(f"{policy}: exit code {run.returncode}")
            print("  in the table, not heard:", sorted(wrong[policy] - heard))
            print("  heard, not in the table:", sorted(heard - wrong[policy]))
    sys.exit(1 if wrong else 0)


main()
