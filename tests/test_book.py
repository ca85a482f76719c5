"""The book's sources and machinery: numbers with a source, the map, the ledger, and when a notebook is run again.

Marked `book`: it needs the extra `book`. `make book-test` runs it.
"""

import ast
import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "book"))
pytest.importorskip("sphinx")
jupytext = pytest.importorskip("jupytext")
nbformat = pytest.importorskip("nbformat")

from bookkit import (  # noqa: E402
    alone,
    claims,
    docstrings,
    kernels,
    notebooks,
    paper_map,
    places,
    provenance,
    results,
)
from wsigen.errors import WsigenError  # noqa: E402
from wsigen.models import RETIRED  # noqa: E402

pytestmark = pytest.mark.book
BOOK = ROOT / "book"
PAGES = sorted(path for path in BOOK.rglob("*.md") if "executed" not in path.parts)
SOURCES = sorted((ROOT / "notebooks").glob("*.py"))
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))


def toc_pages(node: object) -> list[str]:
    """All pages of the table of contents."""
    if isinstance(node, list):
        return [page for entry in node for page in toc_pages(entry)]
    if isinstance(node, dict):
        own = [node[key] for key in ("root", "file") if key in node]
        inner = [node[key] for key in ("parts", "chapters", "sections") if key in node]
        return own + toc_pages(inner)
    return []


# Pages ---------------------------------------------------------------------------------------------------------------


def test_every_page_and_notebook_is_in_the_table_of_contents() -> None:
    listed = toc_pages(TOC)
    assert len(listed) == len(set(listed))
    written = {path.relative_to(ROOT).with_suffix("").as_posix() for path in PAGES}
    run = {f"book/executed/{path.stem}" for path in SOURCES}
    assert set(listed) == written | run


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_measured_number_is_in_a_saved_result(page: Path) -> None:
    found = re.findall(
        r"\{result\}`([^`]+)`", re.sub(r"(?s)(`{3,}).*?\1", "", page.read_text("utf-8"))
    )
    for reference in found:
        results.text_of(reference)


def test_every_figure_of_the_book_says_what_made_it() -> None:
    files = [path for path in (BOOK / "figures").iterdir() if path.suffix in (".png", ".jpg")]
    figures = {path.stem for path in files}
    assert len(figures) == len(files), "a figure is there twice"
    assert max(path.stat().st_size for path in files) < 400_000  # every clone carries them
    notes = [json.loads(path.read_text("utf-8")) for path in (BOOK / "figures").glob("*.json")]
    assert figures == set().union(*map(provenance.drawn, notes))
    for note in notes:
        script = Path(results.runs_of(note)[0]["command"][0]).name
        assert (BOOK / "figures" / script).is_file()
        assert provenance.total_seconds(note), script
        assert results.runs_of(note)[0]["arguments"], script


def test_a_tile_of_a_figure_belongs_to_what_drew_the_figure() -> None:
    figures = BOOK / "figures"
    assert provenance.result_of(figures / "section" / "still.jpg") == "figures/make_section"
    assert provenance.result_of(figures / "section.jpg") == "figures/make_section"
    assert provenance.result_of(figures / "none.jpg") is None


def test_the_seconds_of_every_saved_result_add_up() -> None:
    """A row has one number or one for each round; the page of provenance sums them all."""
    for name in provenance.names():
        data = results.load(name)
        if isinstance(data, dict):
            seconds = provenance.total_seconds(data)
            assert seconds is None or seconds > 0, name
    assert provenance.total_seconds({"rows": [{"seconds": [1.0, 2.0]}, {"seconds": 3}, {}]}) == 6.0


def test_a_result_of_a_model_that_left_says_which_commit_has_it() -> None:
    old = results.parameters_of("classroom/ablations")
    assert old["model"] == "small"
    assert provenance.left(old) == f"small no longer ships; commit {RETIRED['small']} has it"
    assert not provenance.left(results.parameters_of("classroom/samples"))


