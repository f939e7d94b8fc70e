"""Which tasks are searched on, and which judge champions alone. Data lie in the problem's folder, as data.npz."""

from pathlib import Path

import numpy as np
from galapagos_optimizers.attention import Language, Patches
from galapagos_optimizers.convolution import Convolution
from galapagos_optimizers.disguise import Disguised
from galapagos_optimizers.tasks import Data, Network, Quadratic, Task, Teacher


def search_tasks(folder: Path) -> list[Task]:
    """The tasks of the score."""
    digits = _digits(folder)
    blind = Data(digits.features, None, 0)
    return [
        Quadratic(),
        Network("logreg", digits, (), smooth=True, noise=0.5),
        Network("mlp", digits, (64, 32), smooth=False, noise=0.5),
        Network("ae", blind, (48, 24, 8, 24, 48), smooth=True),
    ]


def seven_tasks(folder: Path) -> list[Task]:
    """The same, and a convolutional network, one with attention on patches of pictures, and one that learns a language."""
    digits = _digits(folder)
    return [*search_tasks(folder), *(Disguised(task) for task in (Convolution(digits), Patches(digits), Language()))]


def _digits(folder: Path) -> Data:
    with np.load(folder / "data.npz") as stored:
        pixels, labels = stored["digits"].astype(np.float32), stored["digit_labels"]
    order = np.random.default_rng(1797).permutation(len(labels))
    return Data(pixels[order] / pixels.std(), labels[order], 10)


def held_out_tasks(folder: Path) -> list[Task]:
    """The tasks that a search never sees: features of cells, to be squeezed and restored, and a teacher's regression."""
    with np.load(folder / "data.npz") as stored:
        features = stored["cells"]
    order = np.random.default_rng(569).permutation(len(features))
    # Left as they are, the features' scales span a factor of 10^5; its square root keeps the small ones in play.
    scales = np.sqrt(features.std(axis=0))
    scaled = features[order] / scales
    cells = Data((scaled / scaled.std()).astype(np.float32), None, 0)
    return [Network("cells", cells, (32, 12, 32), smooth=False, rotate=False), Teacher()]
