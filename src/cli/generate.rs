//! `libris-mirror generate`

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Command, Subcommand};
use clap_complete::Shell;

use super::exit::Exit;
use super::output;
use crate::config::DEFAULTS;

/// Write the man pages, completions for a shell, or every setting with its default.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  libris-mirror generate man | man -l -
  libris-mirror generate man --all /usr/local/share/man/man1
  libris-mirror generate completions bash > /etc/bash_completion.d/libris-mirror
  libris-mirror generate config | less")]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The man page, or with --all a page for every command.
    Man {
        /// Write the pages of all commands into this directory.
        #[arg(long, value_name = "DIR")]
        all: Option<PathBuf>,
    },
    /// Completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Every setting with its default and the reason for it, as a configuration file.
    Config,
}

/// Writes what was asked for; `command` is the whole command line.
pub(super) fn run(arguments: &Arguments, mut command: Command) -> anyhow::Result<Exit> {
    let mut out = output::stdout();
    match &arguments.what {
        What::Man { all: None } => clap_mangen::Man::new(command).render(&mut out)?,
        What::Man { all: Some(directory) } => {
            fs_err::create_dir_all(directory)?;
            clap_mangen::generate_to(command, directory)?;
        }
        What::Completions { shell } => clap_complete::generate(*shell, &mut command, "libris-mirror", &mut out),
        What::Config => out.write_all(DEFAULTS.as_bytes())?,
    }
    out.flush()?;
    Ok(Exit::Ok)
}
