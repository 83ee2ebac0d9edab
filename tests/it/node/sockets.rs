//! Unix sockets of workers of another user: made and removed with that user's rights, wherever the user leads us.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use pm_testkit::{Home, PATIENCE, signal};

const NOBODY: u32 = 65_534;

/// Asks the daemon itself for sockets, in words that Node would not always use.
const WORKER: &str = "
const fs = require('node:fs');
const { THEIRS: t, VICTIM: v, DEED } = process.env;
let seq = 1e6;
const waits = new Map();
process.on('internalMessage', (m) => {
  const done = waits.get(m.ack);
  waits.delete(m.ack);
  if (done) done(Math.abs(m.errno));
});
const ask = (address, addressType = -1) => new Promise((done) => {
  waits.set(++seq, done);
  process.send({ cmd: 'NODE_CLUSTER', act: 'queryServer', seq, address, port: -1, addressType, index: 0,
    readableAll: true, writableAll: true });
});
const close = (address) => {
  process.send({ cmd: 'NODE_CLUSTER', act: 'close', seq: ++seq, key: `${address}:-1:-1:` });
  return ask('an answer, after the one before', null);
};
const deeds = {
  async forms() {
    fs.mkdirSync(`${t}/a`);
    console.log('own', await ask(`${t}/a/file`));
    fs.renameSync(`${t}/a`, `${t}/b`);
    fs.symlinkSync(v, `${t}/a`);
    await close(`${t}/a/file`);
    console.log('own', await ask(`${t}/b/socket`));
    fs.unlinkSync(`${t}/b/socket`);
    fs.symlinkSync(`${v}/socket`, `${t}/b/socket`);
    await close(`${t}/b/socket`);
    console.log('own', await ask(`${t}/b/again`));
    fs.renameSync(`${t}/b`, `${t}/c`);
    fs.symlinkSync(v, `${t}/b`);
    fs.symlinkSync(`${v}/new-2`, `${t}/dangling`);
    fs.symlinkSync(`${v}/file`, `${t}/existing`);
    fs.symlinkSync(`${v}/socket`, `${t}/listened`);
    for (const path of [`${t}/b/new-1`, `${t}/dangling`, `${t}/existing`, `${t}/listened`, `${v}/new-3`, `${v}/file`,
      `${v}/socket`, `${t}/../victim/new-4`, `${t}/b/folder/new-5`, `${t}/b/folder/../new-6`, `${t}/b/./new-7`,
      'new-8', './new-9', '../new-10', `${t}/${'x'.repeat(200)}`, `${t}/new\\0`, '/', '.', '..', t, v, `${v}/`]) {
      console.log('refused', await ask(path));
      await close(path);
    }
    console.log('own', await ask(`\\0${t}`));
    await close(`\\0${t}`);
    console.log('end');
  },
  async serve() {
    fs.mkdirSync(`${t}/d`, { recursive: true });
    require('node:net').createServer((c) => c.on('error', () => {}).end('hello')).listen({ path: `${t}/d/socket`, writableAll: true });
  },
  async race() {
    fs.mkdirSync(`${t}/d`);
    const { Worker } = require('node:worker_threads');
    const swaps = new Int32Array(new SharedArrayBuffer(8));
    new Worker(`
      const fs = require('node:fs');
      const { swaps, t, v } = require('node:worker_threads').workerData;
      while (!swaps[1]) {
        fs.renameSync(t + '/d', t + '/e');
        fs.symlinkSync(v, t + '/d');
        fs.unlinkSync(t + '/d');
        fs.renameSync(t + '/e', t + '/d');
        Atomics.add(swaps, 0, 1);
      }`, { eval: true, workerData: { swaps, t, v } });
    const count = { made: 0 };
    for (let i = 0; count.made < 100 || swaps[0] < 1000; i++) {
      const path = `${t}/d/${['file', 'socket', 'new'][i % 3]}`;
      count.made += await ask(path) === 0;
      await close(path);
      try { fs.unlinkSync(path); } catch {}
    }
    swaps[1] = 1;
    console.log('end');
  },
};
deeds[DEED]();
setInterval(() => {}, 1e6);
";

/// A folder of root's, with what a stranger may see and nobody but root may change.
struct Victim {
    folder: PathBuf,
    before: BTreeMap<PathBuf, String>,
}

impl Victim {
    fn new(home: &Home) -> Self {
        let folder = home.work().join("victim");
        fs::create_dir_all(folder.join("folder")).unwrap();
        for (name, mode) in [("file", 0o600), ("folder/file", 0o644)] {
            home.file(Path::new("victim").join(name), "root's");
            fs::set_permissions(folder.join(name), Permissions::from_mode(mode)).unwrap();
        }
        // Bound and left, as by a service that is down for a moment.
        drop(std::os::unix::net::UnixListener::bind(folder.join("socket")).unwrap());
        fs::set_permissions(folder.join("socket"), Permissions::from_mode(0o600)).unwrap();
        let before = state(&folder);
        Self { folder, before }
    }

