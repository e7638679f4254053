"""The servers that are compared: each by the smallest configuration that serves the same sites in the same way.

Each gets one worker or thread per core, keeps its upstream connections, adds the usual forwarding headers and writes
an access log to a file, buffered as far as it can. A setting beyond that is what the server's own documentation
recommends for speed, so that doubts go in the peers' favor.
"""

import dataclasses
import os
import random
import subprocess

from pathlib import Path

import box

from processes import Failed, find_program, wait_for_port

PROXIED, PROXIED_TLS, FILES = "bench.test", "tls.bench.test", "files.bench.test"
COMPRESSED = "gzip.bench.test"

# The level whose answers come nearest to Ondol's in size, and are still a little larger.
NGINX_GZIP_LEVEL = 4

NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.error.log error; {user}
worker_processes {workers}; worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
    access_log {folder}/nginx.access.log combined buffer=64k flush=1s;
    client_body_temp_path {folder}/n1; proxy_temp_path {folder}/n2; fastcgi_temp_path {folder}/n3;
    uwsgi_temp_path {folder}/n4; scgi_temp_path {folder}/n5;
    sendfile on; tcp_nopush on; keepalive_requests 100000000;
    open_file_cache max=1000 inactive=20s;
    types {{ text/plain txt; text/html html; }}
    upstream app {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 100000000; }}
    proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    server {{
        listen 127.0.0.1:{http} reuseport backlog=4096; server_name bench.test;
        location / {{ proxy_pass http://app; }}
    }}
    server {{
        listen 127.0.0.1:{https} ssl http2 reuseport backlog=4096; server_name tls.bench.test;
        ssl_certificate {chain}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3;
        location / {{ proxy_pass http://app; }}
    }}
    server {{ listen 127.0.0.1:{http}; server_name files.bench.test; root {www}; }}
    server {{ listen 127.0.0.1:{http}; server_name gzip.bench.test; root {www}; gzip on; gzip_comp_level {gzip_level}; }}
}}
"""

# Its log has no buffer of its own; standard output to a file spares it the detour over a syslog server.
HAPROXY = """
global
    nbthread {workers}
    maxconn 8192
    log stdout format raw local0 info
defaults
    mode http
    log global
    option httplog
    option forwardfor
    http-reuse always
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout http-keep-alive 60s
frontend plain
    bind 127.0.0.1:{http} shards by-thread backlog 4096
    http-request set-header X-Forwarded-Proto http
    use_backend app if {{ hdr(host) -i bench.test }}
frontend tls
    bind 127.0.0.1:{https} shards by-thread backlog 4096 ssl crt {both} alpn h2,http/1.1
    http-request set-header X-Forwarded-Proto https
    use_backend app if {{ hdr(host),field(1,:) -i tls.bench.test }}
backend app
    server one 127.0.0.1:{upstream}
"""

CADDY = """
{{
	admin off
	auto_https off
	storage file_system {folder}/caddy
	log default {{
		output file {folder}/caddy.log
		level ERROR
		exclude http.log.access
	}}
	log access {{
		output file {folder}/caddy.access.log {{
			roll_disabled
		}}
		include http.log.access
	}}
	servers {{
		protocols h1 h2
	}}
}}
(app) {{
	bind 127.0.0.1
	log
	reverse_proxy 127.0.0.1:{upstream} {{
		transport http {{
			keepalive_idle_conns_per_host 256
		}}
	}}
}}
http://bench.test:{http} {{
	import app
}}
https://tls.bench.test:{https} {{
	tls {chain} {key}
	import app
}}
http://files.bench.test:{http} {{
	bind 127.0.0.1
	log
	root * {www}
	file_server
}}
http://gzip.bench.test:{http} {{
	bind 127.0.0.1
	log
	root * {www}
	encode gzip
	file_server
}}
"""

APACHE_MODULES = (
    "mpm_event authz_core alias dir mime headers proxy proxy_http ssl socache_shmcb http2 filter deflate".split()
)
APACHE = """
ServerRoot {folder}
ServerName 127.0.0.1
PidFile {folder}/apache.pid
DefaultRuntimeDir {folder}
Mutex file:{folder} default
ErrorLog {folder}/apache.error.log
LogLevel error
{user}
{modules}
ServerLimit {workers}
StartServers {workers}
ThreadsPerChild 128
ThreadLimit 128
MaxRequestWorkers {threads}
MinSpareThreads 1
MaxSpareThreads {threads}
ListenBacklog 4096
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 60
EnableSendfile On
TypesConfig {types}
LogFormat "%h %l %u %t \\"%r\\" %>s %O \\"%{{Referer}}i\\" \\"%{{User-Agent}}i\\"" combined
BufferedLogs On
CustomLog {folder}/apache.access.log combined
SSLSessionCache shmcb:{folder}/apache.sessions(512000)
ProxyRequests Off
ProxyPreserveHost On
Listen 127.0.0.1:{http}
Listen 127.0.0.1:{https}
<Directory />
    Options FollowSymLinks
    AllowOverride None
