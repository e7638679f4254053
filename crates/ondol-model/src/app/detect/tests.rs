//! Folders as people have them, and what is found in them.

use proptest::prelude::*;

use super::*;

/// A listing of these files; what stands after `=` is their text, and a name that ends with `*` may be run.
fn listing(files: &[&str]) -> Listing {
    let files = files.iter().map(|file| {
        let (path, text) = match file.split_once('=') {
            Some((path, text)) => (path, Some(text.to_owned())),
            None => (*file, None),
        };
        let is_executable = path.ends_with('*');
        let path = path.trim_end_matches('*').to_owned();
        let listed = Listed {
            is_executable,
            text,
        };
        (path, listed)
    });
    Listing {
        files: files.collect(),
    }
}

/// What is run, and what is built, or an empty text.
fn check(files: &[&str], run: &str, build: &str) {
    let found = detect(&listing(files)).unwrap_or_else(|| panic!("nothing was found: {files:?}"));
    assert_eq!(found.run, run, "{files:?}");
    assert_eq!(
        found.build.as_deref().unwrap_or_default(),
        build,
        "{files:?}"
    );
    assert_eq!(found.listen, AppListen::Port);
    assert!(!found.why.is_empty());
}

fn nothing(files: &[&str], said: &str) {
    let listing = listing(files);
    assert_eq!(detect(&listing), None, "{files:?}");
    let hint = hint(&listing).unwrap_or_default();
    assert!(
        hint.contains(said) && hint.is_empty() == said.is_empty(),
        "{files:?}: {hint}"
    );
}

#[test]
fn ruby_is_run_by_the_server_of_its_gemfile() {
    let bundle = "bundle config set --local path vendor/bundle && bundle install";
    let locked = "bundle config set --local deployment true && bundle install";
    let puma = "bundle exec puma -e ${RACK_ENV:-production} -b $ONDOL_BIND";
    check(&["Gemfile=gem 'puma'", "config.ru"], puma, bundle);
    check(
        &[
            "Gemfile=gem 'rack'",
            "Gemfile.lock=    puma (6.4)",
            "config.ru",
        ],
        puma,
        locked,
    );
    check(
        &["Gemfile=gem 'rack'", "config/puma.rb", "config.ru"],
        puma,
        bundle,
    );
    check(
        &["config.ru"],
        "puma -e ${RACK_ENV:-production} -b $ONDOL_BIND",
        "",
    );
    check(
        &["Gemfile=gem 'unicorn'", "config.ru"],
        "bundle exec unicorn -E ${RACK_ENV:-production} -l 127.0.0.1:$PORT",
        bundle,
    );
    check(
        &["Gemfile=gem 'rack'", "config.ru"],
        "bundle exec rackup -E ${RACK_ENV:-production} -o 127.0.0.1 -p $PORT",
        bundle,
    );
    check(
        &[
            "Gemfile=gem 'rails'",
            "Gemfile.lock=puma, propshaft",
            "bin/rails*",
            "config.ru",
            "package.json={\"scripts\":{\"start\":\"node x.js\"}}",
        ],
        puma,
        "bundle config set --local deployment true && bundle install && RAILS_ENV=${RAILS_ENV:-production} SECRET_KEY_BASE_DUMMY=1 bin/rails assets:precompile",
    );
    nothing(&["Gemfile=gem 'rake'"], "");
}

#[test]
fn node_is_run_by_its_script() {
    let of = |json: &str| format!("package.json={json}");
    let env = |run: &str| format!("env NODE_ENV=${{NODE_ENV:-production}} {run}");
    let plain = of("{ \"scripts\": { \"test\": \"x\", \"start\": \"node server.js --port=1\" } }");
    check(&[&plain], &env("node server.js --port=1"), "");
    let next = of(
        "{\"name\":\"a\",\"dependencies\":{\"next\":\"1\"},\"scripts\":{\"build\":\"next build\",\"start\":\"next start\"}}",
    );
    check(&[&next], &env("npm start"), "npm install && npm run build");
    for (lock, name, install) in [
        ("package-lock.json", "npm start", "npm ci && npm run build"),
        (
            "pnpm-lock.yaml",
            "pnpm start",
            "pnpm install --frozen-lockfile && pnpm run build",
        ),
        (
            "yarn.lock",
            "yarn start",
            "yarn install --frozen-lockfile && yarn run build",
        ),
        (
            "bun.lock",
            "bun run start",
            "bun install --frozen-lockfile && bun run build",
        ),
    ] {
        check(&[&next, lock], &env(name), install);
    }
    let tricky = of("{\"scripts\":{\"start\":\"node a.js && rm b\"},\"dependencies\":{}}");
    check(
        &[&tricky, "package-lock.json"],
        &env("npm start"),
        "npm ci --omit=dev",
    );
    let none = of("{\"main\":\"index.js\"}");
    check(&[&none, "server.js"], &env("node server.js"), "");
    nothing(&[&none, "index.js"], "no script `start`");
    nothing(&["package.json={\"scripts\":"], "no script `start`");
}

