//! The password of an encrypted file: from a file, from standard input, or asked for without echo. Never an argument,
//! which every other process could read.

use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::x509::password::Password;

/// Longest password file: one line.
const MAX_FILE: u64 = 4096;

/// Where the password comes from; it is fetched when first needed, once.
pub struct Passwords {
    /// `-` is standard input.
    file: Option<PathBuf>,
    known: Option<Password>,
}

impl Passwords {
    pub fn new(file: Option<PathBuf>) -> Self {
        Self { file, known: None }
    }

    /// The password for `what`, as a sentence of a prompt names it.
    pub fn get(&mut self, what: &str) -> Result<&Password, String> {
        let password = match self.known.take() {
            Some(known) => known,
            None => self.fetch(what)?,
        };
        Ok(self.known.insert(password))
    }

    fn fetch(&self, what: &str) -> Result<Password, String> {
        let stdin = std::io::stdin();
        match &self.file {
            Some(file) if file.as_os_str() == "-" => first_line(stdin.lock()),
            Some(file) => std::fs::File::open(file)
                .map_err(|error| error.to_string())
                .and_then(first_line)
                .map_err(|error| format!("--password-file {}: {error}", file.display())),
            None if stdin.is_terminal() => rpassword::prompt_password(format!("Password for {what}: "))
                .map(Password::new)
                .map_err(|error| format!("the password cannot be read: {error}")),
            None => Err("it needs a password; give --password-file FILE, or - for standard input".to_owned()),
        }
    }
}

/// Without its line end; what follows is no part of the password.
fn first_line(source: impl std::io::Read) -> Result<Password, String> {
    let mut text = Zeroizing::new(String::new());
    source.take(MAX_FILE).read_to_string(&mut text).map_err(|_| "it is no text".to_owned())?;
    Ok(Password::new(text.lines().next().unwrap_or_default().to_owned()))
}
