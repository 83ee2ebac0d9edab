//! Folders of files to be served.

use crate::parcel::Parcel;
use crate::proposal::{Evidence, PortClaim, Proposal, Stack};
use crate::start_line::StartLine;
use crate::terrain::{Terrain, joined};

/// Where built pages lie, the likeliest first.
const PLACES: [&str; 6] = ["", "dist", "build", "public", "out", "_site"];

/// A folder with a page to begin with. The program is the folder.
pub(crate) fn proposal(terrain: &Terrain, parcel: &Parcel) -> Option<Proposal> {
    let page = |place: &&str| joined(&joined(&parcel.folder, place), "index.html");
    let place = PLACES.iter().find(|place| terrain.has(&page(place)))?;
    let folder = if place.is_empty() { "." } else { place };
    let line = StartLine { program: folder.into(), ..StartLine::default() };
    let mut one = Proposal::new(Stack::Static, line, &parcel.folder);
    one.evidence.push(Evidence::new(&page(place), 0, ""));
    one.port = Some(PortClaim { number: 8080, evidence: None, is_fixed: false });
    Some(one)
}