#[test]
fn python_is_run_by_the_server_that_it_asks_for() {
    let needs = "requirements.txt=fastapi\nuvicorn==0.30\n";
    let pip = "python3 -m venv .venv && .venv/bin/python -m pip install -r requirements.txt";
    let port = "--host 127.0.0.1 --port $PORT";
    let fast = "main.py=import fastapi\n\napp = fastapi.FastAPI(title='x')\n";
    check(&[needs, fast], &format!("uvicorn main:app {port}"), pip);
    check(
        &[needs, fast, ".venv/bin/python*"],
        &format!(".venv/bin/python -m uvicorn main:app {port}"),
        pip,
    );
    check(
        &[needs, "app/main.py=api: Starlette = Starlette(debug=False)"],
        &format!("uvicorn app.main:api {port}"),
        pip,
    );
    check(
        &[
            "pyproject.toml=dependencies = [\"fastapi[standard]\"]",
            "uv.lock",
            "src/main.py=def create_app():\n    return FastAPI()\n",
        ],
        &format!("uvicorn main:create_app --factory --app-dir src {port}"),
        "uv sync --frozen --no-dev",
    );
    check(
        &[needs, "server.py=async def app(scope, receive, send):\n"],
        &format!("uvicorn server:app {port}"),
        pip,
    );
    let gunicorn = "pyproject.toml=dependencies = ['flask', 'gunicorn']";
    let pip = "python3 -m venv .venv && .venv/bin/python -m pip install .";
    for (file, name) in [
        ("app.py=app = Flask(__name__)", "app:app"),
        (
            "app/__init__.py=def create_app():\n    it = Flask(__name__)\n",
            "app:'create_app()'",
        ),
        (
            "wsgi.py=def application(environ, start_response):",
            "wsgi:application",
        ),
        (
            "manage.py=os.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", \"my.site.settings\")",
            "my.site.wsgi:application",
        ),
    ] {
        check(
            &[gunicorn, file],
            &format!("gunicorn {name} -b 127.0.0.1:$PORT"),
            pip,
        );
    }
    check(
        &[
            "requirements.txt=django\nuvicorn",
            "manage.py=('DJANGO_SETTINGS_MODULE', 'a.settings')",
        ],
        "uvicorn a.asgi:application --host 127.0.0.1 --port $PORT",
        "python3 -m venv .venv && .venv/bin/python -m pip install -r requirements.txt",
    );
    nothing(&[fast], "add `uvicorn`");
    nothing(&["app.py=app = Flask(__name__)"], "add `gunicorn`");
    nothing(&["requirements.txt=requests", "main.py=print('hi')"], "");
    nothing(
        &[
            gunicorn,
            "manage.py=DJANGO_SETTINGS_MODULE '; rm -r /.settings'",
        ],
        "",
    );
}

#[test]
fn programs_are_found_by_what_makes_them() {
    check(&["bin/server*"], "./bin/server", "");
    check(
        &["go.mod=module example.com/me/coffee", "main.go"],
        "./bin/server",
        "go build -o bin/server .",
    );
    check(
        &["go.mod=module example.com/me/coffee\n", "coffee*"],
        "./coffee",
        "",
    );
    let cargo = "Cargo.toml=[workspace]\nname = 'x'\n[package]\nversion = \"1\"\nname = \"tea\" # so\n[dependencies]";
    check(
        &[cargo, "Cargo.lock", "src/main.rs"],
        "./target/release/tea",
        "cargo build --release --locked",
    );
    check(&[cargo, "target/release/tea*"], "./target/release/tea", "");
    nothing(&["bin/server"], "");
    nothing(&[cargo, "src/lib.rs"], "");
    nothing(
        &["Cargo.toml=[package]\nname = \"$(x)\"", "src/main.rs"],
        "",
    );
}

