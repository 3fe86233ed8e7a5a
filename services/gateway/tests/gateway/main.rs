//! The gateway before services that only record what reaches them: they stand
//! for the network.

#[cfg(test)]
mod bodies;
#[cfg(test)]
mod exchange;
#[cfg(test)]
mod fakes;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod spoofing;
