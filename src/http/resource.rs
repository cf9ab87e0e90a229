//! What the paths of a listener name, as one table for each listener.
//!
//! Always true here: a path is one resource at most; its methods stand in the order of the `Allow` header. A resource is
//! added in a table and in the `handle` of its site.

use std::fmt::Debug;

use hyper::Method;

use crate::telemetry::Route;

#[cfg(test)]
use super::operations;

/// A row of a table.
pub trait Resource: Copy + Eq + Debug + Send + Sync + 'static {
    const ALL: &'static [Self];

    /// What a path names.
    fn at(path: &str) -> Option<Self>;

    /// With `{…}` where a part is open.
    fn path(self) -> &'static str;

    /// In the order of the `Allow` header.
    fn methods(self) -> &'static [Method];

    fn route(self) -> Route;
}

/// Makes the table: `Name = "/path/{open}", [METHODS], Route;`.
macro_rules! resources {
    ($($name:ident = $path:literal, [$($method:ident)*], $route:ident;)*) => {
        /// What a path names.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Resource {
            $($name,)*
        }

        impl crate::http::resource::Resource for Resource {
            const ALL: &'static [Self] = &[$(Self::$name,)*];

            fn at(path: &str) -> Option<Self> {
                match path {
                    // Where nothing is open: most requests, and no path to take apart.
                    $($path => Some(Self::$name),)*
                    _ => Self::ALL.iter().copied().find(|resource| crate::http::path::fits(resource.path(), path)),
                }
            }

            fn path(self) -> &'static str {
                match self {
                    $(Self::$name => $path,)*
                }
            }

            fn methods(self) -> &'static [hyper::Method] {
                match self {
                    $(Self::$name => const { &[$(hyper::Method::$method),*] },)*
                }
            }

            fn route(self) -> crate::telemetry::Route {
                match self {
                    $(Self::$name => crate::telemetry::Route::$route,)*
                }
            }
        }
    };
}

pub(super) use resources;

/// Paths and methods that a listener with this table serves, and those that a document describes. HEAD is GET without its body and not
/// described by itself.
#[cfg(test)]
pub fn served_and_described<R: Resource>(document: &serde_json::Value) -> [Vec<(String, String)>; 2] {
    let mut served: Vec<(String, String)> = Vec::new();
    let own = R::ALL.iter().map(|own| (own.path(), own.methods()));
    let operations =
        operations::Resource::ALL.iter().map(|operation| (operation.path(), operation.methods()));
    for (path, methods) in own.chain(operations) {
        let methods = methods.iter().filter(|method| **method != Method::HEAD);
        served.extend(methods.map(|method| (path.to_owned(), method.to_string())));
    }
    let mut described = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let methods = item.as_object().unwrap().keys().filter(|key| *key != "parameters");
        described.extend(methods.map(|method| (path.clone(), method.to_uppercase())));
    }
    served.sort();
    described.sort();
    [served, described]
}

/// The words of an enumeration that a document names.
#[cfg(test)]
pub fn described_words(document: &serde_json::Value, schema: &str) -> Vec<String> {
    serde_json::from_value(document["components"]["schemas"][schema]["enum"].clone()).unwrap()
}