#[test]
fn deno_is_run_by_its_task() {
    let task =
        "deno.jsonc=// tasks\n{ /* of it */ \"tasks\": { \"start\": \"deno run -N main.ts\", } }";
    check(&[task], "deno task start", "");
    nothing(&["deno.json={\"tasks\":{\"dev\":\"x\"}}"], "");
}

#[test]
fn what_needs_no_program_is_told() {
    let npm = "package.json={\"scripts\":{\"start\":\"vite\"}}";
    nothing(
        &["composer.json", "public/index.php", npm],
        "…/public\", pool",
    );
    nothing(&["index.php"], "pool = \"NAME\"");
    nothing(&["index.html"], "`files`");
    nothing(&["public/index.html"], "`public` with `files`");
    nothing(&[], "");
}

#[test]
fn the_owner_may_want_another_socket() {
    let command = |files: &[&str], listen| {
        let found = detect_for(&listing(files), Some(listen))?;
        assert_eq!(found.listen, listen);
        Some(found.run)
    };
    let python = ["requirements.txt=uvicorn", "main.py=app = FastAPI()"];
    assert_eq!(
        command(&python, AppListen::Fd).unwrap(),
        "uvicorn main:app --fd 3 --forwarded-allow-ips '*'"
    );
    assert_eq!(
        command(&python, AppListen::Unix).unwrap(),
        "uvicorn main:app --uds $ONDOL_SOCKET --forwarded-allow-ips '*'"
    );
    let python = ["requirements.txt=gunicorn", "app.py=app = Flask(__name__)"];
    assert_eq!(command(&python, AppListen::Fd).unwrap(), "gunicorn app:app");
    let node = ["package.json={}", "server.js"];
    assert_eq!(command(&node, AppListen::Unix), None);
    assert!(command(&node, AppListen::Port).is_some());
}

#[test]
fn a_procfile_has_the_build_of_its_files() {
    assert_eq!(
        build(&listing(&["Gemfile", "Procfile=web: x"])).as_deref(),
        Some("bundle config set --local path vendor/bundle && bundle install")
    );
    assert_eq!(build(&listing(&["Procfile=web: x"])), None);
}

#[test]
fn a_value_is_found_in_json() {
    let json = "\u{feff}{ \"a\": [1, {\"b\": \"x\\\"}\"}, -1.5e3, null], \"b\": {\"c\": \"t\\u0041\\n\"}, \"d\": true }";
    assert_eq!(json::text(json, &["b", "c"]).as_deref(), Some("tA\n"));
    assert_eq!(json::find(json, &["d"]), Some("true }"));
    for none in [&["c"][..], &["a", "b"], &["b", "x"], &["d", "c"]] {
        assert_eq!(json::text(json, none), None, "{none:?}");
    }
    let deep = format!(
        "{{\"a\":{}1{},\"b\":\"x\"}}",
        "[".repeat(100),
        "]".repeat(100)
    );
    assert_eq!(json::text(&deep, &["b"]), None);
}

proptest! {
    #[test]
    fn no_text_breaks_the_search(
        text in "[{}\\[\\]\",:a\\\\u0-9/* é\n]{0,60}",
        prefix in prop::sample::select(vec!["", "{\"a\":", "{\"a\":{\"b\":", "/*"]),
    ) {
        let text = format!("{prefix}{text}");
        drop(json::text(&text, &["a", "b"]));
        for path in READ {
            drop(detect(&listing(&["config.ru", &format!("{path}={text}")])));
        }
    }

    #[test]
    fn a_string_is_read_as_it_was_written(text in "[ -~é\n]{0,30}", other in "[ -~é]{0,10}") {
        let escape = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let json = format!("{{ \"k\": {{ \"x\": \"{}\" }}, \"wanted\": \"{}\" }}", escape(&other), escape(&text));
        prop_assert_eq!(json::text(&json, &["wanted"]), Some(text));
    }
}
