//! A lead's owner file as a person sees it: whose lead it is, and what is wrong with the file, as a lead that meets it finds it.

use crate::home::Operated;
use leadwire_domain::lead::id::LeadId;
use leadwire_domain::lead::owner::{LEAD_OWNER, OwnerFileError, owner_defects};
use leadwire_pipeline::ledger::{Ledger, Owner, OwnerState};
use leadwire_pipeline::port::PortError;

/// What an owner file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnerFileLine {
    /// The owner's name; absent where the file cannot be used.
    pub(crate) owner: Option<String>,
    /// What is wrong with it, where anything is.
    pub(crate) problem: Option<String>,
}

impl OwnerFileLine {
    /// A file that cannot be used.
    pub(crate) fn unusable(problem: impl Into<String>) -> Self {
        Self {
            owner: None,
            problem: Some(problem.into()),
        }
    }

    /// Looks at the owner file of a lead. One that is not there says nothing, and nothing is wrong with it.
    pub(crate) async fn look<O: Operated>(home: &O, lead_id: &LeadId) -> Result<Self, PortError> {
        Ok(match Ledger::new(home.store()).owner(lead_id).await? {
            OwnerState::Stored(owner) => Self::of(&owner),
            OwnerState::TooLarge => Self::unusable(OwnerFileError::TooLarge.to_string()),
            OwnerState::Denied => Self::unusable(O::OWNER_FILE_DENIED),
            OwnerState::Absent => Self::default(),
        })
    }

    fn of(owner: &Owner) -> Self {
        let fields = match owner.fields() {
            Ok(fields) => fields,
            Err(error) => return Self::unusable(error.to_string()),
        };
        let defects = owner_defects(&fields);
        let defects: Vec<String> = defects.iter().map(ToString::to_string).collect();
        Self {
            owner: Some(fields.text(LEAD_OWNER).unwrap_or_default()),
            problem: (!defects.is_empty()).then(|| defects.join("; ")),
        }
    }
}
