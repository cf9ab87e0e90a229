//! Import and export through their public doors, over any store.

#[cfg(test)]
mod driver;
#[cfg(test)]
mod import_examples;
#[cfg(test)]
mod kept;
#[cfg(test)]
mod memory_store;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod world;
