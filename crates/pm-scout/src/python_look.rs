//! A project's Python, to be understood: its files, its packages, and what people have chosen.

use crate::parcel::Parcel;
use crate::python_project::PythonGround;
use crate::python_source::PySource;
use crate::terrain::Terrain;

/// A project's Python.
#[derive(Debug)]
pub(crate) struct PythonLook<'a> {
    pub(crate) terrain: &'a Terrain,
    pub(crate) parcel: &'a Parcel,
    pub(crate) sources: &'a [PySource],
    pub(crate) ground: &'a PythonGround,
    /// What people have chosen: `module:object`, or a script.
    pub(crate) choice: Option<&'a str>,
}
