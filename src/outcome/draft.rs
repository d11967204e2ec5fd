//! Files that a command saves.

use std::{
    io::{self, Write},
    path::Path,
};

use tempfile::NamedTempFile;

/// Who can read a saved file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Its owner: the file may hold personal data.
    Owner,
    /// Everybody who can read a new file of this user.
    AsUsual,
}

/// A file that gets its name when it is complete, so that no process reads half of it.
pub(crate) struct Draft(NamedTempFile);

impl Draft {
    /// An empty file beside `path`, in the same file system.
    pub(crate) fn beside(path: &Path, readers: Readers) -> io::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        builder(readers).tempfile_in(folder.unwrap_or(Path::new("."))).map(Self)
    }

    /// Gives the file its name. A file that has it is replaced with `force`, else that is an error.
    pub(crate) fn keep(self, path: &Path, force: bool) -> io::Result<()> {
        self.0.as_file().sync_all()?;
        let kept = if force { self.0.persist(path) } else { self.0.persist_noclobber(path) };
        kept.map(drop).map_err(|error| error.error)
    }
}

#[cfg(unix)]
fn builder(readers: Readers) -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    if readers == Readers::AsUsual {
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    }
    builder
}

/// The permissions of the folder apply.
#[cfg(not(unix))]
fn builder(_: Readers) -> tempfile::Builder<'static, 'static> {
    tempfile::Builder::new()
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Saves a file, completely or not at all. One that exists is replaced with `force`, else that is an
/// error.
pub(crate) fn save(path: &Path, content: &[u8], readers: Readers, force: bool) -> io::Result<()> {
    let mut draft = Draft::beside(path, readers)?;
    draft.write_all(content)?;
    draft.keep(path, force)
}
