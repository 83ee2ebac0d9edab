//! What "compatible with PM2" means, proven: every entry of the census stands in `docs/pm2.md` and is accepted, and the same
//! steps done with PM2 from npm and with `pm` called as `pm2` are seen to give the same, but for documented differences.
//! It needs node and npm (PM2 is installed once, under `target/`), python3, bash and perl; ruby and php where installed.

#[path = "pm2/apps.rs"]
mod apps;
#[path = "pm2/census.rs"]
mod census;
#[path = "pm2/configs.rs"]
mod configs;
#[path = "pm2/deploying.rs"]
mod deploying;
#[path = "pm2/envs.rs"]
mod envs;
#[path = "pm2/exits.rs"]
mod exits;
#[path = "pm2/homes.rs"]
mod homes;
#[path = "pm2/life.rs"]
mod life;
#[path = "pm2/lists.rs"]
mod lists;
#[path = "pm2/managers.rs"]
mod managers;
#[path = "pm2/nodes.rs"]
mod nodes;
#[path = "pm2/options.rs"]
mod options;
#[path = "pm2/outputs.rs"]
mod outputs;
#[path = "pm2/page.rs"]
mod page;
#[path = "pm2/pauses.rs"]
mod pauses;
#[path = "pm2/selectors.rs"]
mod selectors;
#[path = "pm2/senses.rs"]
mod senses;
#[path = "pm2/serving.rs"]
mod serving;
#[path = "pm2/side.rs"]
mod side;
#[path = "pm2/staying.rs"]
mod staying;
#[path = "pm2/takeover.rs"]
mod takeover;
#[path = "pm2/tool.rs"]
mod tool;
