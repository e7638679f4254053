//! The servers that apps are run by, with the commands that their owners write: each takes the socket that it is given,
//! and the same again when it is started anew.

use super::*;

const RACK: &str =
    "run ->(env) { [200, {'content-type' => 'text/plain'}, [\"I am #{Process.pid}\"]] }\n";
const WSGI: &str = "def app(environ, start):\n    start('200 OK', [('Content-Type', 'text/plain')])\n    return [b'hello']\n";
const ASGI: &str = "\
async def app(scope, receive, send):
    if scope['type'] == 'lifespan':
        while True:
            message = await receive()
            await send({'type': message['type'] + '.complete'})
            if message['type'] == 'lifespan.shutdown':
                return
    await send({'type': 'http.response.start', 'status': 200, 'headers': [(b'content-type', b'text/plain')]})
    await send({'type': 'http.response.body', 'body': b'hello'})
";
const NODE: &str = "\
const server = require('http').createServer((request, response) => response.end('hello'));
const place = process.env.PORT || process.env.ONDOL_SOCKET;
process.env.LISTEN_FDS ? server.listen({ fd: 3 }) : server.listen(place);
";

/// Starts it twice in one seat; both times it must be ready, and end when it is asked to.
async fn check(program: &str, file: (&str, &str), listen: AppListen, run: &str) {
    if !Path::new("/usr/bin").join(program).exists() {
        eprintln!("skipped: {program} is not there");
        return;
    }
    let mut scene = Scene::new(listen, "").await;
    let (name, text) = file;
    file::replace(&scene.folder.path().join(name), text.as_bytes(), 0o644).unwrap();
    scene.app.run = Some(run.to_owned());
    let (mut seat, first) = scene.ready().await;
    first.well().await.unwrap();
    let word = listen.word();
    assert_eq!(first.stop(LONG).await, Stopped::Ended, "{run} ({word})");
    let second = seat.start().await.unwrap();
    if let Err(error) = second.ready().await {
        let lines = scene.surroundings.log.tail(None, 50);
        panic!("{run} ({word}): {error}\n{}", lines.join("\n"));
    }
    seat.close().await;
}

#[tokio::test]
async fn puma() {
    let run = "puma -b $ONDOL_BIND";
    for listen in [AppListen::Fd, AppListen::Unix, AppListen::Port] {
        check("puma", ("config.ru", RACK), listen, run).await;
    }
}

#[tokio::test]
async fn unicorn() {
    for (listen, run) in [
        (AppListen::Unix, "unicorn -l $ONDOL_SOCKET"),
        (AppListen::Port, "unicorn -l 127.0.0.1:$PORT"),
    ] {
        check("unicorn", ("config.ru", RACK), listen, run).await;
    }
}

#[tokio::test]
async fn gunicorn() {
    for (listen, run) in [
        (AppListen::Fd, "gunicorn -w 2 main:app"),
        (AppListen::Unix, "gunicorn -b $ONDOL_BIND main:app"),
        (AppListen::Port, "gunicorn -b $ONDOL_BIND main:app"),
    ] {
        check("gunicorn", ("main.py", WSGI), listen, run).await;
    }
}

#[tokio::test]
async fn uvicorn() {
    for (listen, run) in [
        (AppListen::Fd, "uvicorn --fd 3 main:app"),
        (AppListen::Unix, "uvicorn --uds $ONDOL_SOCKET main:app"),
        (AppListen::Port, "uvicorn --port $PORT main:app"),
    ] {
        check("uvicorn", ("main.py", ASGI), listen, run).await;
    }
}

#[tokio::test]
async fn node() {
    for listen in [AppListen::Fd, AppListen::Unix, AppListen::Port] {
        check("node", ("server.js", NODE), listen, "node server.js").await;
    }
}

#[tokio::test]
async fn npm_and_what_it_starts() {
    let package = r#"{"name": "coffee", "scripts": {"start": "node server.js"}}"#;
    if !Path::new("/usr/bin/npm").exists() {
        eprintln!("skipped: npm is not there");
        return;
    }
    let mut scene = Scene::new(AppListen::Port, "").await;
    let write = |name: &str, text: &str| {
        file::replace(&scene.folder.path().join(name), text.as_bytes(), 0o644).unwrap();
    };
    write("package.json", package);
    write("server.js", NODE);
    scene.app.run = Some("npm start".to_owned());
    let (seat, instance) = scene.ready().await;
    assert_eq!(instance.stop(LONG).await, Stopped::Ended);
    assert!(instance.processes().await.is_empty());
    seat.close().await;
}
