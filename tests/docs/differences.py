#!/usr/bin/env python3
"""Every row of docs/kernel-differences.md names a test that is there, and every script that is
marked `differs` has a row."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
rows = [line for line in (root / "docs/kernel-differences.md").read_text().splitlines()
        if line.startswith("| ") and not line.startswith("| Linux")]
wrong = [] if rows else ["docs/kernel-differences.md has no rows"]
for row in rows:
    found = re.fullmatch(r"`([^`]+)` (.+)", row.strip("|").rsplit(" | ", 1)[1].strip())
    if not found:
        wrong.append(f"no test is named: {row}")
        continue
    path, words = root / found[1], found[2]
    if not path.is_file():
        wrong.append(f"{found[1]} is not there")
    elif words not in path.read_text():
        wrong.append(f"{found[1]} does not hold '{words}'")
text = "\n".join(rows)
for script in sorted((root / "tests/flow").glob("*.flow")):
    differs = re.search(r"^differs\b", script.read_text(), re.M)
    if differs and f"tests/flow/{script.name}" not in text:
        wrong.append(f"tests/flow/{script.name} differs, and has no row")
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
