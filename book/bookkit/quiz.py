"""The directive ``quiz``: a question with choices, each of which answers at once. It needs no script.

```{quiz} What is the mean of $0.9$ and $0.7$?
- $0.7$ :: That is the smaller of the two.
+ $0.8$ :: Half of their sum.
```

``+`` marks what is right, ``-`` what is not; behind ``::`` stands what a reader is told who chooses it. In HTML each
choice is a drop-down, which opens with Enter; a PDF lists choices and answers.
"""

import re
from typing import Any

from docutils import nodes
from sphinx.addnodes import only
from sphinx.util.docutils import SphinxDirective

CHOICE = re.compile(r"([+-]) (.+?) :: (.+)")
WORDS = {"+": "Right.", "-": "No."}


class Quiz(nodes.General, nodes.Element):
    """Question and choices (HTML only)."""


class Choice(nodes.General, nodes.Element):
    """One of them: what is chosen, and what is told then."""


class Chosen(nodes.General, nodes.TextElement):
    """The line that can be clicked."""


class Told(nodes.General, nodes.TextElement):
    """What appears then."""


def choices(lines: list[str]) -> list[tuple[str, str, str]]:
    """Sign, text and answer of each; a choice may go on over indented lines.

    Raises:
        ValueError: a line is no choice, or not exactly one is right.
    """
    joined = re.sub(r"\n(?![+-] )\s*", " ", "\n".join(lines).strip())
    found = []
    for line in joined.splitlines():
        match = CHOICE.fullmatch(line.strip())
        if match is None:
            raise ValueError(f"a choice is `+ text :: answer` or `- text :: answer`; found: {line}")
        found.append((match[1], match[2], match[3]))
    if [sign for sign, _, _ in found].count("+") != 1:
        raise ValueError("one choice of a quiz is right: mark it with +, and no other")
    return found


class QuizDirective(SphinxDirective):
    """See the module."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Drop-downs for HTML, a list for the rest."""
        try:
            found = choices(list(self.content))
        except ValueError as wrong:
            raise self.error(str(wrong)) from None
        quiz = Quiz(name=f"quiz-{self.env.new_serialno('quiz')}")
        quiz += nodes.paragraph("", "", *self.inline(self.arguments[0]), classes=["question"])
        listed = nodes.bullet_list()
        for sign, text, answer in found:
            choice = Choice(right=sign == "+", name=quiz["name"])
            choice += Chosen("", "", *self.inline(text))
            choice += Told("", "", nodes.strong("", WORDS[sign]), nodes.Text(" "), *self.inline(answer))  # fmt: skip
            quiz += choice
            line = [*self.inline(text), nodes.Text(": "), nodes.strong("", WORDS[sign])]
            listed += nodes.list_item(
                "", nodes.paragraph("", "", *line, nodes.Text(" "), *self.inline(answer))
            )
        question = nodes.paragraph("", "", *self.inline(self.arguments[0]))
        return [only("", quiz, expr="html"), only("", question, listed, expr="not html")]

    def inline(self, text: str) -> list[nodes.Node]:
        """Markdown within a line."""
        holder = nodes.container()
        self.state.nested_parse([text], self.content_offset, holder)
        return list(holder.children[0].children)


def visit_quiz(self: Any, node: Quiz) -> None:
    """The frame of question and choices."""
    self.body.append('<div class="quiz">')


def depart_quiz(self: Any, node: Quiz) -> None:
    """Its end."""
    self.body.append("</div>")


def visit_choice(self: Any, node: Choice) -> None:
    """A drop-down; the name lets one be open at a time."""
    kind = "right" if node["right"] else "wrong"
    self.body.append(f'<details class="choice {kind}" name="{node["name"]}">')


def depart_choice(self: Any, node: Choice) -> None:
    """Its end."""
    self.body.append("</details>")


def visit_chosen(self: Any, node: Chosen) -> None:
    """What can be clicked."""
    self.body.append("<summary>")


def depart_chosen(self: Any, node: Chosen) -> None:
    """Its end."""
    self.body.append("</summary>")


def visit_told(self: Any, node: Told) -> None:
    """What is told."""
    self.body.append('<p class="told">')


def depart_told(self: Any, node: Told) -> None:
    """Its end."""
    self.body.append("</p>")


def setup(app: Any) -> None:
    """Register the directive."""
    app.add_node(Quiz, html=(visit_quiz, depart_quiz))
    app.add_node(Choice, html=(visit_choice, depart_choice))
    app.add_node(Chosen, html=(visit_chosen, depart_chosen))
    app.add_node(Told, html=(visit_told, depart_told))
    app.add_directive("quiz", QuizDirective)
