"""What each run itself took of tokens and evaluations."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("""
        INSERT INTO allowance (run, resource, spent, reserved)
        SELECT a.run, CAST('tokens' AS resource), a.tokens_in + a.tokens_out,
            (SELECT coalesce(sum(c.reserved_tokens), 0) FROM completion c WHERE c.run = a.run AND c.cost_micro_dollars IS NULL)
        FROM account a
        UNION ALL
        SELECT r.id, CAST('evaluations' AS resource),
            count(p.id) FILTER (WHERE p.closed_event IS NOT NULL AND p.state = 'answered'),
            count(p.id) FILTER (WHERE p.closed_event IS NULL)
        FROM run r LEFT JOIN proposal p ON p.run = r.id AND p.number > 0 GROUP BY r.id
    """)
    # Evaluations were not counted while runs went on.
    op.execute("""
        UPDATE allowance w SET
            spent = (SELECT coalesce(sum(o.spent), 0) FROM allowance o JOIN run r ON r.id = o.run
                WHERE o.resource = 'evaluations' AND (r.project = w.project OR r.person = w.person)),
            reserved = (SELECT coalesce(sum(o.reserved), 0) FROM allowance o JOIN run r ON r.id = o.run
                WHERE o.resource = 'evaluations' AND r.state <> 'finished' AND (r.project = w.project OR r.person = w.person))
        WHERE w.resource = 'evaluations' AND w.run IS NULL
    """)
