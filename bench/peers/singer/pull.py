"""Singer: tap | target, two processes and a pipe. python pull.py URL WORK_DIR"""

import json
import subprocess
import sys
from pathlib import Path

here, work_dir = Path(__file__).parent, Path(sys.argv[2])
(work_dir / "tap.json").write_text(json.dumps({"url": sys.argv[1]}))
(work_dir / "target.json").write_text(json.dumps({"path": str(work_dir / "singer.db")}))
tap = subprocess.Popen(
    [sys.executable, here / "tap.py", "--config", work_dir / "tap.json"], stdout=subprocess.PIPE
)
target = subprocess.Popen(
    [sys.executable, here / "target.py", "--config", work_dir / "target.json"],
    stdin=tap.stdout,
    stdout=subprocess.DEVNULL,
)
if tap.stdout is not None:
    tap.stdout.close()
sys.exit(target.wait() or tap.wait())
