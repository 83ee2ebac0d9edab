//! Makes few files of the page's many, compresses them, and gives the whole set a name made from its bytes, so that browsers
//! may keep it for ever.

mod bundle;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::{env, fs};

use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest};
use flate2::{Compression, write::GzEncoder};

/// Modules that are asked for by themselves; all others are in these.
const ROOTS: [&str; 2] = ["main.js", "plots.js"];

fn main() -> io::Result<()> {
    let folder = Path::new("assets");
    println!("cargo::rerun-if-changed=assets");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=bundle.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    let mut hash = Blake2b::<U16>::new();
    for path in &files {
        hash.update(path.to_string_lossy().as_bytes());
        hash.update(fs::read(path)?);
    }
    let set: String = hash.finalize().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").ok();
        text
    });
    let mut table = format!("pub(crate) const SET: &str = {set:?};\n");
    table += "pub(crate) static FILES: &[(&str, &[u8])] = &[\n";
    for (number, path) in files.iter().enumerate() {
        let name = path.strip_prefix(folder).map_err(io::Error::other)?.to_string_lossy();
        let Some(bytes) = served(folder, path, &name, &set)? else { continue };
        let mut zip = GzEncoder::new(Vec::new(), Compression::best());
        zip.write_all(&bytes)?;
        fs::write(out.join(format!("{number}.gz")), zip.finish()?)?;
        writeln!(
            table,
            "    ({name:?}, include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{number}.gz\"))),"
        )
        .ok();
    }
    fs::write(out.join("assets.rs"), table + "];\n")
}

/// A file as it is sent; `None`: it is part of another.
fn served(folder: &Path, path: &Path, name: &str, set: &str) -> io::Result<Option<Vec<u8>>> {
    Ok(Some(match name {
        "index.html" => {
            fs::read_to_string(path)?.replace("/assets/", &format!("/assets/{set}/")).into_bytes()
        }
        "app.css" => {
            let plots = fs::read(folder.join("vendor/uplot/uPlot.css"))?;
            [plots, fs::read(path)?].concat()
        }
        // It runs before anything is drawn.
        "theme.js" => fs::read(path)?,
        _ if ROOTS.contains(&name) => bundle::bundle(folder, name)?.into_bytes(),
        _ if path.extension().is_some_and(|it| it == "js" || it == "css") => return Ok(None),
        _ => fs::read(path)?,
    }))
}

/// All files below a folder but those that are for people who read the source.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if !path.to_string_lossy().ends_with(".md") {
            files.push(path);
        }
    }
    Ok(())
}
