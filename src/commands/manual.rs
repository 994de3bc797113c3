//! `completions` and `man`: made from the same table of verbs and flags as the help.

use std::io;

use anyhow::Result;
use clap::Command;

use super::cli::{Cli, CompletionsArgs};
use super::output;

/// The command without what only prelo itself starts.
fn visible() -> Command {
    let all = Cli::with_settings();
    let mut visible = Command::new("prelo").version(env!("CARGO_PKG_VERSION")).args(all.get_arguments().cloned());
    if let Some(about) = all.get_about() {
        visible = visible.about(about.clone());
    }
    if let Some(after) = all.get_after_help() {
        visible = visible.after_help(after.clone());
    }
    let verbs = all.get_subcommands().filter(|verb| !verb.is_hide_set()).cloned();
    visible.subcommands(verbs).subcommand_required(true)
}

pub fn completions(args: &CompletionsArgs) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut visible(), "prelo", &mut script);
    output::text(&String::from_utf8_lossy(&script))?;
    Ok(0)
}

/// One page with every verb.
pub fn man() -> Result<u8> {
    output::text(&String::from_utf8_lossy(&page()?))?;
    Ok(0)
}

fn page() -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    // Made from the flags, it would be a screen of names of settings.
    let mut command = visible().override_usage("VERB [OPTIONS]");
    command.build();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        page.extend_from_slice(format!(".SH \"PRELO {}\"\n", verb.get_name().to_uppercase()).as_bytes());
        let man = clap_mangen::Man::new(verb.clone());
        man.render_description_section(&mut page)?;
        // The settings are the same for every verb, and stand above.
        let own: Vec<clap::Arg> = verb.get_arguments().filter(|arg| !arg.is_global_set()).cloned().collect();
        let own = Command::new(verb.get_name().to_owned()).disable_help_flag(true).args(own);
        clap_mangen::Man::new(own).render_options_section(&mut page)?;
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_prelo_starts_itself_is_left_out() {
        let names: Vec<String> = visible().get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
        assert!(names.contains(&"run".to_owned()) && !names.contains(&"read-documents".to_owned()), "{names:?}");
        let page = String::from_utf8(page().unwrap()).unwrap();
        let synopsis = page.split(".SH ").find(|section| section.starts_with("SYNOPSIS")).unwrap();
        assert!(synopsis.contains("VERB") && synopsis.len() < 100, "{synopsis}");
        assert!(page.contains("PRELO REINDEX") && page.contains("rollback") && !page.contains("BECOME"), "{page}");
    }
}
