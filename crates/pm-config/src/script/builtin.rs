//! The built-in engine: `QuickJS` with the part of Node that configs use, written in the `js` folder.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use pm_spec::ByteString;
use rquickjs::context::EvalOptions;
use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::promise::PromiseState;
use rquickjs::{Context, Ctx, Function, IntoJs as _, Module, Object, Promise, Runtime, Value};
use serde_json::json;

use crate::caller::Caller;
use crate::script::engine::{EngineAnswer, EngineFailure, MEMORY, program, words};
use crate::script::fault::WRAPPER;
use crate::script::{host, packages};

/// Deeper recursion is an error instead of a crash: a thread has 2 MiB at least.
const STACK: usize = 1 << 20;

/// More talk than this is cut off.
const MOST_SAID: usize = 1 << 20;

/// What `process.version` says: the level of the language and of the modules that are there.
const VERSION: &str = "v20.0.0";

/// The parts of Node that are there. Each is a function expression.
const BUILTINS: [(&str, &str); 8] = [
    ("globals", include_str!("js/globals.js")),
    ("path", include_str!("js/path.js")),
    ("fs", include_str!("js/fs.js")),
    ("os", include_str!("js/os.js")),
    ("util", include_str!("js/util.js")),
    ("console", include_str!("js/console.js")),
    ("url", include_str!("js/url.js")),
    ("module", include_str!("js/module.js")),
];

/// What is shared with the functions that JavaScript calls.
struct EngineState {
    caller: Caller,
    said: RefCell<Vec<u8>>,
    late: Cell<bool>,
    /// Files that were wrapped into a function.
    wrapped: RefCell<Vec<String>>,
}

/// Runs a config; what it said is told even where it failed.
pub(super) fn run(
    file: &Path,
    caller: &Caller,
    node: Option<&Path>,
) -> (Result<EngineAnswer, EngineFailure>, Vec<u8>) {
    let state = Rc::new(EngineState {
        caller: caller.clone(),
        said: RefCell::default(),
        late: Cell::new(false),
        wrapped: RefCell::default(),
    });
    let answer = evaluate(file, &state, node)
        .map(|answer| EngineAnswer { wrapped: state.wrapped.take(), ..answer });
    (answer, state.said.take())
}

fn evaluate(
    file: &Path,
    state: &Rc<EngineState>,
    node: Option<&Path>,
) -> Result<EngineAnswer, EngineFailure> {
    let broken = |error: rquickjs::Error| EngineFailure::Engine(error.to_string());
    let runtime = Runtime::new().map_err(broken)?;
    runtime.set_memory_limit(MEMORY << 20);
    runtime.set_max_stack_size(STACK);
    runtime.set_loader(Modules, Modules);
    let deadline = Instant::now() + state.caller.patience;
    let watch = Rc::clone(state);
    runtime.set_interrupt_handler(Some(Box::new(move || {
        watch.late.set(watch.late.get() || Instant::now() >= deadline);
        watch.late.get()
    })));
    let context = Context::full(&runtime).map_err(broken)?;
    let facts = facts(&state.caller, node).to_string();
    let told = context.with(|ctx| {
        let told = begin(&ctx, file, state, facts).and_then(|promise| finish(&ctx, &promise));
        // The value of an exception lives in the engine, which ends here.
        told.map_err(|error| reason(&ctx, &error))
    });
    match told {
        _ if state.late.get() => Err(EngineFailure::TooLong(state.caller.patience)),
        Ok(Some(text)) => {
            serde_json::from_str(&text).map_err(|error| EngineFailure::Garbled(error.to_string()))
        }
        Ok(None) => Err(EngineFailure::Waiting),
        Err(reason) if reason.contains("out of memory") => Err(EngineFailure::TooLarge(MEMORY)),
        Err(reason) => Err(EngineFailure::Engine(reason)),
    }
}

/// What JavaScript is told of the world.
fn facts(caller: &Caller, node: Option<&Path>) -> serde_json::Value {
    let program = program(caller);
    let execute = node.map_or_else(|| program.clone(), |node| node.to_string_lossy().into_owned());
    let argv: Vec<_> = [execute, program].into_iter().chain(words(caller).map(text)).collect();
    let env: serde_json::Map<_, _> =
        caller.env.iter().map(|(name, value)| (name.to_owned(), text(value).into())).collect();
    let (arch, machine) = match std::env::consts::ARCH {
        "x86_64" => ("x64", "x86_64"),
        "aarch64" => ("arm64", "aarch64"),
        other => (other, other),
    };
    let platform = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
    json!({
        "argv": argv, "env": env, "cwd": caller.cwd.to_string_lossy(), "cpus": caller.cpus(),
        "platform": platform, "arch": arch, "machine": machine, "version": VERSION, "engine": "ng",
        "pid": std::process::id(), "ppid": std::os::unix::process::parent_id(),
        "uid": rustix::process::getuid().as_raw(), "gid": rustix::process::getgid().as_raw(),
    })
}

