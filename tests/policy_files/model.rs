//! Models that ask otherwise, and matchers that allow too much.

use rolegate::policy::{Code, Policy, PolicyFiles};

use super::{Edit, Expected, problems, refuses, swap};

#[test]
fn the_model_must_be_the_one_that_is_asked() {
    let cases: &[(Edit, Expected)] = &[
        (
            |f| swap(&mut f.model, "allow)) && !some", "allow))  && !some"),
            (Code::ModelDefinition, "model.conf", Some("e = ")),
        ),
        (
            |f| swap(&mut f.model, " && !some(where (p.eft == deny))", ""),
            (Code::ModelDefinition, "model.conf", Some("e = ")),
        ),
        (
            |f| swap(&mut f.model, "held, product, role\n", "product, held, role\n"),
            (Code::ModelDefinition, "model.conf", Some("r = ")),
        ),
        (
            |f| swap(&mut f.model, "holding, eft", "holding"),
            (Code::ModelDefinition, "model.conf", Some("p = ")),
        ),
        (|f| swap(&mut f.model, "_, _, _", "_, _"), (Code::ModelDefinition, "model.conf", Some("g = "))),
        (
            |f| f.model.push_str("m = r.role == p.role\n"),
            (Code::Duplicate, "model.conf", Some("m = r.role == ")),
        ),
        (|f| f.model.push_str("m2 = r.role == p.role\n"), (Code::ModelKey, "model.conf", Some("m2"))),
        (
            |f| swap(&mut f.model, "[matchers]", "[matcher]"),
            (Code::ModelSection, "model.conf", Some("[matcher]")),
        ),
        (
            |f| swap(&mut f.model, "[matchers]", "[matchers"),
            (Code::ModelSection, "model.conf", Some("[matchers")),
        ),
        (|f| swap(&mut f.model, "m = ", "m "), (Code::ModelKey, "model.conf", Some("m r.product"))),
        (|f| swap(&mut f.model, "g(r.held", "g(r.sub"), (Code::Matcher, "model.conf", Some("r.sub"))),
        // Reached only by some questions: Casbin would find it then.
        (
            |f| swap(&mut f.model, "r.role == p.role", "r.role == p.rolle"),
            (Code::Matcher, "model.conf", Some("m = ")),
        ),
        (|f| swap(&mut f.model, "r.role == p.role", "1/0 == 1"), (Code::Matcher, "model.conf", Some("m = "))),
        (
            |f| swap(&mut f.model, "r.role == p.role &&", "r.role == p.role && \\\n"),
            (Code::TrailingComment, "model.conf", Some("m = ")),
        ),
        (
            |f| swap(&mut f.model, "p.product)", "p.product) # all"),
            (Code::TrailingComment, "model.conf", Some("m = ")),
        ),
    ];
    for (edit, expected) in cases {
        refuses(*edit, *expected);
    }
}

#[test]
fn a_matcher_that_widens_is_found_by_asking() {
    let cases: &[(Edit, Code)] = &[
        (|f| swap(&mut f.model, " && g(r.held, p.holding, p.product)", ""), Code::NothingHeldAllowed),
        (|f| swap(&mut f.model, "r.role == p.role && ", ""), Code::Engine),
        (|f| swap(&mut f.model, "r.product == p.product && ", ""), Code::Engine),
        (|f| swap(&mut f.model, "r.role == p.role", "r.role != p.role"), Code::Engine),
        (|f| swap(&mut f.model, "g(r.held", "!g(r.held"), Code::NothingHeldAllowed),
    ];
    for (edit, code) in cases {
        let (_, problems) = problems(*edit);
        assert!(problems.iter().any(|problem| problem.code == *code), "{code:?}: {problems}");
    }
}

#[test]
fn blanks_and_an_order_of_conditions_are_free() {
    let mut files = PolicyFiles::builtin();
    swap(&mut files.model, "held, product, role", "held,product ,  role");
    swap(
        &mut files.model,
        "r.product == p.product && r.role == p.role && g(r.held, p.holding, p.product)",
        "g(r.held,p.holding,r.product) && (p.role==r.role) && p.product == r.product",
    );
    files.policy = files.policy.replace(", ", " ,\t").replace('\n', "\r\n");
    Policy::load(&files).unwrap();
}
