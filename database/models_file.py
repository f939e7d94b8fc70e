"""The file of model endpoints that `GALAPAGOS_MODELS` names."""

from collections.abc import Mapping
from pathlib import Path

from evolution.models import AnyModel, ModelsError, models_of


def load_models(path: Path) -> dict[str, AnyModel]:
    """Read the configured models, by name. Keys are not looked at: see `Model.key`.

    Raises:
        ModelsError: the file is missing, is no TOML, or has an unknown key or an unusable value.
    """
    try:
        text = path.read_text()
    except OSError as error:
        raise ModelsError(f"cannot read the models file {path}: {error.strerror}; correct GALAPAGOS_MODELS") from None
    except UnicodeDecodeError as error:
        raise ModelsError(f"{path} is not valid TOML: {error}") from None
    return models_of(text, str(path))


def keys_in(folder: Path | None, variables: Mapping[str, str]) -> dict[str, str]:
    """`variables`, and for those that are not among them what the files of `folder` hold, named like variables.

    Raises:
        ModelsError: the folder or a file of it cannot be read.
    """
    if folder is None:
        return dict(variables)
    try:
        files = {path.name: path.read_text().strip() for path in folder.iterdir() if path.is_file()}
    except (OSError, UnicodeDecodeError) as error:
        raise ModelsError(f"cannot read the keys of models in {folder}: {error}; correct GALAPAGOS_MODEL_KEYS") from None
    return files | dict(variables)
