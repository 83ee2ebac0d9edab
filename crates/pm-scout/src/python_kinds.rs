//! Which calls make an app object, and of what kind it is.

use crate::proposal::Stack;

/// Calls by the full name of what is called, and the kind of what they make.
const MAKERS: [(&str, Stack); 34] = [
    ("flask.Flask", Stack::Flask),
    ("flask.app.Flask", Stack::Flask),
    ("apiflask.APIFlask", Stack::Flask),
    ("fastapi.FastAPI", Stack::FastApi),
    ("fastapi.applications.FastAPI", Stack::FastApi),
    ("starlette.applications.Starlette", Stack::Starlette),
    ("django.core.wsgi.get_wsgi_application", Stack::Django),
    ("django.core.asgi.get_asgi_application", Stack::Django),
    ("channels.routing.ProtocolTypeRouter", Stack::Django),
    ("sanic.Sanic", Stack::Sanic),
    ("sanic.app.Sanic", Stack::Sanic),
    ("aiohttp.web.Application", Stack::Aiohttp),
    ("tornado.web.Application", Stack::Tornado),
    ("celery.Celery", Stack::Celery),
    ("celery.app.Celery", Stack::Celery),
    ("celery.app.base.Celery", Stack::Celery),
    ("gradio.Interface", Stack::Gradio),
    ("gradio.Blocks", Stack::Gradio),
    ("gradio.ChatInterface", Stack::Gradio),
    ("gradio.TabbedInterface", Stack::Gradio),
    ("quart.Quart", Stack::Asgi),
    ("litestar.Litestar", Stack::Asgi),
    ("blacksheep.Application", Stack::Asgi),
    ("falcon.asgi.App", Stack::Asgi),
    ("falcon.App", Stack::Wsgi),
    ("falcon.API", Stack::Wsgi),
    ("bottle.Bottle", Stack::Wsgi),
    ("bottle.default_app", Stack::Wsgi),
    ("bottle.app", Stack::Wsgi),
    ("werkzeug.wsgi.DispatcherMiddleware", Stack::Wsgi),
    ("whitenoise.WhiteNoise", Stack::Wsgi),
    ("pyramid.config.Configurator.make_wsgi_app", Stack::Wsgi),
    ("cherrypy.tree.mount", Stack::Wsgi),
    ("connexion.AsyncApp", Stack::Asgi),
];

/// Functions that make an app, by what people call them.
pub(crate) const FACTORIES: [&str; 6] =
    ["create_app", "make_app", "build_app", "get_app", "create_application", "get_application"];

/// The kind of what this call makes.
pub(crate) fn made_by(full_name: &str) -> Option<Stack> {
    MAKERS.iter().find(|(name, _)| *name == full_name).map(|(_, stack)| *stack)
}

/// The kind of app that a package is there for.
pub(crate) fn of_package(name: &str) -> Option<Stack> {
    match name {
        "flask" => Some(Stack::Flask),
        "fastapi" => Some(Stack::FastApi),
        "starlette" => Some(Stack::Starlette),
        "quart" | "litestar" => Some(Stack::Asgi),
        "bottle" | "falcon" | "pyramid" => Some(Stack::Wsgi),
        _ => None,
    }
}

/// Whether it speaks ASGI rather than WSGI.
pub(crate) fn is_asgi(stack: Stack) -> bool {
    matches!(stack, Stack::FastApi | Stack::Starlette | Stack::Asgi)
}
