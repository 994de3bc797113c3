//! Which commit a release is built from. Reads the files of git and needs no git; without them, as in a source archive,
//! the version says what the archive or the builder says, or nothing.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// `git archive` writes the commit here (see `.gitattributes`).
const ARCHIVED: &str = "$Format:%H$";
/// Digits that are shown.
const SHOWN: usize = 12;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SOURCE_COMMIT");
    let profile = env::var("PROFILE").unwrap_or_default();
    // Only a release follows the commits: whoever works on prelo would build it anew after each of them.
    let commit = if profile == "release" { commit() } else { None };
    println!("cargo::rustc-env=BUILD_COMMIT={}", commit.unwrap_or_default());
    println!("cargo::rustc-env=BUILD_PROFILE={profile}");
    println!("cargo::rustc-env=BUILD_TARGET={}", env::var("TARGET").unwrap_or_default());
    println!("cargo::rustc-env=BUILD_FEATURES={}", features().join(", "));
}

/// Of this package, in alphabetical order.
fn features() -> Vec<String> {
    let feature = |name: String| Some(name.strip_prefix("CARGO_FEATURE_")?.to_lowercase().replace('_', "-"));
    let mut features: Vec<_> =
        env::vars().filter_map(|(name, _)| feature(name)).filter(|name| name != "default").collect();
    features.sort();
    features
}

fn commit() -> Option<String> {
    let told = env::var("SOURCE_COMMIT").ok().and_then(|text| shortened(&text));
    told.or_else(|| shortened(ARCHIVED)).or_else(|| of_git(Path::new(".git")))
}

fn shortened(text: &str) -> Option<String> {
    let text = text.trim();
    let is_commit = text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_commit.then(|| text.chars().take(SHOWN).collect())
}

/// `HEAD` names a commit or a branch, and a branch is a file or a line of `packed-refs`. In a work tree of its own,
/// `.git` is a file that names the folder of `HEAD`, and that one names the folder of the branches.
fn of_git(git: &Path) -> Option<String> {
    let folder = match fs::read_to_string(git) {
        Ok(file) => PathBuf::from(file.trim().strip_prefix("gitdir: ")?),
        Err(_) => git.to_owned(),
    };
    let common = match fs::read_to_string(folder.join("commondir")) {
        Ok(path) => folder.join(path.trim()),
        Err(_) => folder.clone(),
    };
    // Grows with every commit, whatever form the branch has.
    watched(&folder.join("logs/HEAD"));
    let head = watched(&folder.join("HEAD"))?;
    let Some(branch) = head.trim().strip_prefix("ref: ") else { return shortened(&head) };
    if let Some(commit) = watched(&common.join(branch)) {
        return shortened(&commit);
    }
    let packed = watched(&common.join("packed-refs"))?;
    let line = packed.lines().find(|line| line.split_whitespace().nth(1) == Some(branch))?;
    shortened(line.split_whitespace().next()?)
}

/// A file that decides, so that a new commit is noticed. One that is missing is not watched: cargo would run this
/// script at every build.
fn watched(path: &Path) -> Option<String> {
    let content = fs::read_to_string(path).ok()?;
    println!("cargo::rerun-if-changed={}", path.display());
    Some(content)
}
