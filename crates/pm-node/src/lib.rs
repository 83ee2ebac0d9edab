//! Node's channel (`NODE_CHANNEL_FD`: lines of JSON, some with a descriptor) and the primary of its cluster workers.
//!
//! `primary`, `deal` and `leave` decide and touch nothing; `hall`, `deeds` and `usher` are the thread that does it. It knows
//! neither apps nor the core: processes and apps are numbers here.
#![forbid(unsafe_code)]

mod channel;
mod deal;
mod deeds;
mod exchange;
mod hall;
mod leave;
mod line;
mod member;
mod message;
mod note;
mod preload;
mod primary;
mod pulse;
mod query;
mod rounds;
mod socket;
mod usher;
mod watch;

pub use channel::SendError;
pub use exchange::{
    Answer, Answers, Attachment, Called, Ears, Exchange, Keep, Line, Loans, News, NotOffered,
    StartError, Trigger,
};
pub use note::Note;
pub use preload::{MARK, PRELOAD};
pub use primary::{Group, Place, Sched, Worker};
pub use pulse::Pulse;
pub use query::{Kind, Query};
pub use usher::{Usher, Ushered};