fn text(bytes: &ByteString) -> String {
    bytes.display().into_owned()
}

fn begin<'js>(
    ctx: &Ctx<'js>,
    file: &Path,
    state: &Rc<EngineState>,
    facts: String,
) -> rquickjs::Result<Promise<'js>> {
    let asked = Rc::clone(state);
    let ask = Function::new(
        ctx.clone(),
        move |ctx: Ctx<'js>, what: String, subject: String, more: String| {
            reply(&asked, &ctx, &what, &subject, &more)
        },
    )?;
    let prelude: Function<'js> =
        script(ctx, "pm:prelude", include_str!("js/prelude.js"), Strictness::Strict)?;
    let facts = ctx.json_parse(facts)?;
    let start: Function<'js> = prelude.call((ask, facts))?;
    start.call((file.to_string_lossy().into_owned(),))
}

/// Goes on until the promise is kept or nothing can keep it any more.
fn finish<'js>(ctx: &Ctx<'js>, promise: &Promise<'js>) -> rquickjs::Result<Option<String>> {
    while promise.state() == PromiseState::Pending {
        if !ctx.execute_pending_job() && !tick(ctx)? {
            return Ok(None);
        }
    }
    promise.result::<String>().transpose()
}

/// Lets the first timer come; whether there was one.
fn tick(ctx: &Ctx<'_>) -> rquickjs::Result<bool> {
    let ours: Object<'_> = ctx.globals().get("__pm")?;
    ours.get::<_, Function<'_>>("tick")?.call(())
}

/// The answer to a question of JavaScript: text, or what a source evaluates to.
fn reply<'js>(
    state: &EngineState,
    ctx: &Ctx<'js>,
    what: &str,
    subject: &str,
    more: &str,
) -> rquickjs::Result<Value<'js>> {
    let text = match what {
        "say" => {
            let mut said = state.said.borrow_mut();
            let room = MOST_SAID.saturating_sub(said.len());
            said.extend(subject.bytes().take(room));
            String::new()
        }
        "builtin" => {
            let part = BUILTINS.iter().find(|(name, _)| *name == subject);
            part.map_or_else(String::new, |(_, source)| (*source).to_owned())
        }
        "compile" => return script(ctx, subject, more, Strictness::Strict),
        "commonjs" => {
            let body = more.trim_start_matches('\u{feff}');
            // A first line for the kernel is none for the engine.
            let comment = if body.starts_with("#!") { "//" } else { "" };
            state.wrapped.borrow_mut().push(subject.to_owned());
            let source = format!("{WRAPPER}{comment}{body}\n}})");
            return script(ctx, subject, &source, Strictness::Sloppy);
        }
        "kind" => packages::kind(Path::new(subject)).to_owned(),
        "resolve" => host::resolve(subject),
        _ => host::answer(&state.caller, what, subject, more).to_string(),
    };
    text.into_js(ctx)
}

/// How JavaScript takes a text that does not say: a config may be old.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strictness {
    Strict,
    Sloppy,
}

fn script<'js, V: rquickjs::FromJs<'js>>(
    ctx: &Ctx<'js>,
    name: &str,
    source: &str,
    strictness: Strictness,
) -> rquickjs::Result<V> {
    let mut options = EvalOptions::default();
    options.strict = strictness == Strictness::Strict;
    options.filename = Some(name.to_owned());
    ctx.eval_with_options(source, options)
}

/// Why the engine gave up, as text.
fn reason(ctx: &Ctx<'_>, error: &rquickjs::Error) -> String {
    if !error.is_exception() {
        return error.to_string();
    }
    let thrown = ctx.catch();
    let message = thrown.as_exception().and_then(rquickjs::Exception::message);
    message.unwrap_or_else(|| "out of memory".to_owned())
}

/// ES modules, found and read by the prelude.
struct Modules;

/// One of the prelude's two functions for modules.
fn ask_prelude<'js>(ctx: &Ctx<'js>, name: &str, words: (&str, &str)) -> rquickjs::Result<String> {
    let prelude: Object<'js> = ctx.globals().get("__pm")?;
    let function: Function<'js> = prelude.get(name)?;
    function.call(words)
}

impl Resolver for Modules {
    fn resolve<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<String> {
        ask_prelude(ctx, "locate", (name, base))
    }
}

impl Loader for Modules {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<Module<'js, Declared>> {
        let source = ask_prelude(ctx, "source", (name, ""))?;
        let module = Module::declare(ctx.clone(), name, source)?;
        if name.starts_with('/') {
            let meta = module.meta()?;
            let folder = name.rsplit_once('/').map_or("/", |(folder, _)| folder);
            meta.set("filename", name)?;
            meta.set("dirname", if folder.is_empty() { "/" } else { folder })?;
            meta.set("url", ask_prelude(ctx, "url", (name, ""))?)?;
        }
        Ok(module)
    }
}
