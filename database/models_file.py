"""The file of model endpoints that `GALAPAGOS_MODELS` names."""

from pathlib import Path

from evolution.models import Model, ModelsError, models_of


def load_models(path: Path) -> dict[str, Model]:
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
