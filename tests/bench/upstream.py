"""The app behind the proxies. Its processor time is never counted as a proxy's."""

import http.client

import compiled

from processes import wait_for_port


class Upstream:
    def __init__(self, workbench, port):
        self.port = port
        self.child = workbench.start("upstream", [compiled.program(workbench.folder, "upstream"), port])
        wait_for_port(self.child, port)

    def counts(self):
        """Connections accepted and requests answered so far."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        client.request("GET", "/-/counts")
        connections, requests = client.getresponse().read().decode().split()
        client.close()
        return {"connections": int(connections), "requests": int(requests)}
