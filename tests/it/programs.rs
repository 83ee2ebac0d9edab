//! Configs that are programs, through the command line: where their talk goes, what runs them, what they cost others.

use pm_testkit::Home;

const CONFIG: &str = "console.log('talk'); process.stdout.write('more\\n'); console.error('loud');
module.exports = { apps: [{ name: 'web', script: '/bin/sleep', args: ['1000'], env: { BY: process.versions.quickjs ? 'builtin' : 'node' } }] };";

fn by(home: &Home) -> String {
    let described = home.run(["env", "web", "--json"]).ok().json();
    described["BY"].as_str().unwrap_or("nobody").to_owned()
}

#[test]
fn what_a_config_prints_is_talk() {
    let home = Home::new();
    home.file("ecosystem.config.js", CONFIG);
    for engine in ["builtin", "node"] {
        let run =
            home.run(["start", "ecosystem.config.js", "--json", "--config-runtime", engine]).ok();
        let outcomes = run.json();
        assert_eq!(outcomes[0]["name"], "web", "standard output is data: {}", run.out());
        for line in ["talk", "more", "loud"] {
            let run = home.run(["check", "ecosystem.config.js", "--config-runtime", engine]).ok();
            run.complains(line);
        }
        assert_eq!(by(&home), engine);
    }
}

#[test]
fn every_verb_that_takes_a_config_takes_a_program() {
    let home = Home::new();
    home.file("pm.config.cjs", CONFIG);
    for verb in ["start", "restart", "reload", "stop", "start", "delete"] {
        home.run([verb, "pm.config.cjs"]).ok();
    }
    assert!(home.rows().is_empty());
    // Without a word the file that lies here is taken.
    home.file("ecosystem.config.js", CONFIG);
    home.run(["start"]).ok();
    assert_eq!(home.rows().len(), 1);
}

#[test]
fn a_config_that_throws_starts_nothing() {
    let home = Home::new();
    home.file("ecosystem.config.js", "const a = 1;\nmodule.exports = { apps: [b] };\n");
    home.run(["start", "ecosystem.config.js", "--config-runtime", "builtin"])
        .ends(2)
        .complains("ecosystem.config.js:2:27: error: ReferenceError: b is not defined\n")
        .complains("nothing was done");
    home.run(["start", "ecosystem.config.js", "--config-runtime", "python"]).ends(2);
}
