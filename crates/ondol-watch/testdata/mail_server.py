"""A mail server: prints its port, and each letter as a line of JSON. Wants TLS (at once, or by STARTTLS) and a login."""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

chain, key, when = sys.argv[1:]


class Handler:
    async def handle_DATA(self, server, session, envelope):
        letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
        defects = [str(defect) for part in letter.walk() for defect in part.defects]
        fields = {name.lower(): str(value) for name, value in letter.items()}
        received = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "fields": fields,
            "text": letter.get_content(),
            "defects": defects,
            "longest": max(len(line) for line in envelope.content.split(b"\r\n")),
        }
        print(json.dumps(received), flush=True)
        return "250 taken"


def known(server, session, envelope, mechanism, data):
    is_right = (data.login, data.password) == (b"box", b"right & long")
    return AuthResult(success=is_right, handled=False)


async def main():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)
    later = when == "starttls"

    def protocol():
        return SMTP(
            Handler(),
            hostname="localhost",
            tls_context=context if later else None,
            require_starttls=later,
            auth_require_tls=later,
            auth_required=True,
            authenticator=known,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=None if later else context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
