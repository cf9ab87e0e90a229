//! Paths with parts that differ from request to request, such as identifiers.
//!
//! Always true here: a path is compared byte by byte, without decoding and without a trailing slash; an open
//! part is never empty and never spans a `/`. Used by the router and the handlers of readings.

use hyper::Uri;

/// Whether a path has the form of a template such as `/accounts/{account}/organizations`.
pub fn fits(template: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    let all = template.split('/').all(|wanted| {
        parts.next().is_some_and(|part| if is_open(wanted) { !part.is_empty() } else { part == wanted })
    });
    all && parts.next().is_none()
}

fn is_open(part: &str) -> bool {
    part.starts_with('{')
}

/// What a request names: a path that fits its template, and a query.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    pub template: &'static str,
    pub uri: &'a Uri,
}

impl<'a> Target<'a> {
    /// What stands at an open part of the path, not decoded; empty beyond the last one.
    pub fn part(self, position: usize) -> &'a str {
        let parts = self.template.split('/').zip(self.uri.path().split('/'));
        parts.filter(|(wanted, _)| is_open(wanted)).map(|(_, part)| part).nth(position).unwrap_or_default()
    }

    pub fn query(self) -> &'a str {
        self.uri.query().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "/organizations/{organization}/accounts/{account}/roles";

    #[test]
    fn open_parts_are_taken_as_they_stand() {
        let uri: Uri = "/organizations/acme%2F/accounts/a:1@x/roles?limit=1".parse().unwrap();
        assert!(fits(TEMPLATE, uri.path()));
        let target = Target { template: TEMPLATE, uri: &uri };
        assert_eq!([target.part(0), target.part(1), target.part(2)], ["acme%2F", "a:1@x", ""]);
        assert_eq!(target.query(), "limit=1");
    }

    #[test]
    fn nothing_but_the_open_parts_may_differ() {
        for other in [
            "",
            "/organizations/acme/accounts/a-1",
            "/organizations/acme/accounts/a-1/roles/",
            "/organizations//accounts/a-1/roles",
            "/organizations/acme/accounts//roles",
            "/organizations/acme/accounts/a/1/roles",
            "/Organizations/acme/accounts/a-1/roles",
            "organizations/acme/accounts/a-1/roles",
            "//organizations/acme/accounts/a-1/roles",
        ] {
            assert!(!fits(TEMPLATE, other), "{other}");
        }
        assert!(fits("/policy", "/policy") && !fits("/policy", "/policy/"));
    }
}
