"""What each kind of process may do in the database: one Postgres role for each, made anew after every migration.

A role may do what stands here and nothing else. So a process that was broken into cannot do what its kind never does:
evaluators, which stand next to untrusted programs, see no money and no prompt, and nobody but them writes a score.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping

import sqlalchemy as sa

from database.engine import Connection
from evolution.process import Kind

ROUNDS = 4096


_LEASE = "attempt, lease, lease_owner, lease_until"
_LIVE = "INSERT, UPDATE (heard_at, slots, busy, tier, machine), DELETE"
_QUEUE_EVALUATION = "SELECT, INSERT (run, program, purpose, tier, series)"

RIGHTS: dict[Kind, dict[str, str]] = {
    Kind.SERVER: {
        "blob": "SELECT, INSERT",
        "problem": "SELECT, INSERT",
        "problem_file": "SELECT, INSERT",
        "run": "SELECT, INSERT, UPDATE (config, state, stop_reason, stop_detail, finished_at, controller_epoch, priority)",
        "command": "SELECT, INSERT, UPDATE (state, detail)",
        "account": "SELECT, INSERT, UPDATE (limit_micro_dollars)",
        "proposal": "SELECT, INSERT, UPDATE (state, lease, lease_owner, lease_until)",
        "completion": "SELECT",
        "assignment": "SELECT, UPDATE (state, person, token, lease, lease_until, answer, answered_at)",
        "program": "SELECT, INSERT",
        "evaluation": _QUEUE_EVALUATION,
        "machine": "SELECT",
        "gpu": "SELECT",
        "scored": "SELECT",
        "elite": "SELECT",
        "record": "SELECT",
        "search_state": "SELECT",
        "event": "SELECT",
        "person": "SELECT, INSERT, UPDATE (active, issuer, subject)",
        "sign_in": "SELECT, INSERT, DELETE",
        "token": "SELECT, INSERT, UPDATE (revoked_at, last_used_at)",
        "project": "SELECT, INSERT, UPDATE (name, weight, any_model, retention_days)",
        "removal": "SELECT",
        "project_model": "SELECT, INSERT, DELETE",
        "answered_request": "SELECT, INSERT, DELETE, UPDATE (request, status, body, created_at)",
        "turn": "SELECT, INSERT",
        "membership": "SELECT, INSERT, UPDATE (role), DELETE",
        "project_problem": "SELECT, INSERT",
        "audit": "SELECT, INSERT",
        "allowance": "SELECT, INSERT, UPDATE (most, reserved)",
        "process": f"SELECT, {_LIVE}",
        "spending": "SELECT",
        "webhook": "SELECT, INSERT, DELETE, UPDATE (url)",
        "alert_position": "SELECT, INSERT, UPDATE",
        "delivery": "SELECT, INSERT, UPDATE (attempts, next_at, delivered_at, status, failure), DELETE",
    },
    Kind.CONTROLLER: {
        "blob": "SELECT, INSERT, DELETE",
        "removal": "SELECT, INSERT, UPDATE",
        "problem": "SELECT",
        "problem_file": "SELECT",
        "run": "SELECT, UPDATE",
        "command": "SELECT, UPDATE (state, detail, event)",
        "account": "SELECT, UPDATE",
        "proposal": "SELECT, INSERT, UPDATE",
        "completion": "SELECT, UPDATE (cost_micro_dollars, failure)",
        "allowance": "SELECT, UPDATE (spent, reserved)",
        "project": "SELECT",
        "person": "SELECT",
        "assignment": "SELECT, UPDATE (state)",
        "program": "SELECT, INSERT, DELETE",
        "evaluation": f"{_QUEUE_EVALUATION}, UPDATE (program, state, closed_event, finished_at, host_fault, {_LEASE})",
        "scored": "SELECT, INSERT",
        "elite": "SELECT, INSERT, UPDATE, DELETE",
        "record": "SELECT, INSERT",
        "search_state": "SELECT, INSERT, UPDATE",
        "event": "SELECT, INSERT",
        "process": f"SELECT (id, heard_at), {_LIVE}",
        "gpu": "SELECT",
        "spending": "SELECT, INSERT, UPDATE",
    },
    Kind.WORKERS: {
        "blob": "SELECT, INSERT",
        "problem": "SELECT",
        "problem_file": "SELECT",
        "command": "SELECT (id, run, payload)",
        "run": "SELECT (id, project, person, problem, config, seed, tier, state, as_of_event, created_at, priority, mean_s)",
        "turn": "SELECT, UPDATE (at)",
        "endpoint": "SELECT, INSERT, UPDATE",
        "account": "SELECT, UPDATE (spent_micro_dollars, reserved_micro_dollars, tokens_in, tokens_out)",
        "allowance": "SELECT, UPDATE (spent, reserved)",
        "project": "SELECT (id, name, weight)",
        "person": "SELECT (id, name)",
        "proposal": f"SELECT, UPDATE (state, refusal, detail, duplicate_of, child, child_length, child_literals, {_LEASE})",
        "completion": "SELECT, INSERT, UPDATE (answer, failure, finish_reason, tokens_in, tokens_out, cost_micro_dollars, "
        "latency_s)",
        "assignment": "SELECT, INSERT, UPDATE (state)",
        "program": "SELECT, INSERT",
        "evaluation": _QUEUE_EVALUATION,
        "scored": "SELECT",
        "elite": "SELECT",
        "process": f"SELECT (id, heard_at), {_LIVE}",
        "spending": "SELECT, INSERT, UPDATE",
    },
    Kind.EVALUATORS: {
        "blob": "SELECT, INSERT",
        "problem": "SELECT",
        "problem_file": "SELECT",
        "run": "SELECT (id, project, problem, secret, tier, gpus, state, priority, mean_s, mean_gpu_s)",
        "project": "SELECT (id, weight)",
        "turn": "SELECT, UPDATE (at)",
        "program": "SELECT (id, run, number, files)",
        "proposal": "SELECT (run, number, seen_event, closed_event)",
        "machine": "SELECT, INSERT",
        "gpu": "SELECT, INSERT, UPDATE",
        "evaluation": f"SELECT, UPDATE (state, verdict, score, metrics, features, stages, duration_s, gpu_s, machine, "
        f"picture, fingerprint, twin, host_fault, finished_at, {_LEASE})",
        "process": f"SELECT (id, heard_at), {_LIVE}",
    },
}
"""What each kind is granted on each table, in the words of GRANT; what is not named it may not touch."""

_EXISTS = sa.text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role)")
_LITERAL = sa.text("SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', CAST(:role AS text), CAST(:verifier AS text))")
_QUOTED = sa.text("SELECT quote_ident(:role), quote_ident(current_database())")


async def apply(connection: Connection, logins: Mapping[Kind, tuple[str, str]]) -> None:
    """Give each kind's role, named with its password in `logins`, its password and its rights, and no other right.

    The connection must be that of a role that may create roles, and that owns the tables.
    """
    for kind, (role, password) in logins.items():
        name, database = (await connection.execute(_QUOTED, {"role": role})).one()
        if not (await connection.execute(_EXISTS, {"role": role})).scalar_one():
            await _do(connection, f"CREATE ROLE {name}")
        given = {"role": role, "verifier": scram_verifier(password)}
        await _do(connection, (await connection.execute(_LITERAL, given)).scalar_one())
        await _do(connection, f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
        await _do(connection, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
        await _do(connection, f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {name}")
        await _do(connection, f"GRANT CONNECT ON DATABASE {database} TO {name}")
        await _do(connection, f"GRANT USAGE ON SCHEMA public TO {name}")
        await _do(connection, f"GRANT USAGE ON SEQUENCE lease_token TO {name}")
        await _do(connection, f"GRANT SELECT ON alembic_version TO {name}")
        for table, rights in RIGHTS[kind].items():
            await _do(connection, f"GRANT {rights} ON {table} TO {name}")
        if kind is Kind.EVALUATORS:
            await _do(connection, "DROP POLICY IF EXISTS nothing_private ON blob")
            await _do(
                connection,
                f"CREATE POLICY nothing_private ON blob AS RESTRICTIVE FOR SELECT TO {name} USING (NOT private)",
            )


async def _do(connection: Connection, statement: str) -> None:
    # A colon would be a parameter to SQLAlchemy's text.
    await connection.exec_driver_sql(statement)


def scram_verifier(password: str) -> str:
    """What Postgres keeps of a password (RFC 5802, SCRAM-SHA-256), so that no statement carries the password itself."""
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ROUNDS)
    stored = hashlib.sha256(_keyed(salted, b"Client Key")).digest()
    parts = [base64.b64encode(part).decode() for part in (salt, stored, _keyed(salted, b"Server Key"))]
    return f"SCRAM-SHA-256${ROUNDS}:{parts[0]}${parts[1]}:{parts[2]}"


def _keyed(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")
