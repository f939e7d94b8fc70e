"""The processes of a service that meet in the database."""

from enum import StrEnum


class Kind(StrEnum):
    """The kinds of process; each has a role in the database."""

    SERVER = "server"
    CONTROLLER = "controller"
    WORKERS = "workers"
    EVALUATORS = "evaluators"
