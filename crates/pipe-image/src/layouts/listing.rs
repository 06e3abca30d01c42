//! What layouts share: folders of official parts, lists of picture files without strays, pairs of sizes.
//! It does not know any naming rule.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::case::Part;
use crate::formats::{self, FormatError, Header};
use crate::pattern::Pattern;
use crate::problem::{DataProblem, What};

/// Whether cases need masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Masks {
    /// An image without a mask is a problem.
    #[default]
    Required,
    /// An image without a mask is a case without a mask.
    Optional,
    /// An image without a mask is no case.
    LeaveOut,
}

/// The folders of the official parts, relative to the root.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Parts {
    /// `train` or `training`; `validation`, `val` or `valid`; `test` or `testing`, as far as they exist; else the root itself.
    #[default]
    Auto,
    /// No parts: all cases lie directly under the root.
    None,
    /// These folders.
    Folders(BTreeMap<Part, String>),
}

/// A folder that holds cases of one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartFolder {
    /// The part, if it is an official one.
    pub(super) part: Option<Part>,
    /// The folder relative to the root, with a `/` at its end, or empty.
    pub(super) prefix: String,
}

impl PartFolder {
    /// Gives the case id for a name: official parts may number their cases alike.
    pub(super) fn case_id(&self, name: &str) -> String {
        let name = name.replace('/', "_");
        self.part.map_or_else(|| name.clone(), |part| format!("{part}_{name}"))
    }
}

impl Parts {
    /// Gives the folders that exist, and a problem for each that was named but is not there.
    pub(super) fn folders(&self, root: &Path) -> (Vec<PartFolder>, Vec<DataProblem>) {
        let of = |part: Part, folder: &str| PartFolder {
            part: Some(part),
            prefix: format!("{}/", folder.trim_end_matches('/')),
        };
        match self {
            Self::None => (vec![PartFolder { part: None, prefix: String::new() }], Vec::new()),
            Self::Folders(folders) => {
                let (there, absent): (Vec<_>, Vec<_>) =
                    folders.iter().partition(|(_, folder)| root.join(folder).is_dir());
                let problem = |folder: &String| {
                    DataProblem::new(What::MissingFolder, folder.clone(), "declared as an official part")
                };
                (
                    there.into_iter().map(|(part, folder)| of(*part, folder)).collect(),
                    absent.into_iter().map(|(_, f)| problem(f)).collect(),
                )
            }
            Self::Auto => {
                let known = [
                    (Part::Train, "train"),
                    (Part::Train, "training"),
                    (Part::Validation, "validation"),
                    (Part::Validation, "val"),
                    (Part::Validation, "valid"),
                    (Part::Test, "test"),
                    (Part::Test, "testing"),
                ];
                let mut folders: Vec<PartFolder> = known
                    .iter()
                    .filter(|(_, folder)| root.join(folder).is_dir())
                    .map(|(part, folder)| of(*part, folder))
                    .collect();
                if folders.is_empty() {
                    folders.push(PartFolder { part: None, prefix: String::new() });
                }
                (folders, Vec::new())
            }
        }
    }
}

/// Lists the files below `root/prefix` relative to it, sorted, without hidden files and strays of operating systems.
///
/// A folder that may not be read is a problem and not an empty folder.
pub(super) fn files(root: &Path, prefix: &str, problems: &mut Vec<DataProblem>) -> Vec<String> {
    let base = root.join(prefix);
    let hidden = |name: &str| name.starts_with('.') || matches!(name, "Thumbs.db" | "desktop.ini" | "__MACOSX");
    let walk = walkdir::WalkDir::new(&base).min_depth(1).follow_links(true).sort_by_file_name();
    let mut files = Vec::new();
    for entry in walk.into_iter().filter_entry(|entry| !hidden(&entry.file_name().to_string_lossy())) {
        match entry {
            Ok(entry) if entry.file_type().is_file() => {
                let Ok(path) = entry.path().strip_prefix(&base) else { continue };
                if path.to_str().is_some() {
                    files.push(slashed(path));
                } else if kind(&slashed(path)) != Kind::Other || path.extension().is_none() {
                    let reason = "its name is not UTF-8, so that no pattern and no table can name it";
                    let hint = "rename it, for instance with `convmv -f latin1 -t utf8 --notest`";
                    problems.push(DataProblem::new(What::Unreadable, escaped(path), reason).hint(hint));
                }
            }
            Ok(_) => {}
            Err(error) => {
                let path = error.path().and_then(|path| path.strip_prefix(root).ok()).map(slashed);
                let reason = error.io_error().map_or_else(|| error.to_string(), |error| error.kind().to_string());
                problems.push(DataProblem::new(What::Unreadable, path.unwrap_or_else(|| prefix.to_owned()), reason));
            }
        }
    }
    files
}

