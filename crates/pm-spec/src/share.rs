//! What apps have in common is kept once: most of a thousand are alike in all but their names and files.

use crate::{AppSpec, ByteString};

impl AppSpec {
    /// Keeps one copy of each text that is equal in both.
    pub fn share(&mut self, other: &Self) {
        self.env.share(&other.env);
        self.namespace.share(&other.namespace);
        for (own, others) in [
            (&mut self.script, &other.script),
            (&mut self.cwd, &other.cwd),
            (&mut self.instance_var, &other.instance_var),
        ] {
            own.share(others);
        }
        for (own, others) in [
            (&mut self.project, &other.project),
            (&mut self.interpreter, &other.interpreter),
            (&mut self.increment_var, &other.increment_var),
            (&mut self.version, &other.version),
            (&mut self.source, &other.source),
        ] {
            share_all(own, others);
        }
        for (own, others) in [
            (&mut self.interpreter_args, &other.interpreter_args),
            (&mut self.args, &other.args),
            (&mut self.declared_env, &other.declared_env),
            (&mut self.hidden_env, &other.hidden_env),
            (&mut self.derived, &other.derived),
        ] {
            share_all(own, others);
        }
    }
}

fn share_all<'a>(
    own: impl IntoIterator<Item = &'a mut ByteString>,
    others: impl IntoIterator<Item = &'a ByteString>,
) {
    for (own, other) in own.into_iter().zip(others) {
        own.share(other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AppName;

    #[test]
    fn what_is_equal_is_kept_once_and_what_is_not_stays() {
        let app = |name: &str, word: &str| {
            let mut app = AppSpec::new(AppName::parse(name).unwrap(), "/bin/app", "/srv");
            app.args = alloc::vec!["serve".into(), word.into()];
            app.source = Some("/srv/apps.json".into());
            app.env.set("A", "1");
            app
        };
        let (one, mut two, unshared) = (app("a", "x"), app("b", "y"), app("b", "y"));
        two.share(&one);
        assert_eq!(two, unshared, "it says what it said");
        let at = |text: &ByteString| text.as_bytes().as_ptr();
        assert_eq!(at(&one.script), at(&two.script));
        assert_eq!(at(&one.args[0]), at(&two.args[0]));
        assert_eq!(one.source.as_ref().map(at), two.source.as_ref().map(at));
        assert_eq!(one.namespace.as_str().as_ptr(), two.namespace.as_str().as_ptr());
        assert_ne!(at(&one.args[1]), at(&two.args[1]));
    }
}
