//! Trust stores: the compiled-in tables are what the lists say, and every client is judged with its own.

mod published;
mod real;
mod tables;
