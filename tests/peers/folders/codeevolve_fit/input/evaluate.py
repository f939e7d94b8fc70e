import importlib.util
import json
import os
import sys


def main(program_path, results_path):
    spec = importlib.util.spec_from_file_location("program", program_path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    weights = module.weights()
    if not os.path.exists("notes.yaml"):
        raise FileNotFoundError("the source folder is not here")
    if min(weights) < 0:
        print("a weight is negative", file=sys.stderr)
        sys.exit(1)
    print("one weight is large", file=sys.stderr)
    with open(results_path, "w") as file:
        json.dump({"balance": 1 - max(weights), "eval_time": 0.25, "kind": "plain"}, file)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