/// A path with `\\xff` for each byte that is not UTF-8.
fn escaped(path: &Path) -> String {
    let chunk = |chunk: std::str::Utf8Chunk<'_>| chunk.valid().to_owned() + &chunk.invalid().escape_ascii().to_string();
    path.as_os_str().as_encoded_bytes().utf8_chunks().map(chunk).collect()
}

fn slashed(path: &Path) -> String {
    path.components().map(|piece| piece.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// What the extension of a file says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A picture that can be read, if its content is what it says.
    Picture,
    /// A picture or volume of a format that is not read.
    Unsupported,
    /// Something else: a table, a text, a program.
    Other,
}

/// Tells what a file is by its extension; whether it really is one is told by its content later.
pub(super) fn kind(path: &str) -> Kind {
    match extension(path).to_ascii_lowercase().as_str() {
        "png" | "jpg" | "jpeg" | "tif" | "tiff" | "bmp" | "gif" | "pgm" | "ppm" | "pbm" | "pnm" | "nii" | "nii.gz"
        | "dcm" => Kind::Picture,
        "webp" | "heic" | "heif" | "avif" | "jp2" | "j2k" | "jxl" | "gz" | "nrrd" | "mha" | "mhd" => Kind::Unsupported,
        _ => Kind::Other,
    }
}

/// Tells whether a file is of a format whose channels are no colours but volumes side by side: modalities, points in time.
pub(super) fn is_nifti(path: &str) -> bool {
    matches!(extension(path).to_ascii_lowercase().as_str(), "nii" | "nii.gz")
}

/// Gives what follows the last dot, or the last two of `nii.gz`.
fn extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    let compressed = name.len().checked_sub(".nii.gz".len()).and_then(|at| name.get(at..));
    match compressed {
        Some(end) if end.eq_ignore_ascii_case(".nii.gz") => &end[1..],
        _ => name.rsplit_once('.').map_or("", |(_, extension)| extension),
    }
}

/// Gives a path without the extension of its file, `.nii.gz` being one.
pub fn stem(path: &str) -> &str {
    path.strip_suffix(extension(path)).and_then(|path| path.strip_suffix('.')).unwrap_or(path)
}

/// What to do with a file of a format that is not read.
const CONVERT: &str = "convert it to PNG or TIFF, a volume to NIfTI, or remove it from the folder";

/// Gives the problem of a file that cannot be read.
pub(super) fn problem(file: &str, error: &FormatError) -> DataProblem {
    let (what, hint) = match error {
        FormatError::Truncated { .. } | FormatError::Empty => (What::Truncated, "copy or download the file again"),
        FormatError::Unsupported { .. } | FormatError::UnsupportedKind { .. } => (What::UnsupportedFormat, CONVERT),
        FormatError::Io(_) => (What::Unreadable, "check that the file exists and may be read"),
        FormatError::TooLarge { .. } => {
            (What::Unreadable, "if it truly is as large, cut it into parts; else copy or download the file again")
        }
        FormatError::Damaged { .. } => (What::Unreadable, "copy or download the file again"),
        FormatError::TooLong { .. } => (What::Unreadable, "remove it from the folder, or cut it into several files"),
    };
    DataProblem::new(what, file, error.to_string()).hint(hint)
}

/// Reads a file of text of at most so many bytes.
pub(super) fn text(root: &Path, file: &str, most: u64) -> Result<Vec<u8>, DataProblem> {
    let unreadable = |reason: String| DataProblem::new(What::Unreadable, file, reason);
    let path = root.join(file);
    let bytes = path.metadata().map_err(|error| unreadable(error.kind().to_string()))?.len();
    if bytes > most {
        return Err(unreadable(format!("it has {bytes} bytes, and {most} are the most that is read")));
    }
    std::fs::read(path).map_err(|error| unreadable(error.kind().to_string()))
}

/// Reads the header of a file.
pub(super) fn header(root: &Path, file: &str) -> Result<Header, DataProblem> {
    formats::header(&root.join(file)).map_err(|error| problem(file, &error))
}

