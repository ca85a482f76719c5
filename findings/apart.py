"""What the scripts share: a process with pinned public packages and nothing else, and how to tell what was seen."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

MARK = "FINDING_APART"


def apart(*packages: str) -> None:
    """Install packages, each ``name==version``, into a temporary folder and run this script again with them alone.

    Returns in the second process only, which stands in an empty folder and sees the standard library and the packages.
    """
    if os.environ.get(MARK):
        return
    script = Path(sys.argv[0]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--no-deps", "--target", f"{folder}/packages", *packages], check=True)
        (Path(folder) / "work").mkdir()
        code = subprocess.run(
            [sys.executable, "-S", str(script)],
            env={**os.environ, MARK: "1", "PYTHONPATH": f"{folder}/packages"},
            cwd=f"{folder}/work",
        ).returncode
    sys.exit(code)


def told(*, expected: Any, recorded: Any, seen: Any) -> None:
    """Print what one expects and what is seen; exit with 1 where that is no longer what was recorded."""
    print(f"expected: {expected}")
    print(f"seen:     {seen}")
    if seen != recorded:
        print(f"changed:  {recorded} was recorded with these versions")
        sys.exit(1)
