import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_client_library_is_imported_in_one_module_only() -> None:
    packages = ("evolution", "database", "controller", "workers", "evaluators", "galapagos")
    sources = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    users = [path.relative_to(ROOT).as_posix() for path in sources if "import openai" in path.read_text()]
    assert users == ["workers/llm.py"]


def test_a_worker_without_models_does_not_load_the_client_library() -> None:
    heavy = "sys.exit('openai' in sys.modules or 'jinja2' in sys.modules)"
    code = f"import sys, workers.__main__, workers.worker, evolution.models; {heavy}"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
