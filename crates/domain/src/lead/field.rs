//! The fields of a lead that this code knows by name.

/// Identifies the lead; the same on both sides of a merge.
pub(crate) const LEAD_ID: &str = "lead_id";
/// The CRM's own id of a lead whose lead id is a stand-in for it.
pub(crate) const EXTERNAL_ID: &str = "external_id";
/// Where the owner is mailed.
pub(crate) const OWNER_EMAIL: &str = "owner_email";
/// The known fields besides `lead_id`, in the order in which a document shows them.
pub(crate) const KNOWN: [&str; 7] = [
    "display_name",
    "lead_email",
    "lead_owner",
    "funnel",
    "status_label",
    "date_created",
    OWNER_EMAIL,
];
/// The member of a document that is ours.
pub(crate) const OURS: &str = "_leadwire";
