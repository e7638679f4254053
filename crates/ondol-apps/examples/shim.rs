//! The shim without the rest of Ondol, for the tests of this crate.

use std::io;
use std::io::Write;
use std::process::ExitCode;

use ondol_apps::shim;
use ondol_apps::shim::ShimError;

fn main() -> ExitCode {
    match shim::run() {
        Ok(never) => match never {},
        Err(ShimError::Nobody) => ExitCode::FAILURE,
        Err(error) => {
            let text = ondol_base::chain::Chain(&error);
            let _ = writeln!(io::stderr(), "ondol: {text}");
            ExitCode::FAILURE
        }
    }
}
