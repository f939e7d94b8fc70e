"""What can go wrong while somebody signs in."""


class ProviderAway(Exception):
    """The provider does not answer, or not as one does; the text is for the log."""


class NotVouched(Exception):
    """The provider does not vouch for whoever signs in; the text says what was expected and what came."""
