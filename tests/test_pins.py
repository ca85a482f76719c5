"""The files that name versions agree: ranges in pyproject.toml, pins in constraints.txt and environment.yml."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
TORCH = "2.13.0"


def pins(lines: list[str]) -> dict[str, str]:
    """Exact pins as {canonical name: version}; comments and pip options are passed over."""
    wanted = [line for line in (line.strip() for line in lines) if line and line[0] not in "#-"]
    split = [line.split("==") for line in wanted]
    assert all(len(pin) == 2 for pin in split), f"not exact: {[p for p in split if len(p) != 2]}"
    return {canonicalize_name(name): version for name, version in split}


CONSTRAINT_LINES = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
CONSTRAINTS = pins(CONSTRAINT_LINES)
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))["dependencies"]
ENVIRONMENT_PIP = next(entry["pip"] for entry in ENVIRONMENT if isinstance(entry, dict))


def requirements(lines: list[str]) -> list[Requirement]:
    return [Requirement(line) for line in lines]


DEFAULT = requirements(PROJECT["dependencies"])
DIRECT = DEFAULT + requirements([line for lines in EXTRAS.values() for line in lines])
INSTALLED = DEFAULT + requirements(EXTRAS["test"] + EXTRAS["study"] + EXTRAS["metrics"])


@pytest.mark.parametrize("requirement", DIRECT, ids=str)
def test_every_direct_dependency_is_a_range_that_holds_its_pin(requirement: Requirement) -> None:
    assert not any(s.operator == "==" for s in requirement.specifier), "pins go to constraints.txt"
    assert requirement.specifier, "a direct dependency needs a lower bound"
    pin = CONSTRAINTS.get(canonicalize_name(requirement.name))
    assert pin is not None, f"{requirement.name} is not in constraints.txt: run `make pins`"
    assert requirement.specifier.contains(pin, prereleases=True)


@pytest.mark.parametrize("requirement", INSTALLED, ids=lambda requirement: requirement.name)
def test_the_running_environment_holds_the_pinned_version(requirement: Requirement) -> None:
    pin = CONSTRAINTS[canonicalize_name(requirement.name)]
    installed = Version(metadata.version(requirement.name))
    assert installed.public == pin, "run `make test`: it installs the pinned versions"


def test_environment_pins_the_direct_dependencies_as_the_constraints_do() -> None:
    direct = {canonicalize_name(requirement.name) for requirement in DIRECT}
    assert pins(ENVIRONMENT_PIP) == {name: CONSTRAINTS[name] for name in direct}


def test_environment_installs_every_extra_under_the_constraints() -> None:
    assert "-c constraints.txt" in ENVIRONMENT_PIP
    editable = next(line for line in ENVIRONMENT_PIP if line.startswith("-e "))
    named = re.fullmatch(r"-e \.\[([\w,]+)\]", editable)
    assert named is not None, editable
    assert set(named[1].split(",")) == set(EXTRAS)


def test_environment_has_the_oldest_python_that_the_package_allows() -> None:
    python = next(entry for entry in ENVIRONMENT if str(entry).startswith("python="))
    assert f">={python.removeprefix('python=')}" == PROJECT["requires-python"]


def test_torch_has_one_version_everywhere() -> None:
    assert CONSTRAINTS["torch"] == pins(ENVIRONMENT_PIP)["torch"] == TORCH


def test_constraints_are_sorted_and_name_nothing_twice() -> None:
    lines = [line for line in CONSTRAINT_LINES if line and line[0] != "#"]
    assert lines == sorted(lines, key=str.upper)
    assert len(CONSTRAINTS) == len(lines)
