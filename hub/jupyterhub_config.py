"""JupyterHub for a class on one machine: who may log in, what a learner gets, and how much of it.

`HUB.md` says how to start it, `accounts.py` makes the accounts. A learner is a user of the system; their server is a
systemd unit with limits, and their home is a file of a fixed size.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

COURSE = Path(__file__).resolve().parents[1]

# What you may want to change -----------------------------------------------------------------------------------------

MEMORY = "3G"
"""What a learner's server and kernels may take: a kernel (HUB.md has its size) and the 2 GB that a check may want."""

ADDRESS = os.environ.get("CLASS_HUB_ADDRESS", "http://127.0.0.1:8000")
"""Where the hub listens: on this machine alone, because passwords must not cross a network unencrypted (HUB.md)."""

# Who may log in ------------------------------------------------------------------------------------------------------

c = get_config()  # noqa: F821, JupyterHub gives it
c.JupyterHub.authenticator_class = "pam"  # the passwords of the system's users
c.PAMAuthenticator.allowed_groups = {"class", "class-teachers"}  # made by accounts.py; nobody else, root neither
c.PAMAuthenticator.admin_groups = {"class-teachers"}  # may see who is there, and start and end servers, at /hub/admin
c.PAMAuthenticator.open_sessions = False  # the spawner makes a unit, so there is no session to open

# What a learner gets -------------------------------------------------------------------------------------------------


def mount_home(spawner: Any) -> None:
    """Mount a learner's home, if it is not; after a restart of the machine it is not."""
    home = Path("/home") / spawner.user.name
    if not home.is_mount():
        command = ["mount", "-o", "loop,nosuid,nodev", f"{home.name}.home", home]  # from the hub's /var/lib/class-hub
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{home} could not be mounted: {done.stderr.strip()}. Was it made by accounts.py?")


c.Spawner.pre_spawn_hook = mount_home
c.Spawner.cmd = [sys.executable, str(COURSE / "hub" / "start_learner.py")]  # their copy of the notebooks, JupyterLab
c.Spawner.notebook_dir = "~"
c.Spawner.default_url = "/lab/tree/my_notebooks/00_start_here.ipynb"
c.Spawner.disable_user_config = True  # what stands in ~/.jupyter cannot keep a server from starting
c.Spawner.start_timeout = c.Spawner.http_timeout = 300  # thirty who log in at once wait for each other
c.Spawner.environment = {
    "JUPYTER_CONFIG_PATH": str(COURSE / "hub" / "jupyter"),
    "JUPYTER_PREFER_ENV_PATH": "1",
    "OMP_NUM_THREADS": "1",  # more threads than processors make everybody slower
}

# How much of it, and how far apart -----------------------------------------------------------------------------------

c.JupyterHub.spawner_class = "systemd"
c.SystemdSpawner.unit_name_template = "class-{USERNAME}"
c.SystemdSpawner.slice = "class.slice"  # what all learners together may take
c.SystemdSpawner.mem_limit = MEMORY
c.SystemdSpawner.default_shell = "/bin/bash"
c.SystemdSpawner.disable_user_sudo = True
c.SystemdSpawner.unit_extra_properties = {
    "MemorySwapMax": "0",  # a machine that swaps is slow for all
    "TasksMax": "300",  # processes and threads: a fork bomb ends here
    "LimitCORE": "0",
    "ProtectSystem": "strict",  # everything is read-only ...
    "ReadWritePaths": "/home/{USERNAME}",  # ... but the learner's home
    "ProtectProc": "invisible",  # other people's processes are not seen
    "TemporaryFileSystem": "/tmp:mode=1777,size=200M /var/tmp:mode=1777,size=200M /dev/shm:mode=1777,size=500M",
}  # each learner's own, counted as their memory

# The hub itself ------------------------------------------------------------------------------------------------------

c.JupyterHub.bind_url = ADDRESS
c.ConfigurableHTTPProxy.command = [
    shutil.which("node") or "node",  # Node.js 20 or newer
    str(COURSE / "hub" / "node_modules" / "configurable-http-proxy" / "bin" / "configurable-http-proxy"),
]
c.JupyterHub.cleanup_servers = False  # the learners' servers outlive a restart of the hub
c.JupyterHub.load_roles = [
    {"name": "culler", "services": ["culler"],
     "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"]},
]  # fmt: skip
c.JupyterHub.services = [
    {"name": "culler", "command": [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=5400"]},
]  # a server that nobody has used for 90 minutes ends; notebooks and progress are on the disk
