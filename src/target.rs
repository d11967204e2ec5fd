//! The services that take an import.
//!
//! A service is a module of its own with its paths and its wire; what its answers mean for a push and for
//! a question is the same for all: [`PushOutcome`] and [`ServiceError`].

mod error;
mod outcome;
pub mod viva;

pub use self::{
    error::ServiceError,
    outcome::{PushOutcome, Tracking},
};
