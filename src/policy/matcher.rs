//! The language of matchers: the small part of Casbin's that cannot fail while it is evaluated.
//!
//! Always true of a matcher that passed: it is a condition over known names, `g` gets its three arguments in
//! their places, nothing in it divides, loops, overflows or nests deeply, so Casbin neither panics on it nor
//! reaches an unknown name only on some questions. Called by the reader of `model.conf`.
//!
//! ```text
//! any       := all { "||" all }
//! all       := one { "&&" one }
//! one       := "!" ( one that is no comparison ) | "(" any ")" | call | name ("==" | "!=") name
//! call      := "g" "(" "r.held" "," "p.holding" "," ( "r.product" | "p.product" ) ")"
//! name      := "r.product" | "r.role" | "p.product" | "p.role" | "p.holding" | '"' word '"'
//! ```

/// What may stand in a matcher, for people.
pub(super) const HELP: &str = "build it from g(r.held, p.holding, p.product), comparisons (==, !=) of \
    r.product, r.role, p.product, p.role, p.holding and \"words\", and &&, ||, !, parentheses";

const NAMES: &[&str] = &["r.product", "r.role", "p.product", "p.role", "p.holding"];
const MAX_DEPTH: usize = 16;

/// Why a text is no matcher.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the matcher has {found} at column {column} of its expression, where {wanted} belongs")]
pub(super) struct InvalidMatcher {
    found: String,
    column: usize,
    wanted: &'static str,
}

/// Checks a whole matcher.
pub(super) fn check(text: &str) -> Result<(), InvalidMatcher> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    parser.any()?;
    if parser.peek().is_empty() { Ok(()) } else { Err(parser.unexpected("the end or an operator")) }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Result<(), InvalidMatcher> {
        self.list("||", |parser| parser.list("&&", Self::one))
    }

    fn list(
        &mut self,
        operator: &str,
        item: impl Fn(&mut Self) -> Result<(), InvalidMatcher>,
    ) -> Result<(), InvalidMatcher> {
        item(self)?;
        while self.take(operator) {
            item(self)?;
        }
        Ok(())
    }

    fn one(&mut self) -> Result<(), InvalidMatcher> {
        if self.depth == MAX_DEPTH {
            return Err(self.unexpected("no deeper nesting"));
        }
        self.depth += 1;
        if self.take("!") {
            // In Casbin `!` binds to the name beside it: only conditions that stand by themselves follow.
            if !matches!(self.peek(), "!" | "(" | "g") {
                return Err(self.unexpected("a condition in parentheses"));
            }
            self.one()?;
        } else if self.take("(") {
            self.any()?;
            self.expect(")", "a closing parenthesis")?;
        } else if self.take("g") {
            self.call()?;
        } else {
            self.comparison()?;
        }
        self.depth -= 1;
        Ok(())
    }

    fn call(&mut self) -> Result<(), InvalidMatcher> {
        self.expect("(", "the arguments of g")?;
        self.expect("r.held", "r.held")?;
        self.expect(",", "a comma")?;
        self.expect("p.holding", "p.holding")?;
        self.expect(",", "a comma")?;
        if !self.take("p.product") {
            self.expect("r.product", "p.product or r.product")?;
        }
        self.expect(")", "a closing parenthesis")
    }

    fn comparison(&mut self) -> Result<(), InvalidMatcher> {
        self.name()?;
        if !self.take("!=") {
            self.expect("==", "== or !=")?;
        }
        self.name()
    }

    fn name(&mut self) -> Result<(), InvalidMatcher> {
        let found = self.peek();
        let quoted = found.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let word = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        if NAMES.contains(&found) || (found.len() > 1 && quoted.is_some_and(word)) {
            self.take(found);
            return Ok(());
        }
        Err(self.unexpected("a known name or a quoted word"))
    }

    fn expect(&mut self, token: &str, wanted: &'static str) -> Result<(), InvalidMatcher> {
        if self.take(token) { Ok(()) } else { Err(self.unexpected(wanted)) }
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.peek() == token;
        if found {
            self.at = self.start() + token.len();
        }
        found
    }

    /// The next token: a dotted name, a quoted text, an operator of two characters, or one character.
    fn peek(&self) -> &'a str {
        let rest = self.text.get(self.start()..).unwrap_or_default();
        let name = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.')).count();
        let length = if name > 0 {
            name
        } else if let Some(text) = rest.strip_prefix('"') {
            text.find('"').map_or(rest.len(), |end| end + 2)
        } else if ["&&", "||", "==", "!="].iter().any(|operator| rest.starts_with(operator)) {
            2
        } else {
            rest.chars().next().map_or(0, char::len_utf8)
        };
        rest.get(..length).unwrap_or_default()
    }

    /// Where the next token starts.
    fn start(&self) -> usize {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        self.at + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
    }

    fn unexpected(&self, wanted: &'static str) -> InvalidMatcher {
        let found = match self.peek() {
            "" => "nothing more".to_owned(),
            token => format!("{token:?}"),
        };
        InvalidMatcher { found, column: self.start() + 1, wanted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_conditions_over_known_names() {
        for text in [
            "r.product == p.product && r.role == p.role && g(r.held, p.holding, p.product)",
            "r.product==p.product&&r.role==p.role&&g(r.held,p.holding,r.product)",
            "(r.role == p.role && g(r.held, p.holding, p.product)) && !(r.role == \"viewer\" || !g(r.held, p.holding, p.product))",
            "\"\" != p.product",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn refuses_what_casbin_would_stumble_over_later() {
        for (text, found, column) in [
            ("", "nothing more", 1),
            ("r.product == p.product &&", "nothing more", 26),
            ("r.product == p.produkt", "\"p.produkt\"", 14),
            ("r.sub == p.sub", "\"r.sub\"", 1),
            ("r.held == p.holding", "\"r.held\"", 1),
            ("g(p.holding, r.held, p.product)", "\"p.holding\"", 3),
            ("g2(r.held, p.holding, p.product)", "\"g2\"", 1),
            ("g(r.held, p.holding)", "\")\"", 20),
            ("keyMatch(r.role, p.role)", "\"keyMatch\"", 1),
            ("1/0 == 1", "\"1\"", 1),
            ("true", "\"true\"", 1),
            ("r.role == p.role == p.role", "\"==\"", 18),
            ("!r.role == p.role", "\"r.role\"", 2),
            ("r.role = p.role", "\"=\"", 8),
            ("r.role == \"a.b\"", "\"\\\"a.b\\\"\"", 11),
            ("r.role == \"a", "\"\\\"a\"", 11),
            ("(r.role == p.role", "nothing more", 18),
            ("r.role == p.rolé", "\"p.rol\"", 11),
        ] {
            let error = check(text).expect_err(text);
            assert_eq!((error.found.as_str(), error.column), (found, column), "{text}");
        }
        let deep = format!("{}r.role == p.role{}", "(".repeat(400), ")".repeat(400));
        assert_eq!(check(&deep).unwrap_err().wanted, "no deeper nesting");
    }
}
