//! The gateway before services that only record what reaches them: they stand
//! for the network.

mod exchange;
mod fakes;
mod limits;
mod routes;
mod spoofing;
