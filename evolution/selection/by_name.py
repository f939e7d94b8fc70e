"""The strategies by the names that a run's configuration uses."""

from collections.abc import Mapping

from evolution.run import StrategyName
from evolution.selection.greedy import Greedy
from evolution.selection.iid_best_of_n import IidBestOfN
from evolution.selection.islands import Islands
from evolution.selection.seq_best_of_n import SeqBestOfN
from evolution.selection.strategy import Strategy

STRATEGIES: Mapping[StrategyName, Strategy] = {
    StrategyName.ISLANDS: Islands(),
    StrategyName.GREEDY: Greedy(),
    StrategyName.SEQ_BEST_OF_N: SeqBestOfN(),
    StrategyName.IID_BEST_OF_N: IidBestOfN(),
}
