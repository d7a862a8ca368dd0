"""A learner at the hub, as their browser acts: log in, start the server, run a notebook, save a file."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import requests
import websocket

HUB = "http://127.0.0.1:8000"


@dataclass
class Cell:
    """What became of a cell."""

    text: str = ""
    error: str = ""
    outputs: list[dict[str, Any]] = field(default_factory=list)


class Learner:
    """Somebody with a name, a password, and what their browser remembers."""

    def __init__(self, name: str, password: str) -> None:
        """Open a browser."""
        self.name, self.password = name, password
        self.browser = requests.Session()
        self.token = ""

    def log_in(self) -> int:
        """Log in at the hub's page; return the status, 403 if the hub refused."""
        self.browser.get(f"{HUB}/hub/login")
        form = {"username": self.name, "password": self.password, "_xsrf": self._xsrf()}
        return self.browser.post(f"{HUB}/hub/login", data=form, allow_redirects=False).status_code

    def start_server(self, seconds: float = 1800) -> None:
        """Start the server, and wait until it answers."""
        if not self.token:
            page = {"X-XSRFToken": self._xsrf(), "Referer": f"{HUB}/hub/token"}
            answer = self.browser.post(f"{HUB}/hub/api/users/{self.name}/tokens", json={"note": "test"}, headers=page)
            answer.raise_for_status()
            self.token = answer.json()["token"]
        self.hub("POST", f"users/{self.name}/server")
        end = time.monotonic() + seconds
        while True:
            servers = self.hub("GET", f"users/{self.name}").json()["servers"]
            if servers.get("", {}).get("ready"):
                return
            if time.monotonic() > end or "" not in servers:
                raise TimeoutError(f"the server of {self.name} did not start: {servers}")
            time.sleep(2)  # each question costs the hub a hash

    def stop_server(self) -> None:
        """End the server, and wait until it has ended."""
        self.hub("DELETE", f"users/{self.name}/server")
        while self.hub("GET", f"users/{self.name}").json()["servers"]:
            time.sleep(2)  # each question costs the hub a hash

    def hub(self, method: str, path: str) -> requests.Response:
        """Call the hub."""
        return self._call(method, f"{HUB}/hub/api/{path}")

    def call(self, method: str, path: str, whose: str = "", **more: Any) -> requests.Response:
        """Call a server: our own, or another's."""
        return self._call(method, f"{HUB}/user/{whose or self.name}/api/{path}", **more)

    def notebook(self, path: str) -> dict[str, Any]:
        """Return a notebook of ours."""
        answer = self.call("GET", f"contents/{path}")
        answer.raise_for_status()
        return answer.json()["content"]

    def save(self, path: str, notebook: dict[str, Any]) -> requests.Response:
        """Save a notebook, as JupyterLab does."""
        return self.call("PUT", f"contents/{path}", json={"type": "notebook", "format": "json", "content": notebook})

    def open(self, path: str) -> Kernel:
        """Open a notebook; return its kernel."""
        session = {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}}
        answer = self.call("POST", "sessions", json=session)
        answer.raise_for_status()
        return Kernel(self, answer.json()["kernel"]["id"])

    def run(self, path: str, answers: dict[int, str] | None = None) -> tuple[Kernel, list[Cell]]:
        """Open a notebook, run all its cells, some of them with other code, and save it with its outputs."""
        notebook, kernel = self.notebook(path), self.open(path)
        done = []
        for number, cell in enumerate(notebook["cells"]):
            if cell["cell_type"] == "code":
                cell["source"] = (answers or {}).get(number, cell["source"])
                done.append(kernel.run(cell["source"]))
                cell["outputs"] = done[-1].outputs
        self.save(path, notebook).raise_for_status()
        return kernel, done

    def _xsrf(self) -> str:
        return next(
            cookie.value for cookie in self.browser.cookies if cookie.name == "_xsrf" and cookie.path == "/hub/"
        )

    def _call(self, method: str, url: str, **more: Any) -> requests.Response:
        return requests.request(method, url, headers={"Authorization": f"token {self.token}"}, timeout=1800, **more)


class Kernel:
    """A kernel of a learner's server, as JupyterLab talks to it."""

    def __init__(self, learner: Learner, number: str) -> None:
        """Connect to it."""
        url = f"{HUB}/user/{learner.name}/api/kernels/{number}/channels".replace("http", "ws", 1)
        self.learner, self.number = learner, number
        self.socket = websocket.create_connection(url, header={"Authorization": f"token {learner.token}"}, timeout=1800)

    def run(self, code: str) -> Cell:
        """Run code, and wait until it has ended or the kernel has died."""
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "session": self.number,
                  "version": "5.3", "date": ""}  # fmt: skip
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False,
                   "stop_on_error": False}  # fmt: skip
        request = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        self.socket.send(json.dumps(request))
        cell, idle, replied = Cell(), False, False
        while not (idle and replied):
            message = json.loads(self.socket.recv())
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] in ("restarting", "autorestarting", "dead"):
                cell.error = "the kernel died"
                return cell
            if message["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            replied |= kind == "execute_reply"
            idle |= kind == "status" and content["execution_state"] == "idle"
            if kind == "stream":
                cell.text += content["text"]
                cell.outputs.append({"output_type": "stream", **content})
            elif kind in ("display_data", "execute_result"):
                cell.text += "".join(content["data"].get("text/markdown", "") + content["data"].get("text/plain", ""))
                number = {"execution_count": content["execution_count"]} if kind == "execute_result" else {}
                output = {"data": content["data"], "metadata": content["metadata"]}
                cell.outputs.append({"output_type": kind, **output, **number})
            elif kind == "error":
                cell.error = f"{content['ename']}: {content['evalue']}"
                cell.outputs.append({"output_type": "error", **content})
        return cell
