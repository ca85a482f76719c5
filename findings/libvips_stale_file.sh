#!/usr/bin/env bash
# libvips opens a file that was written anew as it was before.
#
# Opening is an operation like others, and the results of operations are cached by their arguments: here the path. One
# expects the file that lies there. `revalidate=True` opens it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    pyvips==3.2.0 pyvips-binary==8.18.7 cffi==2.1.1 pycparser==3.12
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
from importlib.metadata import version

import pyvips


def write(grey: int) -> None:
    pyvips.Image.black(64, 64).linear(1, grey).cast("uchar").pngsave("a.png")


write(50)
before = pyvips.Image.new_from_file("a.png").avg()
write(200)
after = pyvips.Image.new_from_file("a.png").avg()
asked = pyvips.Image.new_from_file("a.png", revalidate=True).avg()

seen = (before, after, asked)
expected = "50, then 200"
recorded = (50.0, 50.0, 200.0)
print("version:  pyvips-binary", version("pyvips-binary"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
