# Keeps what is posted to it in a database of one file, and says that it has only when it is on the disk. Two of it at
# once would be one too many: it holds the database for itself as long as it runs.
import http.server
import os
import pathlib
import signal
import socketserver
import sqlite3
import threading

version = pathlib.Path(__file__).with_name('VERSION').read_text().strip()
database = sqlite3.connect(os.path.join(os.environ['ONDOL_DATA'], 'notes.db'), check_same_thread=False, timeout=0.1)
database.execute('PRAGMA locking_mode = EXCLUSIVE')
database.execute('CREATE TABLE IF NOT EXISTS notes (text TEXT PRIMARY KEY)')
database.commit()
lock = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_POST(self):
        note = self.rfile.read(int(self.headers['Content-Length'])).decode()
        with lock, database:
            database.execute('INSERT INTO notes VALUES (?)', (note,))
        self.answer(f'version={version} kept={note}')

    def do_GET(self):
        with lock:
            notes = [row[0] for row in database.execute('SELECT text FROM notes ORDER BY text')]
        self.answer(f'version={version} pid={os.getpid()} count={len(notes)} notes={",".join(notes)}')

    def answer(self, text):
        body = (text + '\n').encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
Server(('127.0.0.1', int(os.environ['PORT'])), Handler).serve_forever()
