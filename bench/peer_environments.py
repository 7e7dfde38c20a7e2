"""Makes the environments of the peers: one folder each, versions pinned in `bench/peers/NAME/requirements.txt`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.contest import PEERS, ROOT


def create(peers_dir: Path) -> None:
    """Make what is missing. Raises CalledProcessError when an install fails."""
    peers_dir.mkdir(parents=True, exist_ok=True)
    (peers_dir / ".gitignore").write_text("*\n")
    for name in PEERS:
        requirements = ROOT / "bench" / "peers" / name / "requirements.txt"
        stamp = peers_dir / name / "installed.txt"
        if stamp.exists() and stamp.read_text() == requirements.read_text():
            sys.stderr.write(f"{name}: installed\n")
            continue
        sys.stderr.write(f"{name}: installing, about a minute ...\n")
        subprocess.run([sys.executable, "-m", "venv", peers_dir / name], check=True)
        python = peers_dir / name / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", requirements], check=True)
        stamp.write_text(requirements.read_text())


def installed(peers_dir: Path, wanted: Sequence[str]) -> list[str]:
    """Those of `wanted` whose environment is there."""
    return [name for name in wanted if (peers_dir / name / "bin" / "python").exists()]
