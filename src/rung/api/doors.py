"""Who may come in.

With API keys, a request needs one of them, and the key's name is its tenant. Without keys everyone who can connect may
ask, so only this machine's own programs should be able to: the address must be loopback (`door_problem`). A web page
open in a browser here can connect too; it is turned away by two headers that browsers set and pages cannot. `Origin`
must name this server itself, and `Host` must be a loopback name, or a page whose name was made to resolve to 127.0.0.1
would pass for our own.
"""

import hmac
import ipaddress
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256

from rung.config.schema import Server
from rung.errors import ConfigError, Forbidden, Unauthorized
from rung.types import LOCAL_TENANT


@lru_cache(maxsize=64)  # asked for every request, of few names
def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address without a port, can only mean this machine."""
    name = host.strip("[]").lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def door_problem(server: Server, host: str) -> str | None:
    """Why Rung must not listen on `host` with this config, in words that say what to do; None if it may."""
    if server.api_keys or server.open or is_loopback(host):
        return None
    return (
        f"Listening on {host or 'all addresses'} without API keys would let anyone who reaches it spend your money and "
        "machine. Set server.api_keys (a name and a key for each user), or listen on 127.0.0.1, or say --open."
    )


class Door:
    """The check on one server config. Raises ConfigError where `door_problem` would not listen."""

    def __init__(self, server: Server) -> None:
        problem = door_problem(server, server.host)
        if problem is not None:
            raise ConfigError(problem)
        self._tenants = [(_digest(key.get_secret_value().encode()), name) for name, key in server.api_keys.items()]
        self._local_names_only = is_loopback(server.host) and not server.open
        self._host_let_in: bytes | None = None  # the last one: nearly every request names the same

    def admit(self, headers: Mapping[bytes, bytes]) -> str:
        """The tenant whose request has these headers. Raises Unauthorized or Forbidden."""
        if not self._tenants:
            self._check_browser(headers)
            return LOCAL_TENANT
        scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer" or not token:
            raise Unauthorized("No API key: send it as `Authorization: Bearer KEY`.")
        shown, found = _digest(token.strip()), ""
        for digest, name in self._tenants:  # all of them, whichever matches: the time tells nothing
            if hmac.compare_digest(digest, shown):
                found = name
        if not found:
            raise Unauthorized("The API key is not known here.")
        return found

    def _check_browser(self, headers: Mapping[bytes, bytes]) -> None:
        named = headers.get(b"host", b"")
        if named == self._host_let_in and b"origin" not in headers:
            return
        host = named.decode("latin-1").lower()
        if host and self._local_names_only and not is_loopback(_without_port(host)):
            raise Forbidden(
                f"Without API keys this server answers to loopback names only, not to `{host[:100]}`. "
                "Ask for 127.0.0.1 or localhost, or configure server.api_keys."
            )
        origin = headers.get(b"origin")
        if origin is not None and origin.decode("latin-1").lower().partition("://")[2] != host:
            raise Forbidden("A web page from another origin may not use this server without an API key.")
        self._host_let_in = named


def _digest(key: bytes) -> bytes:
    return sha256(key).digest()


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
