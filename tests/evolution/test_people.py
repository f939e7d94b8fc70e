import pytest

from evolution.people import Action, Role, allows

TABLE = {
    Role.ADMIN: "read inspect submit steer work administer",
    Role.MEMBER: "read inspect submit steer work",
    Role.VIEWER: "read inspect",
    Role.WORKER: "read work",
}


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", Role)
def test_a_role_allows_what_the_table_says_and_nothing_else(role: Role, action: Action) -> None:
    assert allows(role, action) == (action.value in TABLE[role].split())
