//! Which role also acts as which: the edges of `policy.csv` and their closure.
//!
//! Always true here: the closure is reflexive and transitive, never crosses a product, and is complete for
//! chains of any length. Called by the checks of the rules and by Casbin's role manager.

use super::catalogue::{Catalogue, RoleIx, RoleMask};

/// One `g` line: who holds `from` also acts as `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    pub line: usize,
    pub from: RoleIx,
    pub to: RoleIx,
}

/// The acts-as edges of one policy.
#[derive(Debug)]
pub(super) struct ActsAs {
    edges: Vec<Edge>,
    /// By role: all roles of its product that it acts as, itself among them.
    closure: Vec<RoleMask>,
}

impl ActsAs {
    /// Both ends of each edge are roles of one product of this catalogue.
    pub fn new(catalogue: &Catalogue, edges: Vec<Edge>) -> Self {
        let mut closure: Vec<RoleMask> = catalogue.roles().map(|(_, role)| role.bit()).collect();
        // Each round carries every role at least one step further: done when a round changes nothing.
        loop {
            let mut changed = false;
            for edge in &edges {
                let reached = closure.get(edge.to.index()).copied().unwrap_or_default();
                if let Some(mask) = closure.get_mut(edge.from.index()) {
                    changed |= !mask.contains(reached);
                    *mask = mask.with(reached);
                }
            }
            if !changed {
                return Self { edges, closure };
            }
        }
    }

    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// Everything that a role acts as, itself included.
    pub fn closure(&self, role: RoleIx) -> RoleMask {
        self.closure.get(role.index()).copied().unwrap_or_default()
    }

    /// Whether `from` acts as `to`, both of one product.
    pub fn may(&self, catalogue: &Catalogue, from: RoleIx, to: RoleIx) -> bool {
        catalogue.get(to).is_some_and(|to| self.closure(from).contains(to.bit()))
    }

    /// By role: steps of the longest chain that starts there. Only for edges without a cycle.
    pub fn chains(&self) -> Vec<usize> {
        let mut steps = vec![0; self.closure.len()];
        loop {
            let mut changed = false;
            for edge in &self.edges {
                let onward = steps.get(edge.to.index()).map_or(1, |steps| steps + 1);
                if let Some(own) = steps.get_mut(edge.from.index()).filter(|own| **own < onward) {
                    *own = onward;
                    changed = true;
                }
            }
            if !changed {
                return steps;
            }
        }
    }
}
