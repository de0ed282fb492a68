"""What is packed: everything that the checkout has. ``tests.installed`` tries a whole wheel."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import minpy

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of what is in version control, since building writes into the folder."""
    copy = tmp_path_factory.mktemp("packaging") / "minpy"
    built = ".venv*", "*.so", "*.egg-info", "__pycache__", ".*_cache", "build", "dist", "site"
    hidden = shutil.ignore_patterns(".git", ".coverage*", ".hypothesis", ".mutation", *built)
    shutil.copytree(ROOT, copy, ignore=hidden)
    return copy


def setup_py(folder, *arguments):
    subprocess.run(
        [sys.executable, "setup.py", "-q", *arguments], cwd=folder, check=True, capture_output=True
    )


def files_below(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_an_sdist_has_all_that_the_checkout_has(checkout, tmp_path):
    expected = files_below(checkout) - {".gitignore"}
    setup_py(checkout, "egg_info", "--egg-base", tmp_path, "sdist", "-d", tmp_path)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        found = {name.split("/", 1)[1] for name in opened.getnames() if "/" in name}
    assert {name for name in expected if name not in found} == set()
    assert not any(name.endswith((".so", ".pyc")) for name in found)
    assert archive.name == f"minpy-{minpy.__version__}.tar.gz"


def test_a_wheel_has_modules_types_and_styles_and_no_sources_of_c(checkout, tmp_path):
    setup_py(checkout, "build_py", "--build-lib", tmp_path / "built")
    wanted = {name for name in files_below(checkout / "minpy") if not name.endswith((".c", ".h", ".cc"))}
    assert files_below(tmp_path / "built/minpy") == wanted
    assert "py.typed" in wanted and "compiler/explain/style.css" in wanted


def test_the_version_is_semantic_stands_in_one_place_and_in_the_changelog():
    version = minpy.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|rc\d+)?", version)
    files = [*(ROOT / "minpy").rglob("*.py"), *(ROOT / name for name in ("setup.py", "pyproject.toml"))]
    assert [path for path in files if version in path.read_text("utf-8")] == [ROOT / "minpy/version.py"]
    newest = re.search(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.M)[1]
    assert newest in ("Unreleased", version)
    assert (newest == "Unreleased") == (".dev" in version)
