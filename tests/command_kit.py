"""The commands that our texts tell people to give, made small enough to be run by a test."""

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import click

from wsigen.cli.main import wsigen

ROOT = Path(__file__).parent.parent
TEXTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (
        *ROOT.glob("*.md"),
        *(ROOT / "book").glob("*.md"),
        *(ROOT / "book" / "chapters").glob("*.md"),
        *(ROOT / "wsigen").rglob("*.md"),
    )
    if path.name != "CHANGELOG.md"  # which also tells of what is gone
)
BLOCK = re.compile(r"^```\{?(?:sh|bash|console)\}?\n(.*?)^```", re.S | re.M)
INLINE = re.compile(r"`((?:wsigen|make|papermill|torchrun) [^`\n]+)`")
LOOP = re.compile(r"for (\w+) in (.+?); do (.+?); done")
MOST = 96  # pixels of a side, where a text says more
FEWEST = {"--minutes": 0.01, "--samples": 16, "--n": 2, "--view-px": 32, "--nproc-per-node": 1}
SIDES = ("--width", "--height")
SMALL = (  # said where a text does not
    ("generate", "--num-steps", "2"), ("generate", "--overview-steps", "2"),
    ("zoom", "--num-steps", "2"), ("zoom", "--overview-steps", "2"), ("zoom", "--view-px", "32"),
    ("train", "--minutes", "1"), ("train", "--preset", "tiny"), ("distil", "--minutes", "0.01"),
    ("evaluate", "--samples", "16"), ("evaluate", "--mpp", "1.5"), ("evaluate", "--num-steps", "2"),
    ("phantom", "--size", "192"), ("study create", "--tile-px", "64"),
    ("study sheet", "--n", "2"), ("study sheet", "--crop-px", "16"),
)  # fmt: skip
EXAMPLES = {  # what a text leaves to its reader
    "<name>": "solvers", "<verb>": "info", "COHORT": "slides", "COHORT.csv": "slides/cohort.csv", "MODEL": "small-3",
}  # fmt: skip


def commands_of(text: str) -> Iterator[str]:
    """The commands of a text in their order, those of a loop one by one, without comments."""
    found = [
        (block.start(), line) for block in BLOCK.finditer(text) for line in block[1].splitlines()
    ]
    fences = [(block.start(), block.end()) for block in BLOCK.finditer(text)]
    for inline in INLINE.finditer(text):
        if not any(start <= inline.start() < end for start, end in fences):
            found.append((inline.start(), inline[1]))
    for _, line in sorted(found, key=lambda pair: pair[0]):
        loop = LOOP.fullmatch(line.partition("    #")[0].strip())
        for value in loop[2].split() if loop else [""]:
            words = shlex.split(
                loop[3].replace(f"${loop[1]}", value) if loop else line, comments=True
            )
            if words:
                yield shlex.join(words)


def verbs(command: click.Command = wsigen, name: str = "wsigen") -> Iterator[tuple[str, str]]:
    """Every verb, verbs of verbs too, with the text of its --help."""
    yield name, command.help or ""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for part in command.list_commands(context):
            known = command.get_command(context, part)
            assert known is not None
            yield from verbs(known, f"{name} {part}")


def examples(help_text: str) -> list[str]:
    """The commands under "Examples:" of a --help."""
    _, _, listed = help_text.partition("Example")
    return re.findall(r"^ +((?:wsigen|torchrun) .+)$", listed, re.M)


def smoke(words: list[str]) -> list[str]:
    """The words after ``wsigen``, small enough for a test."""
    words = [EXAMPLES.get(word, word) for word in words]
    for verb, option, value in SMALL:
        from_noise = option == "--num-steps" and "--plan" in words and words[0] == "evaluate"
        kept = option == "--preset" and "--resume" in words  # by the run itself
        if " ".join(words).startswith(verb) and option not in words and not (from_noise or kept):
            words += [option, value]
    factor = 1.0
    small = list(words)
    for place, (option, value) in enumerate(pairwise(words), start=1):
        if option in SIDES:
            factor = min(1.0, MOST / int(value))
            small[place] = str(min(int(value), MOST))
        elif option in ("--width-mm", "--height-mm"):
            small[place] = str(float(value) / 40)
        elif option == "--size":
            small[place] = "192"
        elif option == "--slides":
            small[place] = str(min(int(value), 3))
        elif option in FEWEST:
            small[place] = str(FEWEST[option])
    if words[0] in ("generate", "zoom") and not any(word.startswith(SIDES) for word in words):
        small += ["--width", str(MOST), "--height", str(MOST)]
        factor = MOST / 2048
    if words[:2] == ["study", "sheet"]:  # what stands for real slides here may be drawn
        small.append("--allow-phantoms")
    if "--preset" in words:
        small[words.index("--preset") + 1] = "tiny"
    if "--at" in words:
        place = words.index("--at") + 1
        small[place] = ",".join(str(int(int(n) * factor)) for n in words[place].split(","))
    return small
