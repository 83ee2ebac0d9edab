//! Servers whose habits are known: what asks them to finish what they are at, how long that may take, and how they take new
//! code without a gap.

use serde::{Deserialize, Serialize};

use crate::{Signal, Span};

/// A server or worker whose habits are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Nothing is known: PM2's defaults hold.
    #[default]
    None,
    /// <https://gunicorn.org>
    Gunicorn,
    /// <https://www.uvicorn.org>
    Uvicorn,
    /// <https://hypercorn.readthedocs.io>
    Hypercorn,
    /// <https://github.com/emmett-framework/granian>
    Granian,
    /// <https://github.com/django/daphne>
    Daphne,
    /// <https://uwsgi-docs.readthedocs.io>
    Uwsgi,
    /// A worker of <https://docs.celeryq.dev>; `celery beat` is none.
    Celery,
    /// What <https://www.djangoproject.com> has for development: `manage.py runserver`.
    Django,
    /// What <https://flask.palletsprojects.com> has for development: `flask run`.
    Flask,
    /// A program that was built by <https://go.dev>.
    Go,
}

/// What is known of one.
#[derive(Debug)]
pub struct Habits {
    /// Of which.
    pub preset: Preset,
    /// The programs and modules that are it; none: it is not known by its name.
    pub programs: &'static [&'static str],
    /// Asks its main process to finish what it is at and go.
    pub stop: Signal,
    /// How long that may take.
    pub grace: Span,
    /// Has its main process replace all workers by ones with the new code, while it goes on listening.
    pub reload: Option<Signal>,
    /// How it loads the app as it is now, says what is wrong and ends, having served nobody.
    pub check: Option<Check>,
}

/// How a server is run to try whether its app loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// With this argument behind its own.
    Also(&'static str),
    /// With the second word in the place of the first and of all that follows.
    Instead(&'static str, &'static str),
}

const GRACE: Span = Span::from_secs(30);

const fn habits(preset: Preset, programs: &'static [&'static str]) -> Habits {
    Habits { preset, programs, stop: Signal::TERM, grace: GRACE, reload: None, check: None }
}

/// All there are.
pub static HABITS: [Habits; 10] = [
    // Its SIGINT and SIGQUIT cut requests off.
    Habits {
        reload: Some(Signal::HUP),
        // As `--check-config`, and it says whether it preloads.
        check: Some(Check::Also("--print-config")),
        ..habits(Preset::Gunicorn, &["gunicorn", "gunicorn3"])
    },
    habits(Preset::Uvicorn, &["uvicorn"]),
    habits(Preset::Hypercorn, &["hypercorn"]),
    habits(Preset::Granian, &["granian"]),
    habits(Preset::Daphne, &["daphne"]),
    // Its SIGTERM is a reload unless `die-on-term` is set, and then no gentler than SIGINT.
    Habits { stop: Signal::INT, ..habits(Preset::Uwsgi, &["uwsgi", "uwsgi-core"]) },
    // A report of an app's settings, which begins with its modules.
    Habits {
        check: Some(Check::Instead("worker", "report")),
        ..habits(Preset::Celery, &["celery"])
    },
    // These are stopped as any other program.
    Habits {
        stop: Signal::INT,
        grace: Span::from_millis(1600),
        ..habits(Preset::Django, &["manage.py", "django-admin", "django"])
    },
    Habits {
        stop: Signal::INT,
        grace: Span::from_millis(1600),
        ..habits(Preset::Flask, &["flask"])
    },
    // What systemd and containers ask by is what servers in Go finish their requests at (`signal.NotifyContext`, `Shutdown`).
    habits(Preset::Go, &[]),
];

/// The keys that follow from a preset where nobody wrote them.
pub const FOLLOWING: [&str; 3] = ["kill_signal", "kill_timeout", "reload_signal"];

impl Preset {
    /// What is known of it.
    pub fn habits(self) -> Option<&'static Habits> {
        HABITS.iter().find(|habits| habits.preset == self)
    }

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gunicorn => "gunicorn",
            Self::Uvicorn => "uvicorn",
            Self::Hypercorn => "hypercorn",
            Self::Granian => "granian",
            Self::Daphne => "daphne",
            Self::Uwsgi => "uwsgi",
            Self::Celery => "celery",
            Self::Django => "django",
            Self::Flask => "flask",
            Self::Go => "go",
        }
    }
}
