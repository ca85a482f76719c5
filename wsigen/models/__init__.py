"""The models that ship, each with its record (.json) and its model card (.md), and what their files are called."""

from importlib import resources
from pathlib import Path

PACKED = ".gz"  # so that a clone is smaller
SHIPPED = f".safetensors{PACKED}"  # how their files end
STUDENT = "-student"  # how the name of a model's student ends, which is none for itself
OVERVIEW = "-overview"  # and that of the model that draws its overviews
DEFAULT_MODEL = "small-3"  # what every verb and experiment loads unless told otherwise
RETIRED = {  # what left the package, and a commit that still has it: old results name it
    "small": "705cf1417bf78bc66746445736145da911f3532d",
    "small-2": "5ca215d16871d805f35fb3302c1cfbdee3bdcac0",
}


def shipped_models() -> list[str]:
    """Names of the models inside the package."""
    folder = resources.files("wsigen") / "models"
    if not folder.is_dir():
        return []
    names = (f.name.removesuffix(SHIPPED) for f in folder.iterdir() if f.name.endswith(SHIPPED))
    return sorted(name for name in names if not name.endswith((STUDENT, OVERVIEW)))


def shipped_file(name: str) -> Path:
    """The file of one of them."""
    return Path(str(resources.files("wsigen") / "models" / f"{name}{SHIPPED}"))


def unpacked(path: Path) -> Path:
    """The name of a file of tensors if it were not packed."""
    return path.with_suffix("") if path.suffix == PACKED else path


def student_of(model: Path) -> Path:
    """Where the student of a model is written."""
    return _beside(model, STUDENT)


def overview_of(model: Path) -> Path:
    """Where the model lies that draws a model's overviews."""
    return _beside(model, OVERVIEW)


def _beside(model: Path, ending: str) -> Path:
    model = unpacked(model)
    return model.with_name(f"{model.stem}{ending}{model.suffix}")


def packed_or_not(path: Path) -> Path | None:
    """The file of this name, or the same packed; None where there is neither."""
    found = (path, path.with_name(path.name + PACKED))
    return next((each for each in found if each.is_file()), None)
