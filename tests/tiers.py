"""Parameters of tests that run in several tiers."""

from evolution.evaluation import Tier
from evolution.language import LANGUAGES, Language

TIERS = list(Tier)
LOCAL = [Tier.NAMESPACES, Tier.PLAIN]
"""The tiers whose boxes the launcher starts itself."""


def compiled_slots(*languages: Language) -> list[tuple[Tier, Language]]:
    """Each tier with each of these languages that its boxes can compile: the image that tests make holds no Rust."""
    return [
        (tier, language)
        for tier in Tier
        for language in languages
        if LANGUAGES[language].compiler is not None and (tier is not Tier.CONTAINER or language is not Language.RUST)
    ]
