//! What a path means on this site: a file, a list, a way around, or nothing. It blocks on the disk and never waits for
//! anything else; what was opened is checked, so that no link swapped meanwhile leads out.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

use crate::listing::{self, ListedFile};
use crate::site::{Links, Site};
use crate::url_path::UrlPath;

/// A regular file, open.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) file: File,
    /// As it is named below the folder, for its kind.
    pub(crate) name: PathBuf,
    pub(crate) size: u64,
    pub(crate) changed: Option<SystemTime>,
}

/// What there is.
#[derive(Debug)]
pub(crate) enum Resolved {
    /// What was asked for, or what stands for it.
    Page(Page),
    /// The site's own page for what is not there.
    Instead(Page),
    /// A list of a folder, as HTML.
    List(String),
    /// The same with a slash at its end, so that links in it work.
    Folder(String),
    /// Nothing.
    Missing,
    /// Something that is not for others.
    Forbidden,
    /// The disk did not do it.
    Broken(io::Error),
}

/// One look at the disk.
enum FileLookup {
    File(Page),
    Folder(OwnedFd),
    Absent,
    Forbidden,
    Broken(io::Error),
}

/// Finds what is asked for.
pub(crate) fn find(site: &Site, wanted: &UrlPath) -> Resolved {
    let root = match open(CWD, &site.root, OFlags::DIRECTORY) {
        Ok(root) => root,
        Err(error) => return Resolved::Broken(error.into()),
    };
    let root = OpenRoot { site, folder: root };
    if wanted.is_hidden && !site.hidden {
        return root.instead(wanted);
    }
    match root.look(&wanted.path) {
        FileLookup::File(page) => Resolved::Page(page),
        FileLookup::Folder(folder) => root.folder(wanted, &folder),
        FileLookup::Absent => root.instead(wanted),
        FileLookup::Forbidden => Resolved::Forbidden,
        FileLookup::Broken(error) => Resolved::Broken(error),
    }
}

/// The site as it lies on the disk just now.
struct OpenRoot<'a> {
    site: &'a Site,
    folder: OwnedFd,
}

impl OpenRoot<'_> {
    fn look(&self, path: &Path) -> FileLookup {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        // What is no file could keep us waiting: a FIFO is opened without.
        let opened = match open(&self.folder, path, OFlags::NONBLOCK) {
            Ok(opened) => opened,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG) => return FileLookup::Absent,
            Err(Errno::ACCESS | Errno::PERM | Errno::LOOP | Errno::NXIO) => {
                return FileLookup::Forbidden;
            }
            Err(error) => return FileLookup::Broken(error.into()),
        };
        match self.site.links {
            Links::Inside if !is_below(&self.folder, &opened) => return FileLookup::Forbidden,
            Links::Inside | Links::Anywhere => {}
        }
        let file = File::from(opened);
        match file.metadata() {
            Ok(meta) if meta.is_dir() => FileLookup::Folder(file.into()),
            Ok(meta) if meta.is_file() => {
                let changed = meta.modified().ok();
                FileLookup::File(Page { file, name: path.into(), size: meta.len(), changed })
            }
            Ok(_) => FileLookup::Forbidden,
            Err(error) => FileLookup::Broken(error),
        }
    }

    fn page(&self, path: &Path) -> Option<Page> {
        if let FileLookup::File(page) = self.look(path) { Some(page) } else { None }
    }

    fn folder(&self, wanted: &UrlPath, folder: &OwnedFd) -> Resolved {
        let is_home = wanted.path.as_os_str().is_empty();
        let index = if is_home && !self.site.listing {
            PathBuf::from(&self.site.homepage)
        } else {
            wanted.path.join("index.html")
        };
        let page = self.page(&index);
        if page.is_none() && !self.site.listing {
            return self.instead(wanted);
        }
        if !is_home && !wanted.has_slash {
            return Resolved::Folder(wanted.as_folder());
        }
        match page {
            Some(page) => Resolved::Page(page),
            None => match listed(folder, self.site.hidden) {
                Ok(lines) => Resolved::List(listing::page(&wanted.as_folder(), lines)),
                Err(error) => Resolved::Broken(error),
            },
        }
    }

    /// What stands for something that is not there. In a single-page application that is a file of the same name
    /// directly below the folder (PM2: scripts are asked for relative to a page that is none), then the home page.
    fn instead(&self, wanted: &UrlPath) -> Resolved {
        if self.site.spa {
            let base = wanted.base().filter(|_| !wanted.is_hidden);
            let page = base.and_then(|base| self.page(base));
            if let Some(page) = page.or_else(|| self.page(Path::new(&self.site.homepage))) {
                return Resolved::Page(page);
            }
        }
        self.page(Path::new("404.html")).map_or(Resolved::Missing, Resolved::Instead)
    }
}

fn open(folder: impl std::os::fd::AsFd, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    openat(folder, path, OFlags::RDONLY | OFlags::CLOEXEC | flags, Mode::empty())
}

/// Whether what was opened lies below the folder (or is it), by the kernel's own word and not by its name.
fn is_below(root: &OwnedFd, opened: &OwnedFd) -> bool {
    let path = |fd: &OwnedFd| std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()));
    match (path(root), path(opened)) {
        (Ok(root), Ok(opened)) => opened.starts_with(root),
        (_, _) => false,
    }
}

