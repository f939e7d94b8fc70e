import json
import os
import subprocess
import sys

_, _, program, _, results = sys.argv
words = open(program).read().split()
longest = subprocess.run(["python3", "-c", "import sys; print(max(sys.argv[1:], key=len))", *words], capture_output=True, text=True)
json.dump({"combined_score": len(words), "public": {"longest": longest.stdout.strip()}}, open(os.path.join(results, "metrics.json"), "w"))
json.dump({"correct": True}, open(os.path.join(results, "correct.json"), "w"))
