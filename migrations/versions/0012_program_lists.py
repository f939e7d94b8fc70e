"""The indexes by which lists of programs are filtered and sorted."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade():
    op.create_index("ix_run_problem_id", "run", ["problem", "id"])
    op.create_index("ix_run_state_id", "run", ["state", "id"])
    op.create_index(
        "ix_evaluation_verdict",
        "evaluation",
        ["run", "verdict", "program"],
        postgresql_where=sa.text("purpose = 'search' AND verdict IS NOT NULL"),
    )
    op.create_index("ix_program_run_island_number", "program", ["run", "island", "number"])
    op.create_index("ix_program_run_parent_number", "program", ["run", "parent", "number"])
    op.create_index(
        "ix_proposal_operator", "proposal", ["run", "operator", "number"], postgresql_where=sa.text("state = 'answered'")
    )
    op.create_index(
        "ix_proposal_model",
        "proposal",
        ["run", "model", "number"],
        postgresql_where=sa.text("state = 'answered' AND model IS NOT NULL"),
    )
    op.create_index("ix_scored_run_score_number", "scored", ["run", "score", "number"])
    op.create_index("ix_scored_run_island_score_number", "scored", ["run", "island", "score", "number"])
