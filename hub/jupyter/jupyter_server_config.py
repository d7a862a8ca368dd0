"""How a learner's server on the hub differs from what `make lab` starts."""

from pathlib import Path

load_subconfig(str(Path(__file__).parents[2] / "tools" / "jupyterlab" / "jupyter_server_config.py"))  # noqa: F821

c = get_config()  # noqa: F821, Jupyter gives it
c.KernelManager.transport = "ipc"  # sockets in a private folder: what a kernel prints cannot be heard on TCP
c.MappingKernelManager.cull_idle_timeout = 3600  # kernels of closed notebooks end after an hour without work
c.MappingKernelManager.cull_interval = 300
c.ServerApp.jpserver_extensions = {"jupyter_lsp": False, "notebook": False}  # the course needs neither
