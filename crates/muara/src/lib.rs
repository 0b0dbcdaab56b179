//! The program: web, intake, dispatch, all of them at once, and the admin's commands

pub mod files;
