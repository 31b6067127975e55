//! `anlan vision`: starts the sibling binary, which alone links video and machine-learning libraries.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Hands the arguments over and ends as the sibling ends.
pub fn run(arguments: &[String]) -> ExitCode {
    let beside =
        std::env::current_exe().ok().and_then(|me| Some(me.parent()?.join("anlan-vision")));
    let program =
        beside.filter(|path| path.is_file()).unwrap_or_else(|| PathBuf::from("anlan-vision"));
    match Command::new(&program).args(arguments).status() {
        Ok(status) => status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .map_or(ExitCode::FAILURE, ExitCode::from),
        Err(error) => {
            eprintln!(
                "anlan vision: cannot start {}: {error}.\nVideo is a program of its own that does not come with this version; \
                 where it is installed, put `anlan-vision` beside `anlan` or on the PATH.",
                program.display()
            );
            ExitCode::FAILURE
        }
    }
}
