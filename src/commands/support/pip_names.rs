//! What packages of Python are called where they are installed from, if not as they are imported.

/// Names as they are imported, and the package that has them.
const NAMES: [(&str, &str); 39] = [
    ("Crypto", "pycryptodome"),
    ("MySQLdb", "mysqlclient"),
    ("OpenSSL", "pyOpenSSL"),
    ("PIL", "Pillow"),
    ("Xlib", "python-xlib"),
    ("attr", "attrs"),
    ("bs4", "beautifulsoup4"),
    ("cv2", "opencv-python"),
    ("dateutil", "python-dateutil"),
    ("decouple", "python-decouple"),
    ("discord", "discord.py"),
    ("django_filters", "django-filter"),
    ("docx", "python-docx"),
    ("dotenv", "python-dotenv"),
    ("environ", "django-environ"),
    ("fitz", "PyMuPDF"),
    ("git", "GitPython"),
    ("github", "PyGithub"),
    ("google.protobuf", "protobuf"),
    ("jose", "python-jose"),
    ("jwt", "PyJWT"),
    ("ldap", "python-ldap"),
    ("magic", "python-magic"),
    ("markdown", "Markdown"),
    ("multipart", "python-multipart"),
    ("pptx", "python-pptx"),
    ("psycopg2", "psycopg2-binary"),
    ("pythonjsonlogger", "python-json-logger"),
    ("rest_framework", "djangorestframework"),
    ("rest_framework_simplejwt", "djangorestframework-simplejwt"),
    ("serial", "pyserial"),
    ("skimage", "scikit-image"),
    ("sklearn", "scikit-learn"),
    ("slugify", "python-slugify"),
    ("socketio", "python-socketio"),
    ("telegram", "python-telegram-bot"),
    ("usb", "pyusb"),
    ("yaml", "PyYAML"),
    ("zmq", "pyzmq"),
];

/// Programs that packages of Python bring, and their package if it is called otherwise.
const PROGRAMS: [(&str, &str); 29] = [
    ("airflow", "apache-airflow"),
    ("alembic", "alembic"),
    ("celery", "celery"),
    ("daphne", "daphne"),
    ("django-admin", "Django"),
    ("dramatiq", "dramatiq"),
    ("fastapi", "\"fastapi[standard]\""),
    ("flask", "Flask"),
    ("flower", "flower"),
    ("gradio", "gradio"),
    ("granian", "granian"),
    ("gunicorn", "gunicorn"),
    ("huey_consumer", "huey"),
    ("hypercorn", "hypercorn"),
    ("jupyter", "jupyter"),
    ("jupyter-lab", "jupyterlab"),
    ("locust", "locust"),
    ("mkdocs", "mkdocs"),
    ("mlflow", "mlflow"),
    ("prefect", "prefect"),
    ("rq", "rq"),
    ("sanic", "sanic"),
    ("scrapy", "Scrapy"),
    ("streamlit", "streamlit"),
    ("twistd", "Twisted"),
    ("uvicorn", "uvicorn"),
    ("uwsgi", "uWSGI"),
    ("waitress-serve", "waitress"),
    ("watchfiles", "watchfiles"),
];

/// The package of Python that brings a program.
pub(super) fn package_with(program: &str) -> Option<&'static str> {
    PROGRAMS.iter().find(|(name, _)| *name == program).map(|(_, package)| *package)
}

/// The package that has a module, by the module's full name.
pub(super) fn package_of(module: &str) -> &str {
    let top = module.split('.').next().unwrap_or(module);
    let is_it = |name: &str| {
        name == top
            || module.strip_prefix(name).is_some_and(|it| it.is_empty() || it.starts_with('.'))
    };
    NAMES.iter().find(|(name, _)| is_it(name)).map_or(top, |(_, package)| package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_have_their_packages() {
        let all = [
            "yaml",
            "PIL.Image",
            "google.protobuf.message",
            "google.cloud",
            "jwtx",
            "flask_cors.x",
        ];
        let packages = ["PyYAML", "Pillow", "protobuf", "google", "jwtx", "flask_cors"];
        assert_eq!(all.map(package_of), packages);
    }
}
