import argparse

from shinka.core import run_shinka_eval


def valid(throws):
    return (True, None) if all(1 <= one <= 6 for one in throws) else (False, "a die has six sides")


def summed(runs):
    return {
        "combined_score": sum(map(sum, runs)) / len(runs),
        "public": {"lowest": min(map(min, runs)), "mood": "fair"},
        "private": {"answer": 42},
        "text_feedback": "throw higher",
        "extra_data": {"runs": runs},
    }


def main(program_path, results_dir):
    run_shinka_eval(
        program_path=program_path,
        results_dir=results_dir,
        experiment_fn_name="throws",
        num_runs=3,
        validate_fn=valid,
        aggregate_metrics_fn=summed,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--program_path")
    parser.add_argument("--results_dir")
    given = parser.parse_args()
    main(given.program_path, given.results_dir)
