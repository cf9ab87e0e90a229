//! What every store promises, as functions of a fresh store.

pub mod concurrency;
pub mod deleting;
pub mod ledger;
pub mod paging;
pub mod reading;
pub mod stamping;
pub mod writing;
