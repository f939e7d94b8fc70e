"""Postgres as a child of this process: started from the wheel's binaries, ended with us however we end."""

from pathlib import Path
from typing import Self


class EmbeddedPostgres:
    """One Postgres server on one data folder, durable, reached over a unix socket only.

    Usable as a context manager. The server dies with this process, kill -9 included; a new start on the same folder
    recovers what was committed. Needs Linux. The methods block for up to some seconds.
    """

    def __init__(self, data: Path) -> None:
        raise NotImplementedError

    def start(self) -> Self:
        """Create the cluster if there is none, and serve it.

        Raises:
            DataFolderBusy: another process serves this folder.
            EmbeddedPostgresError: no binaries, or the server refused to start; the text holds the end of its log.
        """
        raise NotImplementedError

    @property
    def url(self) -> str:
        """Address of the database `galapagos` as superuser, for `Database` and for other processes of this machine."""
        raise NotImplementedError

    @property
    def pid(self) -> int:
        """Process id of the server."""
        raise NotImplementedError

    def alive(self) -> bool:
        """Whether the server process runs."""
        raise NotImplementedError

    def restart(self) -> None:
        """Serve the folder again after the server died; `url` stays the same."""
        raise NotImplementedError

    def stop(self) -> None:
        """End the server cleanly and release the folder. Harmless when it does not run."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