def test_a_result_whose_parameters_are_no_table_is_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(results, "ROOT", tmp_path)
    (tmp_path / "results" / "smoke").mkdir(parents=True)
    file = tmp_path / "results" / "smoke" / "cost.json"
    file.write_text('{"parameters": 9300000, "rows": [], "info": [{"command": ["a"]}]}')
    with pytest.raises(WsigenError, match=r"results/smoke/cost.json: 'parameters' is int"):
        results.summary("smoke/cost")
    file.write_text('{"parameters": {"seed": 3}, "info": [{"command": ["a"]}]}')
    assert "seed 3" in results.summary("smoke/cost")


def test_every_module_has_one_place_in_the_reference() -> None:
    named = re.findall(
        r"automodule:: (wsigen[\w.]*)", "\n".join(p.read_text("utf-8") for p in PAGES)
    )
    told = set(named)
    assert sorted(told) == sorted(named), "a module has two places"
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / "wsigen").rglob("*.py")
        if "def " in path.read_text("utf-8") or "class " in path.read_text("utf-8")
    }
    left_out = {name for name in modules if name.startswith("wsigen.cli")} | {
        "wsigen.__main__",
        "wsigen.slides",
    }
    assert told == modules - left_out


# Numbers in the text -------------------------------------------------------------------------------------------------

NUMBER = re.compile(r"(?<![\w.§-])\d+(?:\.\d+)?(?:\s?%)?(?![\w-])")
# What is no prose: code, roles, mathematics, links, comments and the heads and options of directives.
NO_PROSE = re.compile(
    r"(?s)(`{3,}|~{3,})(?!\{(?:admonition|exercise|solution|note|tip|warning)).*?\1|\{[\w:-]+\}`[^`]*`|`[^`]*`|"
    r"\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|^%.*?$|^:[\w-]+:.*?$|^`{3,}.*?$",
    re.MULTILINE,
)
# Sentences that tell what was found; in a section "What we saw" all do. The paper's own numbers are called the paper's.
REFERENCE = re.compile(r"\b(?:Secs?|Eqs?|Figs?|Table|Chapter)\b\.?\s*\d[\d.]*\b|\bet al\.")
FOUND = re.compile(
    r"(?i)\bwe (?:saw|see|found|measured?|got)\b|\bmeasured\b|\bour (?:model|run|slides?|result)"
)
ALLOWED = yaml.safe_load((BOOK / "numbers.yml").read_text("utf-8"))


def sentences_with_numbers(text: str) -> list[str]:
    """Sentences that tell what was found and hold a number typed by hand: one with decimals, or a percentage."""
    found, seen = [], False
    for block in re.split(r"\n\s*\n", NO_PROSE.sub(" ", text)):
        heading = re.match(r"#+ (.*)", block.strip())
        if heading:
            seen = heading[1].startswith("What we saw")
        for sentence in re.split(r"(?<=[.?!])\s+", REFERENCE.sub(" ", block)):
            exact = any("." in number or "%" in number for number in NUMBER.findall(sentence))
            if (
                exact
                and (seen or FOUND.search(sentence))
                and not re.search(r"(?i)\bpaper", sentence)
            ):
                found.append(" ".join(sentence.split()))
    return found


@pytest.mark.parametrize("page", [*PAGES, *SOURCES], ids=lambda path: path.stem)
def test_no_number_that_was_found_is_typed_by_hand(page: Path) -> None:
    text = page.read_text("utf-8")
    if page.suffix == ".py":
        text = "\n\n".join(c.source for c in jupytext.read(page).cells if c.cell_type == "markdown")
    typed = sentences_with_numbers(text)
    allowed = [entry["text"] for entry in ALLOWED if entry["page"] == page.stem]
    assert [sentence for sentence in typed if not any(part in sentence for part in allowed)] == []


