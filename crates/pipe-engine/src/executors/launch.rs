//! A program in the form in which the kernel takes it: texts that end in zero, candidates for its path, descriptors.
//!
//! Does not start it.

use std::{
    borrow::Cow,
    cell::Cell,
    env,
    ffi::{CStr, CString, OsStr, OsString, c_char},
    io,
    os::{
        fd::BorrowedFd,
        unix::ffi::{OsStrExt as _, OsStringExt as _},
    },
    ptr,
};

use super::Program;

/// A program as `execve` takes it. Nothing is allocated between its making and the start.
pub(super) struct Launch<'l> {
    /// Where the program may lie, in the order of `PATH`.
    pub candidates: Vec<CString>,
    /// Its name first.
    pub arguments: Vec<CString>,
    /// `NAME=VALUE`.
    pub environment: Vec<Cow<'l, CStr>>,
    pub folder: CString,
    /// Standard input, output and error, and perhaps one more, in the order of their numbers.
    pub descriptors: Vec<BorrowedFd<'l>>,
    /// The `cgroup.procs` of the group that the program enters.
    pub cgroup: Option<BorrowedFd<'l>>,
}

/// Pointers to the texts of a launch, each list with a null at its end, but for the candidates.
pub(super) struct Texts {
    pub candidates: Vec<*const c_char>,
    pub arguments: Vec<*const c_char>,
    pub environment: Vec<*const c_char>,
    /// `/bin/sh CANDIDATE ARGUMENTS`, for scripts that name no interpreter; the second is to be filled in.
    pub script: Vec<Cell<*const c_char>>,
}

/// The environment of this process, which every child inherits; read once.
pub(super) struct Inherited(Vec<(OsString, CString)>);

impl Inherited {
    pub(super) fn new() -> Self {
        let ended = |(name, value): (OsString, OsString)| Some((name.clone(), assigned(&name, &value).ok()?));
        Self(env::vars_os().filter_map(ended).collect())
    }
}

impl<'l> Launch<'l> {
    /// # Errors
    /// A text holds a zero.
    pub(super) fn new(
        program: &Program,
        inherited: &'l Inherited,
        descriptors: Vec<BorrowedFd<'l>>,
        cgroup: Option<BorrowedFd<'l>>,
    ) -> io::Result<Self> {
        let given = |name: &OsStr| program.environment.iter().rev().find(|(given, _)| OsStr::new(given) == name);
        let kept = inherited.0.iter().filter(|(name, _)| given(name).is_none());
        let mut environment: Vec<_> = kept.map(|(_, text)| Cow::Borrowed(text.as_c_str())).collect();
        for (at, (name, value)) in program.environment.iter().enumerate() {
            // Of two values the last one counts, while `getenv` finds the first.
            if program.environment[at + 1..].iter().any(|(later, _)| later == name) {
                continue;
            }
            environment.push(Cow::Owned(assigned(OsStr::new(name), OsStr::new(value))?));
        }
        let path = given(OsStr::new("PATH")).map(|(_, value)| OsString::from(value)).or_else(|| env::var_os("PATH"));
        let name = program.program.as_os_str();
        let mut arguments = vec![ended(name)?];
        for argument in &program.arguments {
            arguments.push(ended(OsStr::new(argument))?);
        }
        let (folder, candidates) = (ended(program.folder.as_os_str())?, candidates(name, path)?);
        Ok(Self { candidates, arguments, environment, folder, descriptors, cgroup })
    }
}

impl Launch<'_> {
    /// What `execve` reads; lives no longer than the launch.
    pub(super) fn texts(&self) -> Texts {
        let candidates = self.candidates.iter().map(|text| text.as_ptr());
        let arguments = self.arguments.iter().map(|text| text.as_ptr()).chain([ptr::null()]);
        let environment = self.environment.iter().map(|text| text.as_ptr()).chain([ptr::null()]);
        let script = [c"/bin/sh".as_ptr(), ptr::null()].into_iter().chain(arguments.clone().skip(1));
        Texts {
            script: script.map(Cell::new).collect(),
            candidates: candidates.collect(),
            arguments: arguments.collect(),
            environment: environment.collect(),
        }
    }
}

/// A path as it is, relative to the program's folder; a name in each folder of `PATH`.
fn candidates(name: &OsStr, path: Option<OsString>) -> io::Result<Vec<CString>> {
    if name.as_bytes().contains(&b'/') {
        return Ok(vec![ended(name)?]);
    }
    if name.is_empty() {
        return Ok(Vec::new());
    }
    let path = path.unwrap_or_else(|| OsString::from("/bin:/usr/bin"));
    let within = |folder: &[u8]| {
        let folder = if folder.is_empty() { b"." } else { folder };
        ended(OsStr::from_bytes(&[folder, b"/", name.as_bytes()].concat()))
    };
    path.as_bytes().split(|byte| *byte == b':').map(within).collect()
}

fn assigned(name: &OsStr, value: &OsStr) -> io::Result<CString> {
    ended(OsStr::from_bytes(&[name.as_bytes(), b"=", value.as_bytes()].concat()))
}

fn ended(text: &OsStr) -> io::Result<CString> {
    Ok(CString::new(text.to_os_string().into_vec())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, path: Option<&str>, expected: &[&str]) {
        let found = candidates(OsStr::new(name), path.map(OsString::from)).expect("no zeros");
        let found: Vec<_> = found.iter().map(|text| text.to_str().expect("text")).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn programs_are_looked_for_as_shells_do() {
        check("true", Some("/a:/b"), &["/a/true", "/b/true"]);
        check("true", None, &["/bin/true", "/usr/bin/true"]);
        check("true", Some("/a:"), &["/a/true", "./true"]);
        check("./x", Some("/a"), &["./x"]);
        check("", Some("/a"), &[]);
    }
}
