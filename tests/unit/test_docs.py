"""The examples of the README and of the site do what the pages say.

Page by page, in order, in an empty folder:

- a block with a title (```` ```csv title="book.csv" ````) is written there as that file;
- a ``python`` block runs, all blocks of a page in one namespace (``>>>`` lines as doctests);
- a ``console`` or ``sh`` block runs its lines ``$ seawall ...``, and what stands below a line must
  be what it prints, ``...`` standing for any text.

A comment on the line above a block bends that:
``<!-- example: not run, REASON -->``, ``<!-- example: exit 2 -->`` (the code that its commands end
with), ``<!-- example: output varies -->`` (runs, but what it prints is not compared).
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SHELL = ("console", "sh", "shell", "bash")
BLOCK = re.compile(
    r"(?:^[ ]*<!-- example: (?P<mark>[^\n]*?) -->\n)?"
    r"^(?P<indent>[ ]*)```[ ]*(?P<language>\w+)(?P<options>[^\n`]*)\n"
    r"(?P<text>.*?)^(?P=indent)```[ ]*$",
    re.MULTILINE | re.DOTALL,
)
MARK = re.compile(r"not run, \S.*|exit \d+|output varies")


@dataclass(frozen=True)
class Example:
    """One fenced block of a page."""

    page: str
    line: int
    language: str
    title: str
    text: str
    mark: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    def commands(self) -> list[tuple[str, str]]:
        """Each ``$`` line that runs seawall, with what the page prints below it."""
        joined = re.sub(r"\\\n[ >]*", "", self.text)
        parts = re.split(r"^\$ ", joined, flags=re.MULTILINE)[1:]
        pairs = [part.partition("\n")[::2] for part in parts]
        return [(c.strip(), shown) for c, shown in pairs if re.search(r"(^|[|&;]\s*)seawall\b", c)]

    def runs(self) -> bool:
        if self.mark.startswith("not run"):
            return False
        return self.language == "python" or (self.language in SHELL and bool(self.commands()))


def examples(page: Path) -> list[Example]:
    """The fenced blocks of a page, marks included."""
    source = page.read_text(encoding="utf-8")
    name = page.relative_to(PROJECT).as_posix() if page.is_relative_to(PROJECT) else page.name
    return [
        Example(
            page=name,
            line=source.count("\n", 0, match.start("language")) + 1,
            language=match["language"],
            title="".join(re.findall(r'title="([^"]+)"', match["options"])),
            text=textwrap.dedent(match["text"]),
            mark=match["mark"] or "",
        )
        for match in BLOCK.finditer(source)
    ]


def prints(shown: str, printed: str) -> bool:
    """Whether the printed text is the shown one, up to ``...`` and trailing blanks."""
    wanted = "\n".join(line.rstrip() for line in shown.strip("\n").splitlines())
    got = "\n".join(line.rstrip() for line in printed.strip("\n").splitlines())
    pattern = ".*?".join(re.escape(piece) for piece in wanted.split("..."))
    return re.fullmatch(pattern, got, re.DOTALL) is not None


def run_python(example: Example, namespace: dict[str, object]) -> None:
    if ">>> " in example.text:
        test = doctest.DocTestParser().get_doctest(
            example.text, namespace, example.place, example.page, example.line
        )
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        report: list[str] = []
        failed = runner.run(test, out=report.append, clear_globs=False).failed
        namespace.update(test.globs)
        assert failed == 0, "".join(report)
    else:
        padded = "\n" * example.line + example.text
        exec(compile(padded, example.page, "exec"), namespace)


def run_commands(example: Example, folder: Path) -> None:
    expected = int(example.mark.split()[1]) if example.mark.startswith("exit") else 0
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    settings = {"PATH": path, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    for command, shown in example.commands():
        done = subprocess.run(
            command,
            shell=True,
            cwd=folder,
            env=os.environ | settings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
        )
        told = f"{example.place}: $ {command}\n{done.stdout}{done.stderr}"
        assert done.returncode == expected, f"ended with {done.returncode}, not {expected}: {told}"
        # what a command is doing is only said where it takes more than a second
        refusal = re.sub(r"^.* …\n", "", done.stderr, flags=re.MULTILINE)
        printed = done.stdout + (refusal if expected else "")
        if shown.strip() and example.mark != "output varies":
            assert prints(shown, printed), f"prints something else than the page shows: {told}"


PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]
RUNNABLE = [page for page in PAGES if any(e.runs() for e in examples(page))]


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda p: p.relative_to(PROJECT).as_posix())
def test_examples_of_the_page_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "__main__"}
    for example in examples(page):
        if example.title:
            target = tmp_path / example.title
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(example.text, encoding="utf-8")
        if not example.runs():
            continue
        if example.language == "python":
            run_python(example, namespace)
        else:
            run_commands(example, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(PROJECT).as_posix())
def test_marks_are_known_and_give_a_reason(page: Path) -> None:
    for example in examples(page):
        assert not example.mark or MARK.fullmatch(example.mark), f"{example.place}: {example.mark}"
    attached = [e for e in examples(page) if e.mark]
    assert page.read_text(encoding="utf-8").count("<!-- example:") == len(attached), (
        f"{page.name} has a mark that is not on the line above a block"
    )


PAGE = """
```csv title="book.csv"
account
a
```

    ```python
    kept = 1 + 1
    ```

<!-- example: exit 2 -->
```console
$ cd somewhere
$ seawall check \\
>   missing.csv
missing.csv: no such file
$ cat book.csv | seawall check -
```

<!-- example: not run, it needs a key -->
```python
raise SystemExit
```
"""


def test_blocks_are_found_with_titles_marks_and_lines(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    book, indented, console, skipped = examples(page)
    assert (book.title, book.text, book.runs()) == ("book.csv", "account\na\n", False)
    assert (indented.language, indented.text, indented.line) == ("python", "kept = 1 + 1\n", 7)
    assert console.commands() == [
        ("seawall check missing.csv", "missing.csv: no such file\n"),
        ("cat book.csv | seawall check -", ""),
    ]
    assert console.mark == "exit 2"
    assert not skipped.runs()


def test_python_blocks_share_a_namespace_and_fail_with_their_place(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\na = 2\n```\n\n```python\n>>> a + 1\n4\n```\n")
    namespace: dict[str, object] = {}
    first, second = examples(page)
    run_python(first, namespace)
    assert namespace["a"] == 2
    with pytest.raises(AssertionError, match="Expected:"):
        run_python(second, namespace)


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a b\n", "a b  \n", True),
        ("a\n...\nd\n", "a\nb\nc\nd\n", True),
        ("price ... USD", "price 80,600 USD", True),
        ("a", "a\nb", False),
        ("a.c", "abc", False),
    ],
)
def test_shown_output_matches_up_to_dots(shown: str, printed: str, same: bool) -> None:
    assert prints(shown, printed) is same