@pytest.mark.parametrize(
    "page",
    [*sorted((BOOK / "chapters").glob("*.md")), BOOK / "intro.md", BOOK / "article.md"],
    ids=lambda path: path.stem,
)
def test_a_paragraph_has_one_measured_number_at_most(page: Path) -> None:
    text = re.sub(r"(?s)(`{4,})\{(?:exercise|solution)\}.*?\1", "", page.read_text("utf-8"))
    crowded = [each for each in re.split(r"\n\s*\n", text) if each.count("{result}`") > 1]
    assert crowded == [], "the rest belongs in a figure or in the notebook"


def test_a_number_typed_by_hand_is_found_and_others_are_not() -> None:
    assert sentences_with_numbers("We measured a precision of 0.61 there.")
    assert sentences_with_numbers("On our model the recall is 30 % of that.")
    assert not sentences_with_numbers(
        "We measured {result}`classroom/solvers:rows[0].precision:.2f`."
    )
    assert not sentences_with_numbers("We saw less than the paper's 0.81.")
    assert not sentences_with_numbers("The first level is $\\sigma = 0.349$; we saw it.")
    assert sentences_with_numbers(
        "# What we saw\n\nSo it was.\n\nThe recall fell to 0.3.\n\n# Next\n\nIt is 0.5."
    ) == ["The recall fell to 0.3."]
    assert not sentences_with_numbers("```python\nmeasured = 0.3\n```")


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("x:rows[0].score:.2f", "0.12"),
        ("x:rows[steps=20,solver=heun].score:.1f", "0.5"),
        ("x:rows[0].ends:.1f", "0.0 to 1.0"),
        ("x:rows[1].score:.2fci", "0.50 (0.40 to 0.60)"),
        ("x:parameters.model", "any"),
    ],
)
def test_a_reference_prints_what_the_file_holds(
    reference: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved_example(tmp_path, monkeypatch)
    assert results.text_of(f"smoke/{reference}") == ("smoke/x", text)


@pytest.mark.parametrize(
    "reference", ["x:rows[2].score", "x:rows[0].missing", "x:rows[solver=heun]", "y:rows", "x:rows"]
)
def test_what_no_result_holds_is_an_error(
    reference: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved_example(tmp_path, monkeypatch)
    with pytest.raises(WsigenError):
        results.text_of(f"smoke/{reference}")


def saved_example(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result of two rows."""
    rows = [
        {"solver": "euler", "steps": 10, "score": 0.123, "ends": [0, 1]},
        {"solver": "heun", "steps": 20, "score": 0.5, "score_low": 0.4, "score_high": 0.6},
    ]
    target = folder / "results" / "smoke" / "x.json"
    target.parent.mkdir(parents=True)
    target.write_text(json.dumps({"parameters": {"model": "any"}, "rows": rows}))
    monkeypatch.setattr(results, "ROOT", folder)


# The rhythm of a chapter ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chapter", sorted((BOOK / "chapters").glob("*.md")), ids=lambda p: p.stem)
def test_a_chapter_keeps_the_rhythm(chapter: Path) -> None:
    text = chapter.read_text("utf-8")
    places = [
        re.search(pattern, text, re.MULTILINE)
        for pattern in (
            r"^\*\*Question\.\*\*",
            r"Predict before you run$",
            r"^## The idea: ",
            r"^## The experiment$",
            r"^## What we saw, beside what the paper says$",
            r"^## Your predictions, looked at again$",
            r"^## Exercises$",
            r"^## Take-aways$",
        )
    ]
    assert all(places)
    assert [place.start() for place in places] == sorted(place.start() for place in places)
    assert "literalinclude" in text
    questions, answers = (
        re.search(rf"(?s)```{{admonition}} {title}\n.*?```", text)
        for title in ("Predict before you run", "Open when you have written yours down")
    )
    assert len(re.findall(r"(?m)^\d\. ", questions[0])) == len(
        re.findall(r"(?m)^\d\. ", answers[0])
    )
    exercises = re.findall(r":label: (ex-[\w-]+)", text)
    assert len(exercises) >= 4
    assert re.findall(r"`{4}\{solution\} (ex-[\w-]+)", text) == exercises


def test_a_signature_is_shown_with_defaults_that_can_be_read() -> None:
    long = ", ".join(["('heun', 40)"] * 30)
    assert docstrings.shortened(f"(a, b=({long}), *, c=1)") == "(a, b=..., *, c=1)"
    assert docstrings.shortened("(a=<object>)") == "(a=<object>)"


def test_a_list_in_a_docstring_goes_on_where_it_is_indented() -> None:
    lines = ["1. first, and", "   more of it;", "2. second.", "", "    a = b"]
    docstrings.as_plain(None, "module", "", None, None, lines)
    assert lines == ["1. first, and", "   more of it;", "2. second.", "", "", "::", "", "    a = b"]


# The map and the ledger ----------------------------------------------------------------------------------------------


def test_the_map_names_every_equation_algorithm_figure_and_table() -> None:
    wanted = [f"eq-{i}" for i in range(1, 12)] + ["algorithm-1", "algorithm-2"]
    wanted += [f"fig-{i}" for i in range(1, 9)] + ["table-1"]
    assert [row["id"] for row in paper_map.rows()] == wanted


@pytest.mark.parametrize("row", paper_map.rows(), ids=lambda row: row["id"])
def test_function_test_and_page_of_the_map_exist(row: dict) -> None:
    assert row["code"]
    assert row["tests"]
    assert row["pages"]
    for name in row["code"]:
        module, _, function = name.rpartition(".")
        assert callable(getattr(importlib.import_module(module), function)), name
    for test in row["tests"]:
        file, _, function = test.partition("::")
        names = {node.name for node in ast.walk(ast.parse((ROOT / file).read_text("utf-8")))
                 if isinstance(node, ast.FunctionDef)}  # fmt: skip
        assert function in names, test
    for page in row["pages"]:
        folder, _, rest = page.partition("/")
        file = ROOT / "notebooks" / f"{rest}.py" if folder == "notebooks" else BOOK / f"{page}.md"
        assert file.is_file(), page


@pytest.mark.parametrize("row", claims.rows(), ids=lambda row: row["id"])
def test_a_verdict_rests_on_results_that_are_saved(row: dict) -> None:
    assert row["where"]
    assert row["says"]
    if row.get("notebook"):
        assert (ROOT / "notebooks" / f"{row['notebook']}.py").is_file()
    if row.get("verdict") is None:
        assert row.get("needs"), "a claim without a verdict names the result it waits for"
        return
    assert row["verdict"] in claims.VERDICTS
    assert row["why"], "a verdict has a reason"
    used = {reference.partition(":")[0] for reference in references(row)}
    assert used <= set(row.get("needs", []))
    assert not claims.missing(row)
    for name in row.get("needs", []):
        assert any(run.get("commit") for run in results.runs_of(results.load(name))), name


@pytest.mark.parametrize(
    "row", [row for row in claims.rows() if row.get("needs")], ids=lambda row: row["id"]
)
def test_a_verdict_was_given_on_the_numbers_that_are_shown(row: dict) -> None:
    if row.get("verdict") is None:
        return
    shown = [results.text_of(reference)[1] for reference in references(row)]
    assert row["judged"] == " | ".join(shown), (
        "the numbers are others than those judged: judge again"
    )


NO_NETWORK = {"classroom/exact_field"}


@pytest.mark.parametrize(
    "row", [row for row in claims.rows() if row.get("needs")], ids=lambda row: row["id"]
)
def test_the_command_of_a_claim_names_the_model_that_made_its_result(row: dict) -> None:
    for name in row["needs"]:
        wanted = None if name in NO_NETWORK else results.load(name)["parameters"]["model"]
        assert claims.named_model(row) == wanted


def test_every_figure_and_table_of_the_paper_has_a_claim() -> None:
    places = " ".join(row["where"] for row in claims.rows())
    missing = [f"Fig. {i}" for i in range(1, 10) if not re.search(rf"Figs?\. {i}\b", places)]
    assert missing == []
    assert "Table 1" in places
    assert "our reading" not in places


def references(row: dict) -> list[str]:
    """All results that a claim shows."""
    return re.findall(r"\{result\}`([^`]+)`", row.get("value", ""))


# Notebooks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_notebook_has_typed_and_commented_parameters_and_short_functions(source: Path) -> None:
    cells = jupytext.read(source).cells
    assert cells[0].source.startswith("# ")
    assert "Question" in cells[0].source
    assert "redict" in cells[0].source
    tagged = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    tree = ast.parse(tagged[0].source)
    assert all(isinstance(node, ast.AnnAssign) for node in tree.body), (
        "name: type = value  # what it is"
    )
    assert {"profile", "cohort"} <= {node.target.id for node in tree.body}
    assert all(node.lineno == node.end_lineno for node in tree.body), "papermill reads single lines"
    lines = tagged[0].source.splitlines()
    for node in tree.body:
        assert any("# " in line for line in lines[node.lineno - 1 : node.end_lineno]), (
            node.target.id
        )
    for cell in cells:
        if cell.cell_type == "code" and not cell.source.startswith("%"):
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.FunctionDef):
                    told = ast.get_docstring(node) is not None
                    assert node.end_lineno - node.lineno - told <= 5 + len(node.args.args), (
                        node.name
                    )


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_notebook_opens_with_a_question_and_a_picture_and_folds_its_imports(source: Path) -> None:
    cells = notebooks.read(source).cells
    opening = cells[0].source
    picture = re.search(r"```\{(?:figure|wipe|frames)\} ", opening)
    assert picture
    assert opening.index("**Question.**") < picture.start() < opening.index("**Predict")
    folded = [cell.source for cell in cells if notebooks.folds(cell)]
    assert [text for text in folded if "import " in text]
    assert not [text for text in folded if "profile: str" in text]


def test_cells_fold_that_import_or_only_show_what_others_made() -> None:
    def folds(source: str) -> bool:
        return notebooks.folds(nbformat.v4.new_code_cell(source))

    assert folds("import json\n\n\ndef save(figure):\n    pass")
    assert folds("save(curves(rows), 'curves', 'Two curves.')")
    assert folds("Markdown(as_markdown(rows, columns))")
    assert folds("names = [row['name'] for row in rows]\nsave(sheets(names), 'sheets', 'Patches.')")
    assert folds("pictures = dict(zip(names, rows))\n_ = write_frames(folder, pictures)")
    assert not folds("rows = measure()\nMarkdown(as_markdown(rows, columns))")
    assert not folds("for row in rows:\n    print(row)\nsave(curves(rows), 'curves', 'Curves.')")
    assert not folds("%pip install wsigen")
    assert not notebooks.folds(nbformat.v4.new_markdown_cell("import"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_papermill_reads_every_line_of_the_parameters(
    source: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cells = [c for c in jupytext.read(source).cells if "parameters" in c.metadata.get("tags", [])]
    named = {node.target.id for node in ast.parse(cells[0].source).body}
    known = notebooks.parameters_of(source, {}, dict.fromkeys(named, 0))
    assert set(known) == named
    assert not [text for text in caplog.messages if "parse" in text]


def test_a_notebook_of_a_public_project_opens_with_a_button_to_launch_it(tmp_path: Path) -> None:
    source = tmp_path / "solvers.py"
    source.write_text((ROOT / "notebooks" / "solvers.py").read_text())
    place = "colab.research.google.com/github/somebody/wsigen/blob/main/notebooks/solvers.ipynb"
    for address, told in (
        ("https://github.com/somebody/wsigen.git", True),
        ("https://github.com/somebody/wsigen", True),
        ("https://github.com/somebody", False),
        ("https://example.org/wsigen.git", False),
        ("..", False),
    ):
        (written,) = alone.write([source], address)
        first = nbformat.read(written, as_version=4).cells[0]
        assert (place in first.source) == told
        assert (first.id == "launch") == told


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_notebook_to_take_along_brings_the_package_and_leaves_the_book_behind(
    source: Path,
) -> None:
    page = alone.to_take_along(notebooks.read(source), "https://example.org/slides.git")
    install = page.cells[1].source
    assert '"https://example.org/slides.git"' in install
    plain = re.sub(r"^(\s*)[!%].*$", r"\1pass", install, flags=re.MULTILINE)
    assert "{" not in re.sub(r"f\".*?\"", "", plain), "something was not filled in"
    compile(plain, "install", "exec")
    text = "\n".join(cell.source for cell in page.cells if cell.cell_type == "markdown")
    assert not re.search(r"\{\w+\}`|```\{", text)
    tagged = [cell for cell in page.cells if "parameters" in cell.metadata.get("tags", [])]
    changed = alone.CHANGED[source.stem]
    assert all(f"\n{name}: " in tagged[0].source for name in ("seed", *changed))


def test_the_address_of_a_take_along_notebook_is_a_public_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alone, "ROOT", tmp_path)
    for variable in ("GIT_DIR", "GIT_WORK_TREE"):
        monkeypatch.delenv(variable, raising=False)
    assert alone.address_of_project() == ".."
    git = ["git", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "remote", "add", "origin", "/home/somebody/slides"], check=True)
    assert alone.address_of_project() == ".."
    for address, told in [("https://example.org/a.git", True), ("https://me@example.org/a", False)]:
        subprocess.run([*git, "remote", "set-url", "origin", address], check=True)
        assert alone.address_of_project() == (address if told else "..")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one notebook that prints a number of its package."""
    for folder in ("wsigen/models", "notebooks", "results/classroom", "benchmarks/results"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "constraints.txt").write_text("numpy==2\n")
    (tmp_path / "wsigen" / "number.py").write_text("def number():\n    return 41\n")
    (tmp_path / "notebooks" / "small.py").write_text(
        '# %% [markdown]\n# # Small\n\n# %% tags=["parameters"]\nprofile: str = "smoke"  # size\n\n'
        "# %%\nimport runpy\n\nrunpy.run_path('wsigen/number.py')['number']()\n"
    )
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(notebooks, "EXECUTED", tmp_path / "executed")
    return tmp_path


def run_if_needed(project: Path) -> bool:
    """Run the project's notebook where its key is new; whether it ran."""
    source = project / "notebooks" / "small.py"
    given = notebooks.parameters_of(source, {"profile": "smoke"}, {"cohort": "phantom"})
    key = notebooks.key_of(source, given, notebooks.inputs("phantom"))
    if notebooks.is_current("small", key):
        return False
    assert notebooks.run(source, given, key, 60) is None
    return True


def printed(project: Path) -> str:
    """What the last cell of the executed notebook shows."""
    page = json.loads((project / "executed" / "small.ipynb").read_text("utf-8"))
    return page["cells"][-1]["outputs"][0]["data"]["text/plain"][0]


def test_a_page_changes_with_a_function_of_the_package_and_not_otherwise(project: Path) -> None:
    assert run_if_needed(project)
    assert printed(project) == "41"
    assert not run_if_needed(project)
    (project / "wsigen" / "number.py").write_text("def number():\n    return 42\n")
    assert run_if_needed(project)
    assert printed(project) == "42"
    assert not run_if_needed(project)


@pytest.mark.parametrize(
    "changed",
    [
        "notebooks/small.py",
        "constraints.txt",
        "results/classroom/solvers.json",
        "wsigen/models/any.json",
    ],
)
def test_source_pins_results_and_models_are_part_of_the_key(project: Path, changed: str) -> None:
    source = project / "notebooks" / "small.py"
    before = notebooks.key_of(source, {}, notebooks.inputs("phantom"))
    assert before == notebooks.key_of(source, {}, notebooks.inputs("phantom"))
    assert before != notebooks.key_of(source, {"num_steps": 3}, notebooks.inputs("phantom"))
    with (project / changed).open("a") as file:
        file.write("# \n")
    assert before != notebooks.key_of(source, {}, notebooks.inputs("phantom"))


def test_an_unknown_parameter_is_told(project: Path) -> None:
    with pytest.raises(WsigenError, match="no parameter 'num_step'; expected one of profile"):
        notebooks.parameters_of(project / "notebooks" / "small.py", {"num_step": 3}, {})


def test_a_run_leaves_the_environment_as_it_was_and_writes_nothing_at_home(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    before = dict(os.environ)
    assert run_if_needed(project)
    assert dict(os.environ) == before
    assert list(home.rglob("*")) == []


def test_two_notebooks_side_by_side_do_not_hear_each_other(project: Path) -> None:
    with kernels.own_folders() as first, kernels.own_folders() as second:
        places = [config.KernelManager.ip for config in (first, second)]
        assert places[0] != places[1]
        assert all(len(place) + 2 < 100 for place in places), "a socket has no longer path"
    assert run_if_needed(project)
    assert not [path for path in project.rglob("*") if path.is_socket()]
    assert not [path for path in Path.cwd().iterdir() if path.is_socket()]


def test_the_words_of_a_picture_go_where_the_build_looks_for_them() -> None:
    cell = nbformat.v4.new_code_cell("", id="a", execution_count=1)
    told = {"image/png": {"alt": "A slide."}}
    data = {"image/png": "", "text/plain": ""}
    cell.outputs = [nbformat.v4.new_output("display_data", data, metadata=told)]
    page = notebooks.cleaned(nbformat.v4.new_notebook(cells=[cell]))
    assert page.cells[0].metadata.mystnb == {"image": {"alt": "A slide."}}


def test_a_page_names_a_cohort_and_not_the_folder_it_lies_in(project: Path) -> None:
    source = project / "notebooks" / "small.py"
    (project / "executed").mkdir()
    assert notebooks.run(source, {"profile": "/somewhere/deep/cohort.csv"}, "key", 60) is None
    page = (project / "executed" / "small.ipynb").read_text("utf-8")
    assert "cohort.csv" in page
    assert "somewhere" not in page


def test_a_failing_notebook_is_told_by_its_traceback_and_leaves_no_page(project: Path) -> None:
    (project / "wsigen" / "number.py").write_text("def number():\n    return 1 / 0\n")
    (project / "executed").mkdir()
    problem = notebooks.run(project / "notebooks" / "small.py", {}, "key", 60)
    assert problem is not None
    assert "ZeroDivisionError" in problem
    assert list((project / "executed").iterdir()) == []


def test_the_editions_are_told_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert places.profile() in places.PROFILES
    monkeypatch.setenv("WSIGEN_BOOK_PROFILE", "paper")
    assert places.profile() == "paper"


def test_a_cache_that_cannot_be_written_is_made_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setenv("MPLCONFIGDIR", "as it was")
    kernels.prepare_caches(tmp_path / "spare")
    assert os.environ["XDG_CACHE_HOME"] == str(tmp_path / "caches")
    (tmp_path / "file").write_text("no folder can be made below this")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "caches"))
    kernels.prepare_caches(tmp_path / "spare")
    assert os.environ["XDG_CACHE_HOME"] == str(tmp_path / "spare")
    assert Path(os.environ["MPLCONFIGDIR"]).is_dir()
