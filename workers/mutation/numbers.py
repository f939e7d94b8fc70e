"""How a numeric literal moves. Steps have no scale of their own: widths are drawn over three decades."""

import math

from workers.mutation.dice import Dice

_FAMILIAR = (0.5, 0.9, 0.99, 0.999, 0.1, 0.01, 0.001, 2.0, 1.0, 3.0, 0.25, 1e-8)


def float_text(value: float, digits: int = 4) -> str:
    """Python (and C) source of a float with at most `digits` significant digits; it always reads back as a float."""
    rounded = float(f"{value:.{digits}g}")
    return repr(rounded if math.isfinite(rounded) else value)


def moved_float(value: float, dice: Dice) -> str:
    """The source of a number near `value`: most often scaled by a log-normal factor, else shifted, negated or new."""
    width = 10.0 ** dice.uniform(-3.0, 0.0)
    way = dice.uniform()
    if way < 0.04:
        return fresh_number(dice)
    if way < 0.07 and value:
        return float_text(-value, 7)
    if value == 0.0 or way < 0.22:
        moved = value + width * dice.normal()
    elif 0.5 < value < 1.0 and way < 0.5:
        # A share or a decay: what matters is the distance to one.
        moved = 1.0 - (1.0 - value) * math.exp(min(width * 1.5 * dice.normal(), 50.0))
    else:
        moved = value * math.exp(max(-50.0, min(width * dice.normal(), 50.0)))
    if not math.isfinite(moved):
        return float_text(value, 7)
    return float_text(moved, digits_for(width))


def digits_for(width: float) -> int:
    """Significant digits that a step of relative size `width` needs."""
    return max(2, min(8, math.ceil(2.0 - math.log10(width))))


def moved_int(value: int, dice: Dice) -> str:
    """The source of a whole number near `value`; a number that was not negative stays so."""
    way = dice.uniform()
    if abs(value) > 10**15:
        moved = value // 2
    elif way < 0.55:
        moved = value + (1 if dice.chance(0.5) else -1)
    elif way < 0.75:
        moved = value + dice.pick((2, 3, 4, 5)) * (1 if dice.chance(0.5) else -1)
    elif way < 0.88:
        moved = value * 2 if dice.chance(0.5) else value // 2
    else:
        moved = round(value * math.exp(0.3 * dice.normal()))
    if value >= 0:
        moved = abs(moved)
    return str(moved)


def fresh_number(dice: Dice) -> str:
    """A number out of nothing: a familiar constant, a magnitude between a thousandth and ten, or a decay near one."""
    way = dice.uniform()
    if way < 0.4:
        return float_text(dice.pick(_FAMILIAR))
    if way < 0.8:
        return float_text(10.0 ** dice.uniform(-3.0, 1.0), 2)
    return fresh_share(dice)


def fresh_margin(dice: Dice) -> str:
    """A number between 0 and 1/2, of any magnitude down to a thousandth: a distance kept from 0 and from 1."""
    return float_text(10.0 ** dice.uniform(-3.0, -0.3), 3)


def fresh_share(dice: Dice) -> str:
    """A number between 0 and 1, most often near one: a weight of what was, against what is new."""
    part = 10.0 ** dice.uniform(-3.0, -0.3)
    return float_text(1.0 - part if dice.chance(0.8) else part, 3)
