//! Which server serves which kind of app, and how it is told.

use crate::proposal::Stack;
use crate::python_candidates::AppCandidate;
use crate::python_project::PythonGround;
use crate::start_line::StartLine;

/// The package that makes such apps.
pub(crate) fn package(stack: Stack) -> Option<&'static str> {
    match stack {
        Stack::Django => Some("django"),
        Stack::Flask => Some("flask"),
        Stack::FastApi => Some("fastapi"),
        Stack::Starlette => Some("starlette"),
        Stack::Sanic => Some("sanic"),
        Stack::Aiohttp => Some("aiohttp"),
        Stack::Tornado => Some("tornado"),
        Stack::Streamlit => Some("streamlit"),
        Stack::Gradio => Some("gradio"),
        Stack::Celery => Some("celery"),
        Stack::Wsgi
        | Stack::Asgi
        | Stack::Script
        | Stack::Node
        | Stack::Go
        | Stack::Static
        | Stack::Procfile => None,
    }
}

/// Where web apps of this kind listen if nobody says otherwise; none: it is no web app with an object.
pub(crate) fn usual_port(stack: Stack) -> Option<u16> {
    match stack {
        Stack::Flask => Some(5000),
        Stack::Django
        | Stack::FastApi
        | Stack::Starlette
        | Stack::Wsgi
        | Stack::Asgi
        | Stack::Sanic => Some(8000),
        Stack::Aiohttp => Some(8080),
        Stack::Tornado => Some(8888),
        Stack::Streamlit
        | Stack::Gradio
        | Stack::Celery
        | Stack::Script
        | Stack::Node
        | Stack::Go
        | Stack::Static
        | Stack::Procfile => None,
    }
}

/// The command of the server that a project asks for, else of the usual one, and what has to be installed for it.
pub(crate) fn served(
    ground: &PythonGround,
    one: &AppCandidate<'_>,
    (stack, is_asgi): (Stack, bool),
) -> (StartLine, Vec<String>) {
    if stack == Stack::Sanic {
        let line = StartLine::of("sanic").and(one.target());
        let line = if one.object.is_factory { line.and("--factory") } else { line };
        return (line.and("--host").and("127.0.0.1").and("--port").and("{port}"), Vec::new());
    }
    let servers: &[&str] = if is_asgi {
        &["uvicorn", "hypercorn", "granian", "daphne"]
    } else {
        &["gunicorn", "waitress"]
    };
    let there = servers.iter().find(|server| ground.has(server)).copied();
    let server = there.or(servers.first().copied()).unwrap_or_default();
    let extra = if there.is_none() { vec![server.to_owned()] } else { Vec::new() };
    // One process, as long as nobody says otherwise: what such apps keep in memory and their open connections are of one.
    let line = match server {
        "uvicorn" => "uvicorn --host 127.0.0.1 --port {port}",
        "hypercorn" => "hypercorn --bind 127.0.0.1:{port}",
        "granian" => "granian --interface asgi --host 127.0.0.1 --port {port}",
        "daphne" => "daphne -b 127.0.0.1 -p {port}",
        "waitress" => "waitress-serve --listen=127.0.0.1:{port}",
        _ => "gunicorn --bind 127.0.0.1:{port} --workers {workers} --access-logfile -",
    };
    let line = StartLine::of(line);
    let line = match (server, one.object.is_factory) {
        ("uvicorn" | "granian", true) => line.and("--factory").and(one.target()),
        ("waitress", true) => line.and("--call").and(one.target()),
        (_, _) => line.and(one.spec()),
    };
    (line, extra)
}
