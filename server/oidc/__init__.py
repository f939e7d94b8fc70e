"""Signing in with an account of an OpenID provider: the extra `oidc`."""
