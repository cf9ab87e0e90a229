//! Walks two sorted lists side by side.

use std::cmp::Ordering;
use std::iter;

/// Something of one list, or of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joined<L, R> {
    Left(L),
    Right(R),
    Both(L, R),
}

/// Every element of two lists that are sorted by `order`, each with its partner if it has one.
pub(super) fn join<L, R>(
    left: impl IntoIterator<Item = L>,
    right: impl IntoIterator<Item = R>,
    order: impl Fn(&L, &R) -> Ordering,
) -> impl Iterator<Item = Joined<L, R>> {
    let mut left = left.into_iter().peekable();
    let mut right = right.into_iter().peekable();
    iter::from_fn(move || {
        let order = match (left.peek(), right.peek()) {
            (Some(l), Some(r)) => order(l, r),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        match order {
            Ordering::Less => left.next().map(Joined::Left),
            Ordering::Greater => right.next().map(Joined::Right),
            Ordering::Equal => left.next().zip(right.next()).map(|(l, r)| Joined::Both(l, r)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::Joined::{self, Both, Left, Right};
    use super::join;

    type Case<'a> = (&'a [u8], &'a [u8], Vec<Joined<u8, u8>>);

    #[test]
    fn every_element_comes_once_with_its_partner() {
        let cases: [Case<'_>; 4] = [
            (&[], &[], vec![]),
            (&[1, 3], &[], vec![Left(1), Left(3)]),
            (&[], &[2], vec![Right(2)]),
            (&[1, 3, 4], &[2, 3, 5], vec![Left(1), Right(2), Both(3, 3), Left(4), Right(5)]),
        ];
        for (left, right, joined) in cases {
            let found: Vec<_> = join(left.iter().copied(), right.iter().copied(), u8::cmp).collect();
            assert_eq!(found, joined);
        }
    }
}