/// The files and folders of a folder. What can't be looked at is left out, as PM2 does.
fn listed(folder: &OwnedFd, hidden: bool) -> io::Result<Vec<ListedFile>> {
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(format!("/proc/self/fd/{}", folder.as_raw_fd()))? {
        let entry = entry?;
        let name = entry.file_name();
        if !hidden && name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if let Ok(meta) = std::fs::metadata(entry.path()) {
            let size = (!meta.is_dir()).then_some(meta.len());
            lines.push(ListedFile { name, size, changed: meta.modified().ok() });
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn site(root: &Path) -> Site {
        let mut site = Site::of(|_| None).unwrap();
        site.root = root.into();
        site
    }

    fn shown(site: &Site, url: &str) -> String {
        match find(site, &UrlPath::parse(url).unwrap()) {
            Resolved::Page(page) => io::read_to_string(page.file).unwrap(),
            Resolved::Instead(page) => format!("404 {}", io::read_to_string(page.file).unwrap()),
            Resolved::List(html) => format!("list {}", html.matches("<tr>").count()),
            Resolved::Folder(to) => format!("to {to}"),
            Resolved::Missing => "missing".into(),
            Resolved::Forbidden => "forbidden".into(),
            Resolved::Broken(error) => format!("broken {error}"),
        }
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir_all(root.join("docs/empty dir")).unwrap();
        for name in ["index.html", "main.js", ".env", "docs/index.html", "docs/a.txt"] {
            fs::write(root.join(name), name).unwrap();
        }
        fs::write(folder.path().join("secret"), "secret").unwrap();
        folder
    }

    #[test]
    fn files_folders_and_what_is_not_there() {
        let folder = folder();
        let mut site = site(&folder.path().join("root"));
        for (url, found) in [
            ("/", "index.html"),
            ("/main.js", "main.js"),
            ("/docs", "to /docs/"),
            ("/docs/", "docs/index.html"),
            ("/docs/empty%20dir", "missing"),
            ("/nosuch", "missing"),
            ("/main.js/x", "missing"),
            ("/.env", "missing"),
        ] {
            assert_eq!(shown(&site, url), found, "{url}");
        }
        fs::write(site.root.join("404.html"), "none").unwrap();
        assert_eq!(shown(&site, "/nosuch"), "404 none");
        site.listing = true;
        assert_eq!(shown(&site, "/docs/empty%20dir"), "to /docs/empty%20dir/");
        assert!(shown(&site, "/docs/empty%20dir/").starts_with("list"));
        site.hidden = true;
        assert_eq!(shown(&site, "/.env"), ".env");
    }

    #[test]
    fn a_single_page_application_has_a_page_for_everything() {
        let folder = folder();
        let mut site = site(&folder.path().join("root"));
        site.spa = true;
        for (url, found) in [
            ("/users/7", "index.html"),
            ("/users/main.js", "main.js"),
            ("/users/.env", "index.html"),
            ("/docs/", "docs/index.html"),
            ("/docs/empty%20dir/", "index.html"),
        ] {
            assert_eq!(shown(&site, url), found, "{url}");
        }
        site.homepage = "nosuch.html".into();
        assert_eq!(shown(&site, "/users/7"), "missing");
    }

    #[test]
    fn links_end_inside_or_are_not_followed() {
        let folder = folder();
        let mut site = site(&folder.path().join("root"));
        symlink("main.js", site.root.join("inside")).unwrap();
        symlink(site.root.join("docs"), site.root.join("absolute")).unwrap();
        symlink("../secret", site.root.join("out")).unwrap();
        symlink(folder.path(), site.root.join("up")).unwrap();
        symlink("loop", site.root.join("loop")).unwrap();
        for (url, found) in [
            ("/inside", "main.js"),
            ("/absolute/a.txt", "docs/a.txt"),
            ("/out", "forbidden"),
            ("/up/secret", "forbidden"),
            ("/up/", "forbidden"),
            ("/loop", "forbidden"),
        ] {
            assert_eq!(shown(&site, url), found, "{url}");
        }
        site.links = Links::Anywhere;
        assert_eq!(shown(&site, "/up/secret"), "secret");
    }

    #[test]
    fn a_folder_that_is_a_link_may_change() {
        let folder = folder();
        let link = folder.path().join("current");
        symlink("root", &link).unwrap();
        let site = site(&link);
        assert_eq!(shown(&site, "/main.js"), "main.js");
        fs::create_dir(folder.path().join("next")).unwrap();
        fs::write(folder.path().join("next/main.js"), "next").unwrap();
        fs::remove_file(&link).unwrap();
        symlink("next", &link).unwrap();
        assert_eq!(shown(&site, "/main.js"), "next");
        fs::remove_file(&link).unwrap();
        assert!(shown(&site, "/main.js").starts_with("broken"));
    }

    #[test]
    fn only_regular_files_are_read() {
        let folder = folder();
        let site = site(&folder.path().join("root"));
        let pipe = site.root.join("pipe");
        rustix::fs::mknodat(CWD, &pipe, rustix::fs::FileType::Fifo, Mode::RWXU, 0).unwrap();
        let socket = std::os::unix::net::UnixListener::bind(site.root.join("socket")).unwrap();
        assert_eq!(shown(&site, "/pipe"), "forbidden");
        assert_eq!(shown(&site, "/socket"), "forbidden");
        drop(socket);
    }
}
