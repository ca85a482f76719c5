"""What made a result: command, versions, commit, device. A number without it does not count."""

import hashlib
import platform
import subprocess
import sys
import time
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from wsigen import __version__

PACKAGES = ("numpy", "torch", "pillow", "openslide-python", "pyvips", "scikit-image", "safetensors")


def run_info(device: str = "cpu", **arguments: Any) -> dict[str, Any]:
    """Describe this run as JSON-ready values: versions, git state, arguments, device, time."""
    return {
        "command": [without_folder(word) for word in sys.argv],
        "arguments": {name: without_folder(value) for name, value in arguments.items()},
        "wsigen": __version__,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "commit": _git("rev-parse", "HEAD"),
        "modified": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "device": device,
        "processor": _processor(),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


@cache
def code_sha256() -> str:
    """Digest of the package's own code: what was made by other code may differ."""
    digest = hashlib.sha256()
    folder = Path(__file__).parent
    for path in sorted(folder.rglob("*.py")):
        digest.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def without_folder(value: Any) -> Any:
    """Shorten an absolute path to its name: where a file lay on one machine is nobody else's business."""
    if isinstance(value, str | Path) and Path(value).is_absolute():
        return Path(value).name
    return str(value) if isinstance(value, Path) else value


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _git(*words: str) -> str | None:
    """Ask git about the tree this package lies in; None outside a checkout."""
    try:
        answer = subprocess.run(
            ["git", *words], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        if names:
            return f"{len(names)} x {names[0].split(':', 1)[1].strip()}"
    return platform.processor() or platform.machine()
