import os

from shinka.core import EvolutionConfig, EvolutionRunner
from shinka.database import DatabaseConfig
from shinka.launch import LocalJobConfig

MESSAGE = "Throw the dice so that their sum is high."

job = LocalJobConfig(eval_program_path="evaluate.py", time="00:00:30")
database = DatabaseConfig(num_islands=2, archive_size=20, num_archive_inspirations=2)
evolution = EvolutionConfig(
    task_sys_msg=MESSAGE,
    num_generations=12,
    llm_models=["gpt-5-mini", "somebody-elses-model"],
    llm_kwargs=dict(temperatures=[0.0, 1.0], max_tokens=2000),
    init_program_path="initial.py",
    results_dir=os.environ.get("RESULTS", "results"),
)

if __name__ == "__main__":
    EvolutionRunner(evo_config=evolution, job_config=job, db_config=database).run()
