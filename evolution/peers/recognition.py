"""Whose folder it is, by the names of its files."""

from collections.abc import Mapping

from evolution.peers import codeevolve, openevolve, shinkaevolve
from evolution.peers.translation import Imported, imported
from evolution.problem import PeerFormat

LOADERS = {
    PeerFormat.CODEEVOLVE: codeevolve,
    PeerFormat.SHINKAEVOLVE: shinkaevolve,
    PeerFormat.OPENEVOLVE: openevolve,
}


def recognise(files: Mapping[str, bytes]) -> PeerFormat | None:
    """The system whose folder holds these files, None for none that is known here."""
    return next((peer for peer, loader in LOADERS.items() if loader.recognised(files)), None)


def import_files(peer: PeerFormat, name: str, files: Mapping[str, bytes]) -> Imported:
    """Translate a folder of `peer`, given as path to content; `name` is the folder's.

    Raises:
        ProblemError: something in it cannot be used; the text says which file and key, what was expected, what came.
    """
    return imported(LOADERS[peer].load(name, files))
