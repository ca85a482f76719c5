"""How the kernels of notebooks are started: apart from the home of whoever builds the book, and off the network."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from traitlets.config import Config

START_SECONDS = 300  # for a kernel to begin on a busy machine
FOLDERS = {"JUPYTER_RUNTIME_DIR": "r", "IPYTHONDIR": "i"}


@contextmanager
def own_folders() -> Iterator[Config]:
    """What Jupyter and IPython write beside a run goes to a folder of its own: a home may be read-only.

    The folder has a short path, since sockets have no long ones.

    Yields:
        Settings with which messages to the kernel go through sockets in that folder, not over the network. By
        default they would lie in the working directory, the same for two kernels that run side by side.
    """
    with tempfile.TemporaryDirectory(prefix="nb") as folder:
        wanted = {name: f"{folder}/{part}" for name, part in FOLDERS.items()}
        before = {name: os.environ.get(name) for name in wanted}
        os.environ.update(wanted)
        try:
            yield Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/k"}})
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})


def prepare_caches(spare: Path) -> None:
    """See that there is a cache, and that matplotlib knows its fonts: a kernel that looks for them says so on its page.

    Args:
        spare: where the caches go if those of the home cannot be written.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    try:
        home.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=home).close()
    except OSError:
        os.environ["XDG_CACHE_HOME"] = str(spare)
        os.environ["MPLCONFIGDIR"] = str(spare / "matplotlib")
        (spare / "matplotlib").mkdir(parents=True, exist_ok=True)
    import matplotlib.font_manager  # noqa: F401  looks for fonts where no kernel has yet
