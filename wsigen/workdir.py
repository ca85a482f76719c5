"""A folder in which a long run keeps its finished stages, with the parameters that made them."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsigen.errors import WsigenError


class Workdir:
    """Finished stages of one slide.

    Args:
        folder: made if it is not there.
        parameters: everything that decides the slide, as JSON values; a folder begun with others is refused.
    """

    def __init__(self, folder: Path, parameters: dict[str, Any]) -> None:
        self.folder = folder
        described = folder / "config.json"
        text = json.dumps(parameters, indent=2, sort_keys=True)
        if described.is_file():
            if described.read_text() != text:
                raise WsigenError(
                    f"{folder}: holds another slide's stages (see {described.name}); give the same "
                    "parameters as then, or another --workdir"
                )
            return
        if folder.is_dir() and any(folder.iterdir()):
            raise WsigenError(
                f"{folder}: not empty and no wsigen workdir; choose another --workdir"
            )
        folder.mkdir(parents=True, exist_ok=True)
        described.write_text(text)

    def load(self, stage: int) -> NDArray[np.float32] | None:
        """Return a finished stage, shape (3, height, width), or None."""
        file = self._file(stage)
        return np.load(file) if file.is_file() else None

    def save(self, stage: int, image: NDArray[np.float32]) -> None:
        """Keep a finished stage; it is there whole or not at all."""
        temporary = self._file(stage).with_suffix(".part")
        try:
            with temporary.open("wb") as file:
                np.save(file, image)
            os.replace(temporary, self._file(stage))
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise WsigenError(
                    f"{self.folder}: the disk is full after {stage} stages; stage {stage} needs "
                    f"{image.nbytes / 2**20:.0f} MiB; free some and run the same command again"
                ) from error
            raise
        finally:
            temporary.unlink(missing_ok=True)

    def _file(self, stage: int) -> Path:
        return self.folder / f"stage_{stage:02d}.npy"
