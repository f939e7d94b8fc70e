"""An optimiser that sees all tensors of a network at once. Only the block between the markers may change."""

import numpy as np

# EVOLVE-BLOCK-START
LR = 0.1


def init(params: list[np.ndarray], metas: list[dict]) -> list[list[np.ndarray]]:
    """Make what the optimiser remembers of one network."""
    return [[np.zeros_like(p), np.zeros_like(p)] for p in params]


def update(params: list[np.ndarray], gradients: list[np.ndarray], state: list, lr: float, t: int, metas: list[dict]) -> tuple:
    """One step of one network: its new parameters and the new state."""
    norm = np.sqrt(sum(np.sum(g * g) for g in gradients))
    shrink = min(1.0, 1000.0 / norm)
    moved = []
    kept = []
    for p, g, (m, v) in zip(params, gradients, state, strict=True):
        step = shrink * g
        moved.append(p - lr * step)
        kept.append([m, v])
    return moved, kept


# EVOLVE-BLOCK-END

_networks: list[list[dict]] = []
_states: list[list] = []


def declared_rate() -> float:
    """The rate around which the judge looks for the best one."""
    return float(LR)


def begin(metas: list[dict], params: list[np.ndarray], networks: list[int]) -> None:
    """Forget all state; make it anew for every replica (first axis) of every network, of so many tensors each."""
    whole = [{**meta, "shape": tuple(meta["shape"])} for meta in metas]
    _networks.clear()
    _states.clear()
    for size in networks:
        own, whole = whole[:size], whole[size:]
        tensors, params = params[:size], params[size:]
        _networks.append(own)
        _states.append([init([p.copy() for p in replica], own) for replica in zip(*tensors, strict=True)])


def step(t: int, rates: list[np.ndarray], params: list[np.ndarray], gradients: list[np.ndarray]) -> list[np.ndarray]:
    """Apply `update` to every replica of every network. `t` counts from 1; `rates` are already scheduled."""
    answer = [np.empty(tensor.shape, np.float32) for tensor in params]
    first = 0
    with np.errstate(all="ignore"):
        for metas, states in zip(_networks, _states, strict=True):
            own = slice(first, first + len(metas))
            for replica, lr in enumerate(rates[first].tolist()):
                tensors, slopes = ([tensor[replica] for tensor in found[own]] for found in (params, gradients))
                moved, states[replica] = update(tensors, slopes, states[replica], lr, t, metas)
                for new, tensor, meta in zip(answer[own], moved, metas, strict=True):
                    if np.shape(tensor) != meta["shape"]:
                        raise ValueError(f"update returned parameters of shape {np.shape(tensor)}, expected {meta['shape']}")
                    new[replica] = tensor
            first += len(metas)
    return answer
