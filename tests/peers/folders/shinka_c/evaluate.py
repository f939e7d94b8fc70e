import json
import subprocess
import sys
from pathlib import Path

program = sys.argv[sys.argv.index("--program_path") + 1]
results = Path(sys.argv[sys.argv.index("--results_dir") + 1])
built = subprocess.run(["gcc", "-O1", "-o", "answer", program], capture_output=True, text=True)
found = float(subprocess.run(["./answer"], capture_output=True, text=True, timeout=5).stdout) if not built.returncode else 0.0
metrics = {"combined_score": found, "public": {"compiled": not built.returncode}, "private": {}}
(results / "metrics.json").write_text(json.dumps(metrics))
(results / "correct.json").write_text(json.dumps({"correct": not built.returncode, "error": built.stderr or None}))
sys.exit(3)
