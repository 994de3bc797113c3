//! Tesseract 4 or later, one process a picture.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::engine_process::{self, Answer, Launch};
use super::{Engine, EngineError, Recognized, Settings, Sheet, tsv};

/// Finding out what an engine can do must not take longer.
const PROBE: Duration = Duration::from_secs(20);
/// Measured with version 5.3 and its fast models: a page of 8.7 megapixels takes 77 MB.
const MEMORY_BASE: u64 = 48 * 1024 * 1024;
const MEMORY_PER_PIXEL: u64 = 6;
/// The bound is that much above what is expected, in percent: an odd page may take more without being lost.
const MEMORY_SLACK: u64 = 150;
/// Model that tells orientation and script.
const ORIENTATION: &str = "osd";
/// Least confidence, in the engine's measure, with which an orientation is believed.
const ORIENTATION_FROM: f32 = 1.5;

#[derive(Debug)]
pub(super) struct Tesseract {
    launch: Launch,
    languages: String,
    identity: String,
    knows_orientation: bool,
    timeout: Duration,
}

impl Tesseract {
    /// Looks for the program and asks it for its version and languages.
    ///
    /// # Errors
    /// What is missing, in words for the operator.
    pub(super) fn find(settings: &Settings) -> Result<Self, String> {
        let program = in_path(&settings.program).ok_or_else(|| {
            format!("there is no program {}: install Tesseract, or set `ocr_engine`", settings.program)
        })?;
        let data = std::env::var_os("TESSDATA_PREFIX").map(PathBuf::from);
        let launch = Launch { wrapper: settings.wrapper.clone(), program, data };
        let version = first_line(&ask(&launch, "--version")?);
        let languages = ask(&launch, "--list-langs")?;
        let known: Vec<&str> = languages.lines().skip(1).map(str::trim).collect();
        if let Some(missing) = settings.languages.split('+').find(|language| !known.contains(language)) {
            return Err(format!(
                "{version} does not know the language {missing} (it knows {}): install its model, or set `ocr_languages`",
                known.join(", ")
            ));
        }
        Ok(Self {
            identity: format!("{version}, {}", settings.languages),
            languages: settings.languages.clone(),
            knows_orientation: known.contains(&ORIENTATION),
            timeout: settings.timeout,
            launch,
        })
    }

    fn run(&self, sheet: &Sheet<'_>, arguments: &[&str]) -> Result<Answer, EngineError> {
        let dpi = sheet.dpi.to_string();
        let usual = ["stdin", "stdout", "--dpi", &dpi];
        let all: Vec<&OsStr> = usual.iter().chain(arguments).map(OsStr::new).collect();
        let memory = self.memory_bytes(sheet.pixels) * MEMORY_SLACK / 100;
        engine_process::run(&self.launch, &all, sheet.content, memory, self.timeout)
    }
}

impl Engine for Tesseract {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn memory_bytes(&self, pixels: u64) -> u64 {
        MEMORY_BASE + pixels.saturating_mul(MEMORY_PER_PIXEL)
    }

    fn read(&self, sheet: &Sheet<'_>) -> Result<Recognized, EngineError> {
        // Thresholds of each neighbourhood (Sauvola) find what is faint, and light letters in dark fields; noise they take
        // for letters, and what has two levels only needs none.
        let thresholds = if sheet.is_quiet { "thresholding_method=2" } else { "thresholding_method=0" };
        let arguments =
            ["-l", &self.languages, "--oem", "1", "--psm", "3", "-c", thresholds, "-c", "tessedit_create_tsv=1"];
        let answer = self.run(sheet, &arguments)?;
        Ok(tsv::read(&String::from_utf8_lossy(&answer.output)))
    }

    fn quarters_to_upright(&self, sheet: &Sheet<'_>) -> Result<Option<u8>, EngineError> {
        if !self.knows_orientation {
            return Ok(None);
        }
        match self.run(sheet, &["--psm", "0", "-l", ORIENTATION]) {
            Ok(answer) => Ok(orientation(&String::from_utf8_lossy(&answer.output))),
            // It ends so where there are too few characters to tell.
            Err(EngineError::Ended(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The line `Rotate: 90`, degrees clockwise, if the engine is sure enough.
fn orientation(told: &str) -> Option<u8> {
    let value = |name: &str| told.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let sure: f32 = value("Orientation confidence:")?.parse().ok()?;
    let degrees: u16 = value("Rotate:")?.parse().ok()?;
    if sure < ORIENTATION_FROM || !degrees.is_multiple_of(90) {
        return None;
    }
    u8::try_from(degrees / 90 % 4).ok()
}

fn ask(launch: &Launch, question: &str) -> Result<String, String> {
    const MEMORY: u64 = 256 * 1024 * 1024;
    let answer = engine_process::run(launch, &[OsStr::new(question)], &[], MEMORY, PROBE);
    let Answer { output, said } = answer.map_err(|error| error.to_string())?;
    // Older versions answer on standard error.
    let output = String::from_utf8_lossy(&output).into_owned();
    Ok(if output.trim().is_empty() { said } else { output })
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// The path of a program, looked for as a shell does.
fn in_path(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Path::new(program).is_file().then(|| PathBuf::from(program));
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_orientation_is_believed_when_the_engine_is_sure() {
        let told = |degrees: u32, confidence: &str| {
            format!(
                "Page number: 0\nOrientation in degrees: 180\nRotate: {degrees}\nOrientation confidence: {confidence}\n\
                 Script: Latin\nScript confidence: 2.5\n"
            )
        };
        for (degrees, confidence, quarters) in
            [(0, "9.1", Some(0)), (90, "3.2", Some(1)), (270, "1.6", Some(3)), (180, "0.4", None), (45, "9", None)]
        {
            assert_eq!(orientation(&told(degrees, confidence)), quarters, "{degrees} {confidence}");
        }
        assert_eq!(orientation("Too few characters. Skipping this page"), None);
    }
}
