//! App objects in the statements of a Python file: assigned, imported, made by a function, or functions themselves.

use std::collections::BTreeMap;

use crate::proposal::Stack;
use crate::python_kinds::{FACTORIES, made_by};
use crate::python_text::{PyStatement, PyToken};

/// Something a server could be told to serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AppObject {
    /// Its name in the module.
    pub(crate) name: String,
    /// What it is; none: whatever a function or another module makes of it.
    pub(crate) stack: Option<Stack>,
    /// Whether it is a function that makes one.
    pub(crate) is_factory: bool,
    /// What has to be given to that function.
    pub(crate) needs: Vec<String>,
    pub(crate) line: usize,
    /// What stands there.
    pub(crate) words: String,
}

/// What names mean: the name here, and the full name of what is imported.
pub(crate) type Imports = BTreeMap<String, String>;

/// What a statement imports.
pub(crate) fn imports(one: &PyStatement<'_>, into: &mut Imports) {
    let mut words = one.tokens.iter().copied().filter(|token| !token.is('(') && !token.is(')'));
    let first = words.next().and_then(PyToken::name);
    let rest: Vec<_> = words.collect();
    match first {
        Some("import") => {
            for part in rest.split(|token| token.is(',')) {
                let (full, alias) = named(part);
                let top = full.split('.').next().unwrap_or_default().to_owned();
                match alias {
                    Some(alias) => into.insert(alias, full),
                    None => into.insert(top.clone(), top),
                };
            }
        }
        Some("from") => {
            let Some(at) = rest.iter().position(|token| token.is_word("import")) else { return };
            let (module, names) = rest.split_at(at);
            let (module, _) = named(module);
            for part in names.get(1..).unwrap_or_default().split(|token| token.is(',')) {
                let (name, alias) = named(part);
                into.insert(alias.unwrap_or_else(|| name.clone()), format!("{module}.{name}"));
            }
        }
        Some(_) | None => {}
    }
}