    fn is_as_before(&self, home: &Home) {
        let now = state(&self.folder);
        if now != self.before {
            home.fail(&format!("root's folder was\n{:#?}\nand is\n{now:#?}", self.before));
        }
    }
}

/// Everything in a folder, byte for byte and mode for mode.
fn state(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for path in
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).chain([folder])
        {
            let meta = path.symlink_metadata().unwrap();
            let bytes = meta.is_file().then(|| fs::read(&path).unwrap());
            if meta.is_dir() && !all.contains_key(&path) {
                folders.push(path.clone());
            }
            let about = (meta.ino(), meta.uid(), meta.gid(), meta.nlink(), bytes);
            all.insert(path, format!("{:o} {about:?}", meta.mode()));
        }
    }
    all
}

/// An app of nobody's with one worker.
fn start(home: &Home, deed: &str) -> (Victim, PathBuf) {
    assert!(rustix::process::geteuid().is_root(), "this test becomes another user: run it as root");
    home.open_to_others();
    let victim = Victim::new(home);
    let theirs = home.work().join("theirs");
    fs::create_dir(&theirs).unwrap();
    chown(&theirs, Some(NOBODY), Some(NOBODY)).unwrap();
    home.file("worker.js", WORKER);
    let config = format!(
        "{{ name: 'web', script: 'worker.js', exec_mode: 'cluster', instances: 1, uid: {NOBODY}, gid: {NOBODY}, \
         merge_logs: true, env: {{ THEIRS: '{}', VICTIM: '{}', DEED: '{deed}' }} }}",
        theirs.display(),
        victim.folder.display()
    );
    home.file("web.json5", config);
    home.run(["start", "web.json5", "--no-wait"]).ok();
    (victim, theirs)
}

fn is_socket(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.file_type().is_socket())
}

#[test]
fn a_worker_of_another_user_leads_root_nowhere() {
    let home = Home::new();
    let (victim, _) = start(&home, "forms");
    let log = home.wait_file(home.home().logs().join("web-out.log"), |log| log.ends_with(b"end\n"));
    victim.is_as_before(&home);
    let log = String::from_utf8(log).unwrap();
    for line in log.lines() {
        let fits = match line.split_once(' ') {
            Some(("own", errno)) => errno == "0",
            Some(("refused", errno)) => errno != "0",
            _ => line == "end",
        };
        assert!(fits, "{line} in {log}");
    }
    home.run(["stop", "web"]).ok();
    victim.is_as_before(&home);
}

#[test]
fn a_folder_that_becomes_a_link_while_root_makes_and_removes_sockets_in_it() {
    let home = Home::new();
    let (victim, _) = start(&home, "race");
    home.wait_file(home.home().logs().join("web-out.log"), |log| log.ends_with(b"end\n"));
    home.run(["stop", "web"]).ok();
    victim.is_as_before(&home);
}

#[test]
fn a_stop_removes_the_socket_of_another_user_and_only_that() {
    let home = Home::new();
    let (victim, theirs) = start(&home, "serve");
    let (folder, socket) = (theirs.join("d"), theirs.join("d/socket"));
    let call = || {
        let caller = UnixStream::connect(&socket).ok()?;
        caller.set_read_timeout(Some(PATIENCE)).unwrap();
        let peer = rustix::net::sockopt::socket_peercred(&caller).unwrap();
        Some((peer.uid.as_raw(), std::io::read_to_string(caller).ok()?))
    };
    let listens = || call().is_some_and(|(_, said)| said == "hello");
    home.wait_until("an answer", listens);
    let meta = socket.metadata().unwrap();
    assert_eq!((meta.uid(), meta.gid(), meta.mode() & 0o222), (NOBODY, NOBODY, 0o222));
    assert_eq!(call(), Some((NOBODY, "hello".into())), "who listens is not root");
    // With nobody in the way it goes with its app.
    home.run(["stop", "web"]).ok();
    home.wait_until("no socket", || !socket.exists());
    // With the folder elsewhere it stays there, also where the daemon knows it from the one before.
    for is_killed in [false, true] {
        home.run(["start", "web", "--no-wait"]).ok();
        home.wait_until("an answer", listens);
        if is_killed {
            let before = home.hello();
            signal(before.pid, 9);
            home.wait_until("a new daemon", || home.hello().incarnation > before.incarnation);
        }
        let away = theirs.join(format!("away-{is_killed}"));
        fs::rename(&folder, &away).unwrap();
        symlink(&victim.folder, &folder).unwrap();
        home.run(["stop", "web"]).ok();
        // Sockets are closed in the order in which they are asked for: this one is later than that.
        home.run(["delete", "web"]).ok();
        home.run(["start", "web.json5", "--no-wait"]).ok();
        home.wait_until("refused", || home.rows().iter().any(|row| row.restarts > 0));
        victim.is_as_before(&home);
        home.run(["stop", "web"]).ok();
        victim.is_as_before(&home);
        assert!(is_socket(&away.join("socket")));
        fs::remove_file(&folder).unwrap();
    }
}
