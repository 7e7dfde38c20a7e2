"""Renews run.lock and test.lock from pyproject.toml. Needs uv; run it as `make lock`.

The locks hold exact versions with hashes for every supported Python and platform, and name no package index:
each machine uses the one it is set up for. Versions already locked stay, unless `--upgrade` is given.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEADER = (
    "# Exact versions with hashes, for Python 3.11 and later on Linux and macOS. "
    "Made by `make lock`; not edited by hand.\n"
)
UV = (
    *("uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"),
    *("--generate-hashes", "--no-emit-index-url", "--no-emit-find-links"),
    *("--no-header", "--no-annotate"),
    *("pyproject.toml", "requirements/build.in"),
)


def lock(name: str, *options: str) -> None:
    """Write requirements/NAME.lock."""
    target = HERE / f"{name}.lock"
    subprocess.run(
        [*UV, *options, *sys.argv[1:], "--output-file", str(target)], cwd=HERE.parent, check=True
    )
    target.write_text(HEADER + target.read_text())


if __name__ == "__main__":
    lock("run")
    lock("test", "--extra", "test", "--constraint", "requirements/run.lock")
