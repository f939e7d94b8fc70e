"""What can be seen of a problem before any of its code runs."""

from evolution.evolve_blocks import EvolveBlockError
from evolution.language import LANGUAGES
from evolution.normalise import Normalised, normalise
from evolution.problem import Problem, ProblemError
from evolution.vocabulary import vocabulary_complaints


def examine(problem: Problem) -> Normalised:
    """What is known of a problem's seed program without running it, once all that can be seen of a problem is sound.

    Raises:
        ProblemError: the seed does not parse, its EVOLVE-BLOCK markers do not pair up, or mutation cannot read a word.
    """
    definition = problem.definition
    try:
        seed = normalise(problem.seed_files, definition.language)
    except (SyntaxError, EvolveBlockError) as error:
        raise ProblemError(
            f"the seed program cannot be read as {LANGUAGES[definition.language].title}: {error}; mend it, then try again"
        ) from None
    if complaints := vocabulary_complaints(definition):
        raise ProblemError("\n".join(complaints))
    return seed
