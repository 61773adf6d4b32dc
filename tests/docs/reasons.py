#!/usr/bin/env python3
"""docs/json.md lists every reason with its sentence, as src/base/reason.h has them."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent.parent
source = (root / "src/base/reason.h").read_text().replace("\\\n", "\n")
reasons = re.findall(r'X\(k\w+,\s*"([^"]+)",\s*"([^"]+)"\)', source)
documented = re.findall(r"^\| `([a-z0-9-]+)` \| (.*) \|$",
                        (root / "docs/json.md").read_text().split("## Reasons")[1], re.MULTILINE)
missing = [row for row in reasons if row not in documented]
stale = [row for row in documented if row not in reasons]
for name, sentence in missing:
    print(f"docs/json.md lacks: | `{name}` | {sentence} |")
for name, _ in stale:
    print(f"docs/json.md has a reason that is none: {name}")
assert reasons, "no reasons found in src/base/reason.h"
sys.exit(bool(missing or stale))
