//! `pm deploy`: its words are PM2's, read in `commands/deploy/words.rs` because a command for the host may look like
//! anything.

use clap::Args;

/// A config, an environment and what to do there.
#[derive(Debug, Args)]
#[command(
    override_usage = format!("{} deploy [FILE] ENVIRONMENT [COMMAND]", crate::called::name()),
    after_help = "\
The file may be left out: ecosystem.json5, ecosystem.config.js and their kin, or package.json.
Commands:
  setup                 clone the repository on each host
  update                deploy the environment's `ref` (the default)
  revert [N]            go back N deployments (default 1)
  curr, current         print the commit that is checked out
  prev, previous        print the commit of the deployment before
  exec, run LINE        run a shell line in the folder `current`
  list                  list deployments, the last one first
  ref REF               deploy this branch, tag or commit
  --force               even if something is not committed or not pushed here"
)]
pub(crate) struct DeployArgs {
    /// Config file, environment, command
    #[arg(value_name = "WORDS", trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) words: Vec<String>,
}
