"""Bring a database to the newest schema."""


async def upgrade(url: str) -> None:
    """Apply the missing migrations, once: processes that start together wait for one another (advisory lock).

    Raises:
        WrongDatabaseUrl: the address is not usable.
        DatabaseUnavailable: the server cannot be reached.
    """
    raise NotImplementedError
