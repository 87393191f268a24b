//! `tlsmend judge`: a case a line in, a verdict a line out, for other programs.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read as _};
use std::path::PathBuf;

use super::{CliError, Exit};
use crate::judge::client::Client;
use crate::judge::clients;
use crate::judge::limbo::{self, Reply};

/// The largest line of x509-limbo has 1 MB; public CRLs, which a line may carry, have 10 MB, and base64 a third more.
const MAX_LINE: u64 = 32 * 1024 * 1024;

/// Judge test cases: one JSON case a line in, one JSON verdict a line out
///
/// A case has the fields of an x509-limbo testcase; `client`, `anchors` (`local` or `public`) and `aia` (address to
/// base64) may be added. A line that is no case is answered with SKIPPED and the reason.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// File of cases; `-` or none: standard input
    file: Option<PathBuf>,
    /// Who judges, where a case does not say
    #[arg(long, value_name = "ID", default_value = "standard", value_parser = client)]
    client: ClientArgument,
}

/// A client, as clap's values need it.
#[derive(Debug, Clone, Copy)]
struct ClientArgument(&'static Client);

fn client(id: &str) -> Result<ClientArgument, String> {
    clients::find_for_judge(id).map(ClientArgument).ok_or_else(|| {
        let known = clients::JUDGE_ONLY.iter().chain(clients::ALL).map(|client| client.id);
        format!("not one of {}", known.collect::<Vec<_>>().join(", "))
    })
}

pub fn run(arguments: &Arguments) -> Result<Exit, CliError> {
    let input: Box<dyn BufRead> = match &arguments.file {
        Some(path) if path.as_os_str() != "-" => {
            let file = File::open(path)
                .map_err(|error| CliError::Usage(format!("cannot read {}: {error}", path.display())))?;
            Box::new(BufReader::new(file))
        }
        _ => Box::new(io::stdin().lock()),
    };
    answer_lines(input, BufWriter::new(io::stdout().lock()), arguments.client.0)?;
    Ok(Exit::Clean)
}

/// Reads a line, answers it, forgets it. Each answer is written out at once: another program may wait for it.
fn answer_lines(mut input: impl BufRead, mut output: impl io::Write, client: &'static Client) -> Result<(), CliError> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
        let read = read.map_err(|error| CliError::Usage(format!("cannot read the cases: {error}")))?;
        if read == 0 {
            return Ok(());
        }
        let reply = if line.len() as u64 == MAX_LINE && !line.ends_with(b"\n") {
            input.skip_until(b'\n').map_err(|error| CliError::Usage(format!("cannot read the cases: {error}")))?;
            let message = format!("longer than {MAX_LINE} bytes");
            Reply::skipped(serde_json::Value::Null, client.id, "bad-line", message)
        } else if line.trim_ascii().is_empty() {
            continue;
        } else {
            limbo::reply(&line, client, super::clock())
        };
        serde_json::to_writer(&mut output, &reply).map_err(io::Error::from)?;
        output.write_all(b"\n")?;
        output.flush()?;
    }
}