/// `a.b as c`.
fn named(part: &[PyToken<'_>]) -> (String, Option<String>) {
    let at = part.iter().position(|token| token.is_word("as")).unwrap_or(part.len());
    let (full, alias) = part.split_at(at);
    (dotted(full).0, alias.get(1).and_then(|token| token.name()).map(String::from))
}

/// A name with dots at the beginning of these tokens, and how many tokens it takes.
pub(crate) fn dotted(tokens: &[PyToken<'_>]) -> (String, usize) {
    let mut name = String::new();
    let mut taken = 0;
    for token in tokens {
        match token {
            PyToken::Name(word) if name.is_empty() || name.ends_with('.') => name.push_str(word),
            PyToken::Sign('.') => name.push('.'),
            PyToken::Name(_) | PyToken::Number(_) | PyToken::Text(_) | PyToken::Sign(_) => break,
        }
        taken += 1;
    }
    (name, taken)
}

/// The full name of what is called at the beginning of these tokens: `fl.Flask(` with `import flask as fl` is `flask.Flask`.
pub(crate) fn called(tokens: &[PyToken<'_>], imports: &Imports) -> Option<String> {
    let (name, taken) = dotted(tokens);
    let is_call = tokens.get(taken).is_some_and(|token| token.is('('));
    (is_call && !name.is_empty()).then(|| full(&name, imports))
}

fn full(name: &str, imports: &Imports) -> String {
    let (top, rest) = name.split_once('.').map_or((name, None), |(top, rest)| (top, Some(rest)));
    let top = imports.get(top).map_or(top, String::as_str);
    rest.map_or_else(|| top.to_owned(), |rest| format!("{top}.{rest}"))
}

/// The object that a statement of the module itself makes.
pub(crate) fn object(
    one: &PyStatement<'_>,
    imports: &Imports,
    known: &[AppObject],
) -> Option<AppObject> {
    if one.indent > 0 {
        return None;
    }
    if one.tokens.first()?.is_word("with") {
        return opened(one, imports);
    }
    let name = one.tokens.first()?.name()?;
    let at = one.tokens.iter().position(|token| token.is('='))?;
    let is_plain = at == 1 || one.tokens.get(1)?.is(':');
    let value = one.tokens.get(at + 1..)?;
    if !is_plain || value.first()?.is('=') {
        return None;
    }
    let made = |stack, words: &str| AppObject {
        name: name.into(),
        stack,
        is_factory: false,
        needs: Vec::new(),
        line: one.line,
        words: format!("{name} = {words}"),
    };
    let Some(call) = called(value, imports) else {
        let (of, _) = dotted(value);
        return (of.ends_with(".server") && imports.values().any(|it| it.starts_with("dash")))
            .then(|| made(Some(Stack::Wsgi), &of));
    };
    let last = call.rsplit('.').next().unwrap_or_default();
    let shown = dotted(value).0 + "(...)";
    if let Some(stack) = made_by(&call) {
        return Some(made(Some(stack), &shown));
    }
    // `app = socketio.ASGIApp(sio, app)`, `app = ProxyFix(app)`: what is wrapped says what it is.
    let wraps = || {
        let mut inner = value.iter().filter_map(|token| token.name());
        inner.find_map(|word| known.iter().find(|it| it.name == word && !it.is_factory))
    };
    if let Some(inner) = wraps().filter(|_| last.chars().next().is_some_and(char::is_uppercase)) {
        return Some(made(inner.stack, &shown));
    }
    FACTORIES.contains(&last).then(|| made(None, &shown))
}

/// `with gr.Blocks() as demo:`.
fn opened(one: &PyStatement<'_>, imports: &Imports) -> Option<AppObject> {
    let call = called(one.tokens.get(1..)?, imports)?;
    let at = one.tokens.iter().rposition(|token| token.is_word("as"))?;
    let name = one.tokens.get(at + 1)?.name()?;
    let stack = Some(made_by(&call)?);
    let words = format!("with {call}(...) as {name}");
    let (name, needs) = (name.into(), Vec::new());
    Some(AppObject { name, stack, is_factory: false, needs, line: one.line, words })
}

/// A function of the module that is an app or makes one; `body` is what follows.
pub(crate) fn function(
    one: &PyStatement<'_>,
    body: &[PyStatement<'_>],
    imports: &Imports,
) -> Option<AppObject> {
    let is_async = one.tokens.first()?.is_word("async");
    let words = one.tokens.get(usize::from(is_async)..)?;
    if one.indent > 0 || !words.first()?.is_word("def") {
        return None;
    }
    let name = words.get(1)?.name()?;
    let (all, needs) = parameters(words);
    let words = format!("def {name}({})", all.join(", "));
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    let plain = match (all.as_slice(), is_async) {
        ([_, "start_response"], false) => Some(Stack::Wsgi),
        (["environ" | "env", _], false) if ["app", "application"].contains(&name) => {
            Some(Stack::Wsgi)
        }
        (["scope", "receive", "send"], true) => Some(Stack::Asgi),
        _ => None,
    };
    let line = one.line;
    let own = AppObject {
        name: name.into(),
        stack: plain,
        is_factory: plain.is_none(),
        needs,
        line,
        words,
    };
    if plain.is_some() {
        return Some(AppObject { needs: Vec::new(), ..own });
    }
    let inside = body.iter().take_while(|one| one.indent > 0);
    let stack = inside.flat_map(|one| (0..one.tokens.len()).map(move |at| (one, at)));
    let mut stack = stack.filter_map(|(one, at)| {
        let is_inner = at > 0 && one.tokens.get(at - 1).is_some_and(|token| token.is('.'));
        called(one.tokens.get(at..)?, imports).filter(|_| !is_inner)
    });
    let stack = stack.find_map(|call| made_by(&call));
    FACTORIES.contains(&name).then_some(AppObject { stack, ..own })
}

/// The names of parameters, and of those without a value.
fn parameters(words: &[PyToken<'_>]) -> (Vec<String>, Vec<String>) {
    let mut depth = 0_usize;
    let mut parts: Vec<Vec<PyToken<'_>>> = vec![Vec::new()];
    for token in words.iter().skip(2) {
        depth = match token {
            PyToken::Sign('(' | '[' | '{') => depth + 1,
            PyToken::Sign(')' | ']' | '}') => depth.saturating_sub(1),
            PyToken::Name(_) | PyToken::Number(_) | PyToken::Text(_) | PyToken::Sign(_) => depth,
        };
        match (depth, token) {
            (0, _) => break,
            (1, PyToken::Sign(',')) => parts.push(Vec::new()),
            _ => parts.iter_mut().last().into_iter().for_each(|part| part.push(*token)),
        }
    }
    let (mut all, mut needs) = (Vec::new(), Vec::new());
    for part in parts {
        let is_rest = part.iter().any(|token| token.is('*'));
        let Some(name) = part.iter().find_map(|token| token.name()) else { continue };
        all.push(name.to_owned());
        if !is_rest && !part.iter().any(|token| token.is('=')) {
            needs.push(name.to_owned());
        }
    }
    (all, needs)
}
