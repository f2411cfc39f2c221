"""Renames the template after your device or company, and deletes itself: ``python rename.py contoso``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

OLD = "acme"
TEXTS = {".md", ".py", ".toml"}


def rename(folder: Path, new: str) -> None:
    """Replace the name in all files below a folder, and in the names of files and folders, innermost first."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.suffix in TEXTS and path.is_file():
            text = path.read_text("utf-8")
            for form in (str.lower, str.capitalize, str.upper):
                text = text.replace(form(OLD), form(new))
            path.write_text(text, "utf-8")
        path.rename(path.with_name(path.name.replace(OLD, new)))


if __name__ == "__main__":
    name = sys.argv[-1]
    if not re.fullmatch("[a-z][a-z0-9]{1,30}", name):
        raise SystemExit("usage: python rename.py NAME (lower-case letters and digits), such as contoso")
    here = Path(__file__).resolve()
    here.unlink()
    rename(here.parent, name)
