//! Where apps can go.

use pm_spec::AppSpec;

use crate::fate::ExportFate;
use crate::files::TargetFiles;
use crate::key::ExportKey;
use crate::{compose, kubernetes, nomad, procfile, supervisor, systemd};

/// Another manager or engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportTarget {
    /// Units of systemd.
    Systemd,
    /// A Compose file.
    Compose,
    /// Jobs of Nomad, as JSON.
    Nomad,
    /// Manifests of Kubernetes.
    Kubernetes,
    /// A Procfile, with its `.env`.
    Procfile,
    /// Supervisor's file.
    Supervisor,
}

impl ExportTarget {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Systemd,
        Self::Compose,
        Self::Nomad,
        Self::Kubernetes,
        Self::Procfile,
        Self::Supervisor,
    ];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Compose => "compose",
            Self::Nomad => "nomad",
            Self::Kubernetes => "kubernetes",
            Self::Procfile => "procfile",
            Self::Supervisor => "supervisor",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|target| target.name() == name)
    }

    /// Whether its apps are processes of a machine like this one, with its folders and programs.
    pub const fn is_here(self) -> bool {
        match self {
            Self::Systemd | Self::Supervisor | Self::Nomad => true,
            Self::Compose | Self::Kubernetes | Self::Procfile => false,
        }
    }

    /// What becomes of a key there, unless its value is special.
    pub fn fate(self, key: ExportKey) -> ExportFate {
        match self {
            Self::Systemd => systemd::fate(key),
            Self::Compose => compose::fate(key),
            Self::Nomad => nomad::fate(key),
            Self::Kubernetes => kubernetes::fate(key),
            Self::Procfile => procfile::fate(key),
            Self::Supervisor => supervisor::fate(key),
        }
    }

    /// The files for these apps, and what became of them.
    pub fn export(self, apps: &[AppSpec]) -> TargetFiles {
        match self {
            Self::Systemd => systemd::export(apps),
            Self::Compose => compose::export(apps),
            Self::Nomad => nomad::export(apps),
            Self::Kubernetes => kubernetes::export(apps),
            Self::Procfile => procfile::export(apps),
            Self::Supervisor => supervisor::export(apps),
        }
    }
}
