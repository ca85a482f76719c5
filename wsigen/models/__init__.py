"""The models that ship, each with its record (.json) and its model card (.md)."""

from importlib import resources
from pathlib import Path

SHIPPED = ".safetensors.gz"  # how their files end
STUDENT = "-student"  # and how the name of a model's student does, which is none for itself
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
    return sorted(name for name in names if not name.endswith(STUDENT))


def shipped_file(name: str) -> Path:
    """The file of one of them."""
    return Path(str(resources.files("wsigen") / "models" / f"{name}{SHIPPED}"))
