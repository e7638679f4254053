# A WSGI application.
import os
import pathlib

version = pathlib.Path(__file__).with_name('VERSION').read_text().strip()


def app(environ, start_response):
    text = f'version={version} pid={os.getpid()} greeting={os.environ.get("GREETING")} scheme={environ["wsgi.url_scheme"]}\n'
    body = text.encode()
    start_response('200 OK', [('Content-Type', 'text/plain'), ('Content-Length', str(len(body)))])
    return [body]
