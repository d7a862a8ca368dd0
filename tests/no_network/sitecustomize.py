"""Forbid the network to every Python process that finds this folder on its path.

Python imports a module of this name at its start. Connections within this machine stay allowed:
Jupyter's kernels need them. An audit hook cannot be taken back by the code that it watches.
"""

import ipaddress
import os
import sys

for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
    os.environ[variable] = "http://127.0.0.1:9"  # other programs (git, curl) meet a closed port


def is_this_machine(host: object) -> bool:
    """Tell whether a host name or address stays within this machine."""
    if host in (None, "", "localhost", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(host.decode() if isinstance(host, bytes) else host).is_loopback
    except ValueError:
        return False


def forbid(event: str, arguments: tuple) -> None:
    """Raise a PermissionError at the first step of any connection to another machine."""
    if event == "socket.getaddrinfo" and not is_this_machine(arguments[0]):
        raise PermissionError(f"the network is blocked in the tests; something asked for {arguments[0]!r}")
    if event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        if not is_this_machine(arguments[1][0]):
            raise PermissionError(f"the network is blocked in the tests; something tried {arguments[1]!r}")


sys.addaudithook(forbid)
