"""Standard output within a box."""

import io
import os


class BoundedLog(io.TextIOBase):
    """Standard output that never fails and never blocks: what the log file does not take is dropped."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def writable(self) -> bool:
        """Always."""
        return True

    def fileno(self) -> int:
        """The descriptor below, for programs that are started."""
        return self._descriptor

    def write(self, text: str, /) -> int:
        """Write as much of `text` as there is room for."""
        try:
            os.write(self._descriptor, text.encode("utf-8", "replace"))
        except OSError:
            return len(text)
        return len(text)
