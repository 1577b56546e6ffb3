"""The project around the package: its documents, its layout, what it depends on."""

import ast
import contextlib
import fnmatch
import io
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import functrace

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "functrace"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readmes_examples_run_and_print_what_it_says() -> None:
    """A block of Python is run; a block of text after it is what it prints."""
    blocks = list(re.finditer(r"^```(python|text)\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE))
    assert sum(block[1] == "python" for block in blocks) >= 5
    namespace: dict[str, object] = {"__name__": "readme"}
    printed = ""
    for block in blocks:
        if block[1] == "text":
            assert block[2].rstrip().split("\n") == printed.rstrip().split("\n")
            continue
        lines_above = README.count("\n", 0, block.start(2))
        code = compile("\n" * lines_above + block[2], str(ROOT / "README.md"), "exec")
        with contextlib.redirect_stdout(io.StringIO()) as stdout:
            exec(code, namespace)
        printed = stdout.getvalue()


@pytest.mark.parametrize(
    "command", ["pip install -e '.[demo]' && python -m functrace demo", "pip install -e '.[test]' && pytest"]
)
def test_the_readme_sets_up_in_one_command(command: str) -> None:
    assert f"```bash\n{command}\n```" in README


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_links_and_paths_in_documents_lead_somewhere(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in re.findall("^#+ .+", text, re.M)
    }
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in headings
        elif not target.startswith("https://"):
            assert (ROOT / target).exists(), target
    for path in re.findall(r"`((?:functrace|tests|notebooks)/[\w./]*)`", text):
        assert (ROOT / path).exists(), path


def test_nobody_is_sent_to_the_other_project_that_has_the_name_on_the_package_index() -> None:
    install_by_name = re.compile(r"""pip3? +install +(-\S+ +)*['"]?functrace\b""")
    for path in text_files():
        assert not install_by_name.search(path.read_text(encoding="utf-8")), path


def test_the_top_level_holds_nothing_else() -> None:
    allowed = {"pyproject.toml", "README.md", "LICENSE", "CONTRIBUTING.md", "functrace", "tests", "notebooks"}
    ignored = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").split()]
    found = {
        path.name
        for path in ROOT.iterdir()
        if not path.name.startswith(".") and not any(fnmatch.fnmatch(path.name, pattern) for pattern in ignored)
    }
    assert found <= allowed


def test_numpy_is_the_only_dependency_at_run_time() -> None:
    assert PROJECT["dependencies"] == ["numpy>=2.0"]


def test_the_package_imports_only_numpy_and_the_standard_library_before_it_is_asked_for_more() -> None:
    for path in python_files():
        for module in imported_at_once(path):
            top = module.split(".")[0]
            assert top in {"functrace", "numpy"} | sys.stdlib_module_names, f"{path} imports {module}"


def test_the_library_imports_neither_its_public_face_nor_its_command_line() -> None:
    library = [path for path in python_files() if path != PACKAGE / "__main__.py" and path.parent != PACKAGE / "cli"]
    for path in library:
        for module in imported(path):
            assert not module.startswith("functrace.cli"), f"{path} imports {module}"
            if module == "functrace":
                assert path == PACKAGE / "__init__.py", f"{path} imports the public face"


def test_the_package_knows_its_version() -> None:
    assert functrace.__version__ == PROJECT["version"]


def test_type_checkers_may_read_the_packages_types() -> None:
    assert (PACKAGE / "py.typed").is_file()


def python_files() -> list[Path]:
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 10
    return files


def text_files() -> Iterator[Path]:
    yield from (path for path in ROOT.iterdir() if path.is_file() and path.suffix in {".md", ".toml", ""})
    for folder in ("functrace", "tests", "notebooks", ".ci"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix in {".py", ".ipynb", ".md", ".txt", ""}:
                yield path


def imported_at_once(path: Path) -> Iterator[str]:
    """The modules that are imported when a file is: those outside of functions and of `if TYPE_CHECKING`."""
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield from modules_of(node, path)
        waiting.extend(ast.iter_child_nodes(node))


def imported(path: Path) -> Iterator[str]:
    """All modules that a file imports, at once or later."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        yield from modules_of(node, path)


def modules_of(node: ast.AST, path: Path) -> Iterator[str]:
    """The full names of the modules that one statement imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:  # from .x: the package of the file; from ..x: the one around it
            package = path.relative_to(ROOT).with_suffix("").parts[: -node.level]
            base = ".".join([*package, *([base] if base else [])])
        for alias in node.names:
            parts = [*base.split("."), alias.name]
            is_module = base.startswith("functrace") and (
                ROOT.joinpath(*parts).with_suffix(".py").exists() or ROOT.joinpath(*parts).is_dir()
            )
            yield ".".join(parts) if is_module else base
