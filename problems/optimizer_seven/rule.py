"""An update rule for training. Only the block between the markers may change."""

import numpy as np

# EVOLVE-BLOCK-START
LR = 0.1


def init(p: np.ndarray, meta: dict) -> list[np.ndarray]:
    """Make what the rule remembers of one tensor."""
    return [np.zeros_like(p), np.zeros_like(p)]


def update(p: np.ndarray, g: np.ndarray, state: list[np.ndarray], lr: float, t: int, meta: dict) -> tuple:
    """One step of one tensor: the new parameters and the new state."""
    m, v = state
    p = p - lr * g
    return p, [m, v]


# EVOLVE-BLOCK-END

_metas: list[dict] = []
_states: list[list] = []


def declared_rate() -> float:
    """The rate around which the judge looks for the best one."""
    return float(LR)


def begin(metas: list[dict], params: list[np.ndarray]) -> None:
    """Forget all state; make it anew for every replica (first axis) of every tensor."""
    _metas[:] = [{**meta, "shape": tuple(meta["shape"])} for meta in metas]
    _states[:] = [[init(p.copy(), meta) for p in tensor] for tensor, meta in zip(params, _metas, strict=True)]


def step(t: int, rates: list[np.ndarray], params: list[np.ndarray], gradients: list[np.ndarray]) -> list[np.ndarray]:
    """Apply `update` to every replica of every tensor. `t` counts from 1; `rates` are already scheduled."""
    answer = []
    with np.errstate(all="ignore"):
        for meta, states, lrs, tensor, slopes in zip(_metas, _states, rates, params, gradients, strict=True):
            new = np.empty(tensor.shape, np.float32)
            for replica, (p, g, lr) in enumerate(zip(tensor, slopes, lrs.tolist(), strict=True)):
                moved, states[replica] = update(p, g, states[replica], lr, t, meta)
                if np.shape(moved) != meta["shape"]:
                    raise ValueError(f"update returned parameters of shape {np.shape(moved)}, expected {meta['shape']}")
                new[replica] = moved
            answer.append(new)
    return answer
