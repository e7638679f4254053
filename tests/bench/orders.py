"""A small app that Ondol runs: it says how many orders its database has, which is a file of SQLite or one of a PostgreSQL."""

import http.server
import os
import sqlite3
import subprocess

QUESTION = "SELECT count(*) FROM orders"


def count():
    if "DATABASE" not in os.environ:
        return subprocess.run(["psql", "-XAtc", QUESTION], capture_output=True, check=True, timeout=20).stdout.strip()
    with sqlite3.connect(os.environ["DATABASE"]) as database:
        return str(database.execute(QUESTION).fetchone()[0]).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = count() + b" orders"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
