//! PM2's files under hostile input.

use pm_config::Caller;
use pm_fuzz::FuzzTarget;
use pm_spec::Environment;

use crate::dump;
use crate::settings::words;

#[test]
fn fuzz_pm2_dumps() {
    let caller = Caller::new("/srv".into(), Environment::new(), "/home/you/.pm".into());
    let target = FuzzTarget::new("pm2_dumps").samples_in("fixtures/fuzz/samples/dump.pm2");
    target.words("\"name\": \"pm_exec_path\": \"exec_interpreter\": \"instances\": \"env\": null -1 1e99")
        .longest(4096)
        .runs(400)
        .memory(1024, 16 << 20)
        .run(|bytes| {
            let Ok(records) = dump::records(&String::from_utf8_lossy(bytes)) else { return };
            drop(dump::rounds(&records, &caller));
        });
}

#[test]
fn fuzz_words_of_a_line() {
    let target = FuzzTarget::new("words_of_a_line").sample("pm2 set 'a b' \"c\\\"d\" e\\ f");
    target.run(|bytes| drop(words(&String::from_utf8_lossy(bytes))));
}
