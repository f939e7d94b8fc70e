"""Addresses that others give, and that the service asks: never one of the inside, whatever a name resolves to."""

import asyncio
import ipaddress
import socket
from dataclasses import dataclass

import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressRefused(Exception):
    """The address is not one that the service may ask; the text says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to connect: `url` names an address in numbers, `host` is what the header says, `name` whose certificate it is."""

    url: httpx.URL
    host: str
    name: str


def parsed(url: str) -> httpx.URL:
    """The address, if it is one that may be asked as far as can be seen without resolving it.

    Raises:
        AddressRefused: it may not.
    """
    try:
        found = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise AddressRefused(f"expected an address as https://HOST/PATH; got one that cannot be read: {error}") from None
    if found.scheme not in {"http", "https"} or not found.host:
        raise AddressRefused(f"expected an address as https://HOST/PATH; got the scheme {found.scheme!r}")
    if found.userinfo or found.fragment:
        raise AddressRefused("expected an address without a password and without a fragment; leave them out")
    return found


async def pinned(url: str, *, private: bool) -> Place:
    """Resolve the address once: what was looked at is what is asked, whatever its name says a moment later.

    Raises:
        AddressRefused: it is not http or https, has no address, or one of the inside though `private` is not set.
    """
    found = parsed(url)
    port = found.port or (443 if found.scheme == "https" else 80)
    try:
        answers = await asyncio.get_running_loop().getaddrinfo(found.host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise AddressRefused(f"the name {found.host} has no address: {error}") from None
    addresses = [ipaddress.ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers]
    inside = [address for address in addresses if not public(address)]
    if inside and not private:
        raise AddressRefused(
            f"{found.host} is {inside[0]}, an address of the inside; expected a public one; an administrator may set "
            "GALAPAGOS_WEBHOOK_PRIVATE"
        )
    host = found.netloc.decode("ascii")
    return Place(found.copy_with(host=str(addresses[0]), port=port), host, found.host)


def public(address: Address) -> bool:
    """Whether an address is one of the public internet, and so is every address that it stands for."""
    stands_for: list[Address | None] = [address]
    if isinstance(address, ipaddress.IPv6Address):
        stands_for += [address.ipv4_mapped, address.sixtofour]
        if address.teredo is not None:
            stands_for.append(address.teredo[1])
        if address in _NAT64:
            stands_for.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    found = [one for one in stands_for if one is not None]
    if len(found) > 1:
        found = found[1:]
    return all(one.is_global and not (one.is_multicast or one.is_reserved) for one in found)
