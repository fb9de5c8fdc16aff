//! `files.glob` and `files.read`.

use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use symphony_protocol::{TypeName, Value};
use symphony_sdk::worker::function::{Handler, Offered};
use symphony_sdk::worker::{Context, FunctionError, Outcome};

use crate::spec::{Spec, io, needs, takes, text};

/// Files of one listing.
const FILES_MAX: usize = 1_000_000;
/// Folders under folders; deeper ones are loops made by links.
const DEPTH_MAX: usize = 128;
/// A file that is read whole.
const READ_BYTES_MAX: u64 = 256 * 1024 * 1024;

pub fn functions() -> Vec<Offered> {
    use TypeName::{Array, Directory, File, String};
    vec![
        Spec::new(
            "files.glob",
            "List the files of a folder that fit a pattern, sorted; `**` goes into folders",
        )
        .inputs([
            ("root", needs(Directory)),
            ("pattern", takes(String, "**/*".into())),
            ("exclude", takes(String, "".into())),
        ])
        .outputs([("files", Array)])
        .runs(Handler::blocking(glob)),
        Spec::new(
            "files.read",
            "Read a file as text; bytes that are not UTF-8 become U+FFFD",
        )
        .inputs([("file", needs(File))])
        .outputs([("text", String)])
        .runs(Handler::blocking(read)),
    ]
}

fn glob(context: &Context, inputs: Value) -> Outcome {
    let root = PathBuf::from(text(&inputs, "root")?);
    let pattern = inputs.get("pattern").and_then(Value::as_str).unwrap_or("**/*");
    let exclude = inputs.get("exclude").and_then(Value::as_str).unwrap_or("");
    let wanted = Wanted {
        matcher: compiled(pattern)?,
        exclude: if exclude.is_empty() {
            None
        } else {
            Some(compiled(exclude)?)
        },
    };
    let mut files = Vec::new();
    walk(&root, Path::new(""), &wanted, context, 0, &mut files)?;
    files.sort();
    Ok(Value::from([(
        "files",
        Value::Array(files.into_iter().map(Value::Str).collect()),
    )]))
}

/// What is listed: files that fit, in folders that are not excluded.
struct Wanted {
    matcher: GlobMatcher,
    exclude: Option<GlobMatcher>,
}

fn compiled(pattern: &str) -> Result<GlobMatcher, FunctionError> {
    let built = GlobBuilder::new(pattern).literal_separator(true).build();
    built
        .map(|glob| glob.compile_matcher())
        .map_err(|error| FunctionError::contract(format!("the pattern {pattern:?}: {error}")))
}

/// Links to folders are not followed, as `pathlib` does not follow them either.
fn walk(
    root: &Path,
    inside: &Path,
    wanted: &Wanted,
    context: &Context,
    depth: usize,
    files: &mut Vec<String>,
) -> Result<(), FunctionError> {
    let folder = root.join(inside);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if depth == 0 => return Err(io(&folder, &error)),
        Err(_) => return Ok(()), // a folder that may not be read has no files for us
    };
    for entry in entries.flatten() {
        if context.cancelled() {
            return Err(FunctionError::lasting("cancelled", "the attempt was cancelled"));
        }
        let (Ok(kind), relative) = (entry.file_type(), inside.join(entry.file_name())) else {
            continue;
        };
        if wanted
            .exclude
            .as_ref()
            .is_some_and(|exclude| exclude.is_match(&relative))
        {
            continue;
        }
        if kind.is_dir() && depth < DEPTH_MAX {
            walk(root, &relative, wanted, context, depth + 1, files)?;
            continue;
        }
        let is_file = kind.is_file() || (kind.is_symlink() && entry.path().is_file());
        if is_file && wanted.matcher.is_match(&relative) {
            if files.len() >= FILES_MAX {
                return Err(FunctionError::lasting(
                    "limit",
                    format!("more than {FILES_MAX} files"),
                ));
            }
            files.push(root.join(relative).to_string_lossy().into_owned());
        }
    }
    Ok(())
}

/// The text of a file, as Python's `errors="replace"` reads it.
pub fn read_text(path: &Path) -> Result<String, FunctionError> {
    let size = std::fs::metadata(path).map_err(|error| io(path, &error))?.len();
    if size > READ_BYTES_MAX {
        return Err(FunctionError::lasting(
            "limit",
            format!("{}: {size} bytes are too many", path.display()),
        ));
    }
    let data = std::fs::read(path).map_err(|error| io(path, &error))?;
    Ok(
        String::from_utf8(data)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    )
}

fn read(_: &Context, inputs: Value) -> Outcome {
    let text = read_text(Path::new(text(&inputs, "file")?))?;
    Ok(Value::from([("text", text.into())]))
}