/// Gives the problem of a file whose size is not that of the image of its case.
pub(super) fn size_problem(file: &str, found: Header, other: &str, expected: Header) -> DataProblem {
    let reason = format!("it is {found}, but {other} is {expected}");
    let turned = found == Header { height: expected.width, width: expected.height, ..expected };
    DataProblem::new(What::SizesDiffer, file, reason).hint(if turned {
        "its sides are swapped: turn it as the other is; one of two programs may have followed an orientation tag (EXIF)"
    } else if found.slices != expected.slices && (found.height, found.width) == (expected.height, expected.width) {
        "the number of slices or pages must agree within a case"
    } else {
        "width x height must agree within a case"
    })
}

/// Gives the patient of a case by the pattern on its name; without a pattern every case is its own patient.
pub(super) fn patient(pattern: Option<&Pattern>, name: &str, id: &str, file: &str) -> Result<String, DataProblem> {
    let Some(pattern) = pattern else {
        return Ok(id.to_owned());
    };
    let name = name.rsplit('/').next().unwrap_or(name);
    let found = pattern.find(name).and_then(|mut found| found.remove("patient"));
    found.ok_or_else(|| {
        let reason = format!("`{name}` does not match the patient pattern `{pattern}`");
        DataProblem::new(What::UnknownPatient, file, reason)
            .hint("the pattern needs `{patient}` and must match every name")
    })
}

/// Reads the header of the first file and compares the sizes of the others with it.
pub(super) fn headers<'a>(
    root: &Path,
    first: &str,
    others: impl Iterator<Item = &'a str>,
    problems: &mut Vec<DataProblem>,
) -> Option<Header> {
    one_size(|file| header(root, file), first, others, problems)
}

/// Compares the sizes of files with that of the first, wherever they come from.
pub(super) fn one_size<'a>(
    header: impl Fn(&str) -> Result<Header, DataProblem>,
    first: &str,
    others: impl Iterator<Item = &'a str>,
    problems: &mut Vec<DataProblem>,
) -> Option<Header> {
    let size = header(first).map_err(|problem| problems.push(problem)).ok();
    for other in others {
        match (header(other), size) {
            (Err(problem), _) => problems.push(problem),
            (Ok(found), Some(expected)) if found != expected => {
                problems.push(size_problem(other, found, first, expected));
            }
            (Ok(_), _) => {}
        }
    }
    size
}

/// Gives the problem of a file whose extension is of a format that is not read.
pub(super) fn unsupported(path: &str) -> DataProblem {
    let reason = format!("`.{}` files are not read", extension(path));
    DataProblem::new(What::UnsupportedFormat, path, reason).hint(CONVERT)
}

/// Gives the problem of a folder that the layout names below the root or an official part, but that is not there.
pub(super) fn missing_folder(root: &Path, folder: &PartFolder, path: &str) -> DataProblem {
    let part = folder.prefix.trim_end_matches('/');
    let hint = match folder.part {
        None => contents(root),
        Some(_) => format!("set `parts: none` if `{part}` is no official part of the data"),
    };
    DataProblem::new(What::MissingFolder, path, "it does not exist").hint(hint)
}

/// Says what lies in a folder, for hints.
pub(super) fn contents(root: &Path) -> String {
    let entries = std::fs::read_dir(root).into_iter().flatten().filter_map(Result::ok);
    let name = |entry: std::fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() { format!("{name}/") } else { name }
    };
    let mut names: Vec<String> = entries.map(name).filter(|name| !name.starts_with('.')).collect();
    names.sort();
    let more = if names.len() > 6 { format!(" and {} more", names.len() - 6) } else { String::new() };
    names.truncate(6);
    if names.is_empty() {
        "the folder is empty".to_owned()
    } else {
        format!("the root holds {}{more}", names.join(", "))
    }
}

// Other systems refuse such names, or change them.
#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn names_that_are_no_text_are_told_once() {
        let data = crate::fixture::DataFolder::new();
        data.flat("x/a.png", 2, 2, 0);
        for name in [b"x/b\xe9\xc3\xa9.png".as_slice(), b"x/notes\xff.txt"] {
            std::fs::write(data.path().join(OsStr::from_bytes(name)), b"").expect("there is room");
        }
        let mut problems = Vec::new();
        assert_eq!(files(data.path(), "", &mut problems), ["x/a.png"]);
        let told: Vec<_> = problems.iter().map(|problem| (problem.file.as_str(), problem.what)).collect();
        assert_eq!(told, [("x/b\\xe9é.png", What::Unreadable)]);
    }
}