</Directory>
<VirtualHost 127.0.0.1:{http}>
    ServerName bench.test
    RequestHeader set X-Forwarded-Proto http
    ProxyPass / http://127.0.0.1:{upstream}/ keepalive=On
</VirtualHost>
<VirtualHost 127.0.0.1:{http}>
    ServerName files.bench.test
    DocumentRoot {www}
</VirtualHost>
<VirtualHost 127.0.0.1:{http}>
    ServerName gzip.bench.test
    DocumentRoot {www}
    SetOutputFilter DEFLATE
</VirtualHost>
<VirtualHost 127.0.0.1:{https}>
    ServerName tls.bench.test
    Protocols h2 http/1.1
    SSLEngine on
    SSLProtocol TLSv1.2 TLSv1.3
    SSLCertificateFile {chain}
    SSLCertificateKeyFile {key}
    RequestHeader set X-Forwarded-Proto https
    ProxyPass / http://127.0.0.1:{upstream}/ keepalive=On
</VirtualHost>
"""


@dataclasses.dataclass
class Sites:
    """What every server is asked to serve."""

    folder: Path
    upstream: int
    chain: Path
    key: Path
    both: Path
    www: Path
    workers: int


@dataclasses.dataclass
class Server:
    """A running server."""

    name: str
    version: str
    child: object
    http: int
    https: int
    files: bool


def start_nginx(program, sites, workbench, ports):
    user = "user nobody nogroup;" if os.geteuid() == 0 else ""
    path = write(sites, ports, "nginx.conf", NGINX, user=user, gzip_level=NGINX_GZIP_LEVEL)
    return workbench.start("nginx", [program, "-c", path, "-e", sites.folder / "nginx.error.log"])


def start_haproxy(program, sites, workbench, ports):
    path = write(sites, ports, "haproxy.cfg", HAPROXY)
    return workbench.start("haproxy", [program, "-db", "-f", path])


def start_caddy(program, sites, workbench, ports):
    path = write(sites, ports, "Caddyfile", CADDY)
    home = {"HOME": str(sites.folder), "XDG_CONFIG_HOME": str(sites.folder), "XDG_DATA_HOME": str(sites.folder)}
    return workbench.start("caddy", [program, "run", "--config", path, "--adapter", "caddyfile"], environment=home)


def start_apache(program, sites, workbench, ports):
    modules = Path("/usr/lib/apache2/modules")
    (sites.folder / "mime.types").write_text("text/plain txt\ntext/html html\n")
    path = write(
        sites,
        ports,
        "apache.conf",
        APACHE,
        user="User nobody\nGroup nogroup" if os.geteuid() == 0 else "",
        modules="\n".join(f"LoadModule {name}_module {modules}/mod_{name}.so" for name in APACHE_MODULES),
        threads=128 * sites.workers,
        types=sites.folder / "mime.types",
    )
    return workbench.start("apache", [program, "-f", path, "-DFOREGROUND"])


def start_ondol(program, sites, workbench, ports):
    text = box.configuration(ports[0], ports[1], sites.chain, sites.key)
    text += box.plain_site(PROXIED, sites.upstream)
    text += box.tls_site(PROXIED_TLS, sites.upstream)
    text += box.files_site(FILES, sites.www)
    text += box.files_site(COMPRESSED, sites.www) + "compression = true\n"
    return box.Box(program, workbench, "ondol", text).start().child


@dataclasses.dataclass
class Peer:
    name: str
    programs: tuple
    package: str
    version: tuple
    start: object
    files: bool = True


PEERS = [
    Peer("nginx", ("nginx",), "nginx-light", ("-v",), start_nginx),
    Peer("haproxy", ("haproxy",), "haproxy", ("-v",), start_haproxy, files=False),
    Peer("caddy", ("caddy",), "caddy", ("version",), start_caddy),
    Peer("apache", ("apache2",), "apache2", ("-v",), start_apache),
    Peer("ondol", ("ondol",), "", ("--version",), start_ondol),
]


def write(sites, ports, name, template, **more):
    path = sites.folder / name
    path.write_text(template.format(**dataclasses.asdict(sites), http=ports[0], https=ports[1], **more))
    return path


def start(peer, program, sites, workbench, ports):
    version = subprocess.run([program, *peer.version], capture_output=True, text=True, timeout=10, check=False)
    child = peer.start(program, sites, workbench, ports)
    for port in ports:
        wait_for_port(child, port)
    return Server(peer.name, short_version(version.stdout + version.stderr), child, *ports, peer.files)


def short_version(text):
    """The first word that starts with a number, of what the programs print in five ways."""
    words = text.replace("/", " ").replace("v", " ").split()
    return next((word for word in words if word[0].isdigit() and "." in word), "unknown")


def program_of(peer, ondol):
    return ondol if peer.name == "ondol" else find_program(*peer.programs)


def missing(peer):
    """Why a server is left out."""
    return f"skipped: {peer.name} ({'not built' if peer.name == 'ondol' else 'apt-get install ' + peer.package})"


def make_certificate(folder):
    """One ECDSA P-256 certificate for everyone, with the key also in the chain's file for HAProxy."""
    chain, key, both = folder / "chain.pem", folder / "key.pem", folder / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", key, "-out", chain, "-days", "30", "-subj", "/CN=bench.test"]
    command += ["-addext", "subjectAltName=DNS:bench.test,DNS:*.bench.test"]
    made = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if made.returncode != 0:
        raise Failed(f"openssl made no certificate: {made.stderr.strip()}")
    both.touch(mode=0o600)
    both.write_text(chain.read_text() + key.read_text())
    key.chmod(0o600)
    return chain, key, both


def make_files(folder):
    """Files of characters that do not compress to nothing, the same in every run."""
    www = folder / "www"
    www.mkdir()
    line = "".join(chr(33 + (number * 7919) % 90) for number in range(127)) + "\n"
    (www / "1k.txt").write_text(line * 8)
    (www / "100k.txt").write_text(line * 800)
    (www / "page.html").write_text(page(100 * 1024))
    return www


def page(size):
    """A page as a blog has it: words of a small language, some far more often than others, between tags."""
    chance = random.Random(1)
    words = ["".join(chance.choices("aeioulnrstdmkh", k=chance.randint(2, 9))) for _ in range(2000)]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    text = '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>A page</title>\n'
    while len(text) < size:
        sentence = " ".join(chance.choices(words, weights, k=chance.randint(20, 80)))
        link = f'<a href="/posts/{chance.randint(1, 999)}" class="link">{chance.choice(words)}</a>'
        text += f'<article class="post">\n  <p>{sentence}. {link}</p>\n</article>\n'
    return text[:size]
