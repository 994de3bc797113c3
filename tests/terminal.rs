//! What a run shows on a terminal.
#![allow(clippy::unwrap_used)] // a test may fail by panic

use support::{Answer, Prelo, fixtures};

mod support;

const COLUMNS: u32 = 60;

#[test]
fn bars_and_a_line_for_each_failure_in_the_language_and_the_width_of_the_reader() {
    let folder = fixtures();
    let arguments = ["run", "--folder", folder.to_str().unwrap()];
    for (variables, is_portuguese, has_colours) in [
        (&[("LANG", "pt_BR.UTF-8")][..], true, true),
        (&[("LANG", "pt_BR.UTF-8"), ("LC_ALL", "en_US.UTF-8"), ("NO_COLOR", "1")], false, false),
    ] {
        let prelo = variables.iter().fold(Prelo::new(), |prelo, (name, value)| prelo.with(name, value));
        let Ok(terminal) = prelo.on_a_terminal(COLUMNS, &arguments).spawn() else {
            eprintln!("SKIPPED: there is no `script` here (on Debian: apt-get install bsdutils)");
            return;
        };
        let Answer { code, stdout: shown, .. } = terminal.wait_with_output().unwrap().into();
        assert_eq!(code, 3, "{shown}");
        let failures: Vec<&str> = shown.split(" failed code=").skip(1).collect();
        assert_eq!(failures.len(), 4, "{shown}");
        for line in failures {
            // A place for the end of the line, and one for what does not fit.
            let (line, _) = line.split_once('…').unwrap_or_else(|| panic!("it is not cut: {line}"));
            assert!(line.contains(" gazette_id="), "{line}");
            assert_eq!(" WARN failed code=".len() + line.chars().count() + 1, COLUMNS as usize, "{line}");
        }
        assert!(!shown.contains("run_id"), "{shown}");
        let (bar, summary) = if is_portuguese { ("texto ", "separados:") } else { ("text ", "set aside:") };
        assert!(shown.contains(bar) && shown.lines().any(|line| line == summary), "{shown}");
        let in_the_summary = shown.lines().skip_while(|line| *line != summary);
        assert!(in_the_summary.into_iter().all(|line| line.chars().count() <= COLUMNS as usize), "{shown}");
        assert_eq!(shown.contains("\u{1b}[33m"), has_colours, "{shown}");
    }
}
