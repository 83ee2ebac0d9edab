//! The monitor alone, for a home given as its argument: `cargo run -p pm-tui --example monit /path/to/home`.

use std::error::Error;

use pm_protocol::Home;
use pm_tui::{TuiPlan, run};

fn main() -> Result<(), Box<dyn Error>> {
    let root = std::env::args_os().nth(1).ok_or("name a home")?;
    let home = Home::at(root.into(), None)?;
    Ok(run(TuiPlan { home, theme: None, program: "pm" })?)
}
