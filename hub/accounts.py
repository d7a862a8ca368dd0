"""Make, renew and remove the accounts of a class: users of the system, each with a home that cannot outgrow its file.

    sudo python3 hub/accounts.py mia noor sam         # make accounts, and print a password for each
    sudo python3 hub/accounts.py $(cat names.txt)     # a name per line; who has an account keeps it
    sudo python3 hub/accounts.py --teacher kim        # one who may see who is there, and end a learner's server
    sudo python3 hub/accounts.py --new-password mia   # for whoever has lost theirs
    sudo python3 hub/accounts.py --remove mia         # the account and all files in its home

Passwords are drawn at random and shown once; the system keeps a hash. Only Python and Debian's own commands are used.
"""

from __future__ import annotations

import argparse
import os
import pwd
import re
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

GROUPS = ("class", "class-teachers")
HUB = Path("/var/lib/class-hub")
HOMES = Path("/home")
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # without those that look alike on paper


def add(name: str, group: str, megabytes: int) -> None:
    """Make an account, and a home for it."""
    home, image = HOMES / name, HUB / f"{name}.home"
    if _exists(name):
        raise ValueError(f"{name!r} is a user of this machine already; a new password: --new-password {name}")
    HUB.mkdir(mode=0o700, exist_ok=True)
    _run("fallocate", "--length", f"{megabytes}MB", image)  # all of it now: a disk that is full later damages homes
    image.chmod(0o600)
    _run("useradd", "--no-create-home", "--home-dir", home, "--shell", "/usr/sbin/nologin", "--gid", group, name)
    account = pwd.getpwnam(name)
    _run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", f"root_owner={account.pw_uid}:{account.pw_gid}", image)
    home.mkdir(exist_ok=True)
    _run("mount", "-o", "loop,nosuid,nodev", image, home)
    home.chmod(0o700)
    (home / "lost+found").rmdir()


def set_password(name: str) -> str:
    """Give an account a password drawn at random; return it."""
    password = "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(3))
    _run("chpasswd", given=f"{name}:{password}\n")
    return password


def remove(name: str) -> None:
    """Remove an account and its home."""
    if name not in _members():
        raise ValueError(f"{name!r} is no account of the class; there are: {', '.join(_members()) or 'none'}")
    subprocess.run(["systemctl", "stop", f"class-{name}"], stderr=subprocess.DEVNULL)
    home = HOMES / name
    if home.is_mount():
        _run("umount", home)
    _run("userdel", name)
    home.rmdir()
    (HUB / f"{name}.home").unlink()


def _members() -> list[str]:
    """Return the names of all accounts of the class."""
    return sorted(user.pw_name for user in pwd.getpwall() if (HUB / f"{user.pw_name}.home").exists())


def _exists(name: str) -> bool:
    return any(user.pw_name == name for user in pwd.getpwall())


def _run(command: str, *arguments: Any, given: str | None = None) -> None:
    """Run a command of the system; RuntimeError says why it failed."""
    done = subprocess.run([command, *map(str, arguments)], input=given, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command} {' '.join(map(str, arguments))}: {done.stderr.strip()}")


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--teacher", action="store_true", help="make accounts for teachers")
    what.add_argument("--new-password", action="store_true", help="give accounts new passwords")
    what.add_argument("--remove", action="store_true", help="remove accounts and their homes")
    parser.add_argument("--megabytes", type=int, default=1000, help="the size of a home (default: 1000)")
    parser.add_argument("names", nargs="+", metavar="NAME")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit(f"Accounts are made by root: sudo python3 {' '.join(sys.argv)}")
    try:
        for name in options.names:
            if not re.fullmatch(r"[a-z][a-z0-9-]{0,22}", name):
                raise ValueError(f"{name!r} cannot be a name: it takes small letters, digits, hyphens, a letter first, "
                                 "23 at most")  # fmt: skip
        for group in GROUPS:
            _run("groupadd", "--force", group)
        for name in options.names:
            if options.remove:
                remove(name)
                print(f"{name} is removed")
                continue
            if not options.new_password and name in _members():
                print(f"{name:24} has an account; a new password: --new-password {name}")
                continue
            if options.new_password and name not in _members():
                raise ValueError(f"{name!r} is no account of the class; there are: {', '.join(_members()) or 'none'}")
            if not options.new_password:
                add(name, GROUPS[options.teacher], options.megabytes)
            print(f"{name:24} {set_password(name)}", flush=True)
    except (ValueError, RuntimeError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
