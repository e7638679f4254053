# Answers "version=… pid=… path=…". What a file of its release named like a misbehavior says, it does.
import http.server
import os
import signal
import socket
import socketserver
import sys
import time

here = os.path.dirname(os.path.abspath(__file__))
version = open(os.path.join(here, 'VERSION')).read().strip()
requests = 0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        global requests
        requests += 1
        status = 200
        if 'fails-its-probe' in version and self.path == '/up':
            status = 500
        if 'answers-500' in version and self.path != '/up':
            status = 500
        if 'breaks-later' in version and requests > 3 and self.path != '/up':
            os._exit(3)
        if self.path.startswith('/slow/'):
            time.sleep(float(self.path.rsplit('/', 1)[1]))
        text = f'version={version} pid={os.getpid()} path={self.path} instance={os.environ.get("ONDOL_INSTANCE")}'
        if self.path == '/env':
            text = ' '.join(sorted(f'{name}={value}' for name, value in os.environ.items()))
        body = (text + '\n').encode()
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass

    def address_string(self):
        return 'visitor'


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, listener):
        super().__init__(('127.0.0.1', 0), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener

    def get_request(self):
        connection, _ = self.socket.accept()
        return connection, ('visitor', 0)


print(f'{version} starts', flush=True)
if 'exits-at-once' in version:
    print('no such gem: coffee', file=sys.stderr, flush=True)
    sys.exit(7)
if 'never-listens' in version:
    while True:
        time.sleep(1000)
if 'ignores-sigterm' in version:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
if os.environ.get('LISTEN_PID') == str(os.getpid()):
    listener = socket.socket(fileno=3)
elif 'ONDOL_SOCKET' in os.environ and 'PORT' not in os.environ:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.environ['ONDOL_SOCKET'])
    listener.listen(128)
else:
    port = int(os.environ['PORT']) + (1 if 'listens-elsewhere' in version else 0)
    listener = socket.create_server(('127.0.0.1', port), backlog=128)
print(f'{version} listens', flush=True)
Server(listener).serve_forever()
