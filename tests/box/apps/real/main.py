# An ASGI application: a page, and a WebSocket that sends back what it gets.
import os
import pathlib

version = pathlib.Path(__file__).with_name('VERSION').read_text().strip()


async def app(scope, receive, send):
    if scope['type'] == 'lifespan':
        while True:
            message = await receive()
            await send({'type': message['type'] + '.complete'})
            if message['type'] == 'lifespan.shutdown':
                return
    elif scope['type'] == 'websocket':
        await receive()
        await send({'type': 'websocket.accept'})
        while (message := await receive())['type'] == 'websocket.receive':
            await send({'type': 'websocket.send', 'text': f'version={version} heard={message["text"]}'})
    else:
        text = f'version={version} pid={os.getpid()} greeting={os.environ.get("GREETING")} scheme={scope["scheme"]}\n'
        body = text.encode()
        length = str(len(body)).encode()
        await send({'type': 'http.response.start', 'status': 200, 'headers': [(b'content-length', length)]})
        await send({'type': 'http.response.body', 'body': body})
