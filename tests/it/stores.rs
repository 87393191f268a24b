//! Trust stores: the compiled-in tables are what the lists say, and every client is judged with its own.

mod distrust;
mod published;
mod real;
mod tables;
mod update;
